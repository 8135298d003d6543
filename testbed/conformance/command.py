"""Runs somebody else's program beside a topology, and ends it with all it started. Knows nothing of servers.

The program is the leader of a process group of its own. A watcher process holds a pipe of this process: when this
one dies, however it dies, the watcher ends that group. A program that makes a session of its own gets away from both.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol, Self

from testbed.conformance.acts import Ended
from testbed.errors import MisuseError, NotInTimeError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LAST_LINES = 5
"""How many lines of a client's stderr are told when it has ended by itself."""

LAST_BYTES = 4096
"""How much of its stderr is read for that."""

GRACE_S = 2.0
"""How long a client may take to end after SIGTERM, in seconds; then its process group is killed."""

_WATCHER = "import os, signal, sys\nif not sys.stdin.buffer.read(1): os.killpg(int(sys.argv[1]), signal.SIGKILL)"


class Client(Protocol):
    """A client that is judged."""

    def ended(self) -> Ended | None:
        """How it ended, if it did."""


class Observed:
    """A client that somebody else runs: nobody knows when it ends."""

    def ended(self) -> Ended | None:
        """Nobody knows."""
        return None


class Command:
    """A program that runs; a context manager that ends it. Made by `start`."""

    def __init__(self, process: subprocess.Popen[bytes], watcher: subprocess.Popen[bytes], errors: Path) -> None:
        self._process = process
        self._watcher = watcher
        self._errors = errors

    @classmethod
    def start(cls, arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> Self:
        """Start a program; what it prints goes to client.out and client.err in the folder.

        Raises:
            MisuseError: there is no such program, or it cannot be run.
        """
        check(arguments)
        errors = folder / "client.err"
        with (folder / "client.out").open("wb") as out, errors.open("wb") as err:
            try:
                process = subprocess.Popen(  # noqa: S603 - it is what the caller wants to be run
                    list(arguments),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    env={**os.environ, **environ},
                    start_new_session=True,
                )
            except OSError as error:
                raise MisuseError(f"cannot run {arguments[0]}: {error.strerror or error}") from error
        try:
            watcher = subprocess.Popen(  # noqa: S603 - this very interpreter
                [sys.executable, "-I", "-S", "-c", _WATCHER, str(process.pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return cls(process, watcher, errors)

    def ended(self) -> Ended | None:
        """Its exit code and last words, if it has ended."""
        # Not waited for yet: while it is a zombie, its process group's number is nobody else's.
        found = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        code = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        return Ended(code=code, said=last_lines(self._errors))

    def end(self) -> None:
        """End it and everything in its process group: asked first, then killed. Ending twice is fine."""
        if self._process.returncode is not None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(NotInTimeError):
            wait_until(self.ended, lambda ended: ended is not None, within_s=GRACE_S, what="the client to end")
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(OSError):
            self._watcher.communicate(b"d")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def check(arguments: Sequence[str]) -> None:
    """Whether there is such a program.

    Raises:
        MisuseError: there is none.
    """
    if shutil.which(arguments[0]) is None:
        raise MisuseError(f"no program is called {arguments[0]!r}: give its path, or one that is on PATH")


def last_lines(path: Path) -> tuple[str, ...]:
    """The last lines of a file, as far as they lie in its last few kilobytes."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LAST_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return tuple(line for line in lines if line.strip())[-LAST_LINES:]
