"""A process that sees this one's end, however it ends: it holds the read end of a pipe that this one alone writes.

Whoever forks this process without an exec (`multiprocessing` by fork) hands on the write end, and with it delays the
moment until the fork ends too.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from testbed.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

READY = b"r"
"""What a watcher writes once it watches."""


class Watcher:
    """This side of it. Starts Python with these arguments; returns before it watches, which `confirm` awaits.

    It has a session of its own: a Ctrl-C in the terminal does not reach it.

    Args:
        arguments: of the interpreter.
        errors: where its stderr goes.
    """

    def __init__(self, arguments: Sequence[str], *, errors: Any = subprocess.DEVNULL) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this very interpreter; each word is one argument
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        self._is_confirmed = False
        self.is_told = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def confirm(self, *, within_s: float, otherwise: str) -> None:
        """Wait until it watches. Asking again is fine.

        Args:
            within_s: how long it may take to start, in seconds.
            otherwise: what it means if nobody watches.

        Raises:
            MissingError: it ended, or does not watch in time; one that is merely late goes on alone.
        """
        if self._is_confirmed:
            return
        said = self._process.stdout
        assert said is not None  # noqa: S101  # Popen was asked for a pipe
        readable, _, _ = select.select([said], [], [], within_s)
        if not readable or not os.read(said.fileno(), 1):
            self.tell()
            self.leave(within_s=1)
            raise MissingError(otherwise)
        self._is_confirmed = True

    def say(self, text: bytes) -> None:
        """Say something that is not the last word. Nothing happens if it is dead: that is heard."""
        told = self._process.stdin
        assert told is not None  # noqa: S101  # Popen was asked for pipes
        with contextlib.suppress(BrokenPipeError):
            told.write(text)
            told.flush()

    def hear(self) -> bytes | None:
        """What it has said since the last time, without waiting; `None`: it has ended, and all was heard."""
        said = self._process.stdout
        assert said is not None  # noqa: S101  # Popen was asked for a pipe
        if said.closed:
            return None
        readable, _, _ = select.select([said], [], [], 0)
        return (os.read(said.fileno(), 1 << 16) or None) if readable else b""

    def tell(self, word: bytes = b"") -> None:
        """Say the last word: the pipe is closed after it. Without a word it looks like this process's end."""
        if self.is_told:
            return
        self.is_told = True
        self.say(word)
        told = self._process.stdin
        assert told is not None  # noqa: S101  # Popen was asked for pipes
        with contextlib.suppress(BrokenPipeError):
            told.close()
        self._process.stdin = None

    def leave(self, *, within_s: float) -> None:
        """Leave it to itself, after its last word; it may have ended within the time."""
        if self._process.stdout is not None:
            self._process.stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)

    def end(self, *, within_s: float) -> tuple[int, str]:
        """Wait for its end, after its last word: its exit code, and what it said.

        Raises:
            subprocess.TimeoutExpired: it has not ended.
        """
        said, _ = self._process.communicate(timeout=within_s)
        return self._process.returncode, said.decode(errors="replace").strip()
