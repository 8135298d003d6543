"""Runs a client, and ends it with all that it started. A program of its own: `python -m testbed.conformance.keeper`.

Whoever loses its parent below this process becomes its child (PR_SET_CHILD_SUBREAPER), whatever group or session it
made for itself: nothing gets away. What to run is one line of JSON on stdin; what becomes of it is said on stdout, a
line of JSON each. After the word `end` everybody is asked to end before they are killed. Where stdin ends without it,
whoever judges the client is dead, and everybody is killed at once.

It keeps what the client prints, up to a bound, and starts it again if that is wanted. Knows nothing of servers.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.conformance import names
from testbed.conformance.printed import Printed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

END = b"end\n"
"""Asks for the end."""

GRACE_S = 2.0
"""How long a client and what it started may take to end after SIGTERM, in seconds; then they are killed."""

KILL_S = 10.0
"""How long the kernel may take to end what was killed, in seconds; then it is said who is left."""

AGAIN_S = 0.5
"""How long after its start a client that has ended is started again, in seconds, at the earliest."""

_DEATH_SIGNAL, _SUBREAPER = 1, 36
_AT_ONCE_S = 0.05

_libc = ctypes.CDLL(None, use_errno=True)


class Keeper:
    """Keeps one client.

    Args:
        order: what to run; its fields are those of `command.Order`.
    """

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._order = order
        self._outs = {pipe: Printed(Path(order[name])) for name in ("out", "err") for pipe in [os.pipe()]}
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for read, _write in self._outs:
            os.set_blocking(read, False)
        self._client: int | None = None
        self._started_at = 0.0
        self._times = 0
        self._heard = b""
        self._is_over = False

    def run(self) -> None:
        """Start the client, and keep it until the end is asked for, or nobody is there to ask."""
        why = self._give_names()
        try:
            self._start()
        except OSError as error:
            say(failed=str(error))
            return
        say(started=True, names=why)
        try:
            while not self._is_over:
                self._turn(self._until_again())
                if self._client is None and self._until_again() == 0 and not self._is_over:
                    self._start_again()
        finally:
            self._end()

    def _give_names(self) -> str | None:
        """Why the client has no names of its own; empty: it has; `None`: it was not to have any."""
        if self._order["hosts"] is None:
            return None
        file = Path(self._order["hosts"])
        why = names.why_not(file, self._order["names"])
        try:
            if not why:
                names.give(file)
        except OSError as error:
            return str(error)
        return why

    def _start(self) -> None:
        (_, out), (_, err) = self._outs
        # It leads no group, and so can make a session of its own, as anywhere. The subprocess object is let go at once:
        # every child is reaped here, this one among them.
        process = subprocess.Popen(  # noqa: S603 - it is what the caller wants to be run
            self._order["arguments"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **self._order["environ"]},
            preexec_fn=_die_with_me,  # noqa: PLW1509 - there are no threads here
        )
        self._client, self._started_at = process.pid, time.monotonic()
        self._times += 1
        process.returncode = 0  # nobody is to be warned that it still runs

    def _start_again(self) -> None:
        try:
            self._start()
        except OSError as error:
            self._started_at = time.monotonic()
            say(ended=127, said=[str(error)], times=self._times)

    def _until_again(self) -> float | None:
        """Seconds until the client is to be started again; `None`: it runs, or is not to be."""
        if self._client is not None or not self._order["again"]:
            return None
        return max(0.0, self._started_at + AGAIN_S - time.monotonic())

    def _turn(self, within_s: float | None) -> None:
        """Wait for whatever comes first, and take it in."""
        listening = [] if self._is_over else [0]
        ready, _, _ = select.select([*listening, self._woken, *(read for read, _ in self._outs)], [], [], within_s)
        if 0 in ready:
            self._listen()
        self._take_output()
        with contextlib.suppress(BlockingIOError):
            while os.read(self._woken, 512):
                pass
        self._reap()

    def _listen(self) -> None:
        heard = os.read(0, 512)
        self._heard += heard
        self._is_over = not heard or self._heard.endswith(END)

    def _take_output(self) -> None:
        for (read, _write), printed in self._outs.items():
            with contextlib.suppress(BlockingIOError):
                while data := os.read(read, 1 << 16):
                    printed.add(data)

    def _reap(self) -> bool:
        """Take in whoever has ended; whether anybody is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._client:
                self._client = None
                self._take_output()
                _out, err = self._outs.values()
                say(ended=os.waitstatus_to_exitcode(status), said=err.last_lines(), times=self._times)

    def _end(self) -> None:
        if self._heard.endswith(END):
            send(signal.SIGTERM)
            self._wait(GRACE_S)
        # On and on: whoever is killed may have started another one a moment before.
        self._wait(KILL_S, meanwhile=lambda: send(signal.SIGKILL))
        for printed in self._outs.values():
            printed.close()
        say(left=list(below(os.getpid())))

    def _wait(self, within_s: float, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Until nobody is left, or the time is over."""
        until = time.monotonic() + within_s
        while self._reap() and time.monotonic() < until:
            meanwhile()
            self._turn(_AT_ONCE_S)


def send(what: signal.Signals) -> None:
    """A signal for all that is below this process; who belongs to somebody else does not get it."""
    for pid in list(below(os.getpid())):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, what)


def below(parent: int) -> Iterator[int]:
    """All processes that a process has started, and those that these have, parents first; zombies not counted."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, its_parent, *_ = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if state != "Z":
                children.setdefault(int(its_parent), []).append(int(path.parent.name))
    waiting = [parent]
    while waiting:
        found = children.get(waiting.pop(0), [])
        yield from found
        waiting += found


def say(**fields: Any) -> None:
    """Tell whoever judges the client; it may be gone."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(fields).encode() + b"\n")


def _die_with_me() -> None:
    """For the moment in which somebody kills the keeper: the client at least ends with it."""
    _libc.prctl(_DEATH_SIGNAL, signal.SIGKILL)


def _ordered() -> Mapping[str, Any] | None:
    """What to run; `None`: nobody is there any more who would say it."""
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(0, 1 << 16)
        if not more:
            return None
        line += more
    found: Mapping[str, Any] = json.loads(line)
    return found


def main() -> None:
    """Until the end is asked for. Signals that are meant for the client, or for all, do not end this process."""
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, lambda *_: None)  # not ignored: that would be handed down to the client
    if _libc.prctl(_SUBREAPER, 1, 0, 0, 0):
        sys.exit(f"this kernel has no subreaper: {os.strerror(ctypes.get_errno())}")
    os.write(1, b"r")
    order = _ordered()
    if order is not None:
        Keeper(order).run()


if __name__ == "__main__":
    main()
