"""Nothing outlives its run: a watcher process removes what a killed orchestrator left in the engine.

The watcher holds the read end of a pipe whose write end the orchestrator alone holds. When that ends, however
it ends, the watcher sees it and removes all that carries the run's label. It needs no helper container and no
image, and has its own session, so that a Ctrl-C in the terminal does not reach it.

Whoever forks the orchestrator without an exec (`multiprocessing` by fork) hands on the write end, and with it
delays the removal until the fork ends too.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, Self

from testbed.errors import EngineError, MissingError, NotInTimeError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from testbed.engine.sweep import Swept

READY_S = 20.0
"""How long the watcher may take to start, most of which is the import of the engine's client."""

QUIET_S = 5.0
"""How long nothing more may appear, once the orchestrator died: a creation that it had asked for may land
late."""

REMOVAL_S = 120.0
"""How long the removal may take."""

_KEEP = b"k"
_DONE = b"d"


class Janitor:
    """The orchestrator's side of the watcher: a context manager. Leaving it removes what the run created.

    After `keep`, leaving it removes nothing. When it is left by KeyboardInterrupt or SystemExit, threads may
    still have creations in flight: then the watcher goes on alone, as it does after a SIGKILL.
    """

    def __init__(self, process: subprocess.Popen[bytes], *, run_id: str) -> None:
        self._process = process
        self._run_id = run_id
        self._is_ready = False
        self._is_over = False

    @classmethod
    def watch(cls, run_id: str, *, log: Path | None = None) -> Self:
        """Start a watcher for this run. Returns before the watcher is ready, which `confirm` awaits.

        Args:
            run_id: the value of the label `labels.RUN` on everything that the run creates.
            log: a file that gets a line on what the watcher removed, and its errors.
        """
        with contextlib.ExitStack() as stack:
            errors: IO[bytes] | int = subprocess.DEVNULL
            if log is not None:
                errors = stack.enter_context(log.open("ab"))
            process = subprocess.Popen(  # noqa: S603  # this very interpreter; the run id is one argument
                [sys.executable, "-m", "testbed.engine.janitor", run_id],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        return cls(process, run_id=run_id)

    @property
    def pid(self) -> int:
        """The watcher's process id."""
        return self._process.pid

    def confirm(self, *, within_s: float = READY_S) -> None:
        """Wait until the watcher is ready, so that nothing leaks unseen.

        Raises:
            MissingError: it ended, or did not get ready in time.
        """
        if self._is_ready:
            return
        said = self._process.stdout
        assert said is not None  # noqa: S101  # Popen was asked for a pipe
        readable, _, _ = select.select([said], [], [], within_s)
        if not readable or not os.read(said.fileno(), 1):
            self._tell(b"")  # one that is merely late goes on alone
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
            raise MissingError(f"the janitor of run {self._run_id} does not start: what a killed run leaves would stay")
        self._is_ready = True

    def keep(self) -> None:
        """Let everything stay: the watcher ends.

        Raises:
            MissingError: there was no watcher.
        """
        self.confirm()
        self._tell(_KEEP)
        self._wait()

    def remove(self) -> None:
        """Remove what the run created, and end the watcher.

        Raises:
            MissingError: there was no watcher.
            EngineError: something could not be removed.
        """
        self.confirm()
        self._tell(_DONE)
        self._wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_over:
            return
        if error is None or isinstance(error, Exception):
            self.remove()
        else:
            self._tell(b"")

    def _tell(self, word: bytes) -> None:
        """Say the last word: the pipe is closed after it."""
        self._is_over = True
        told, said = self._process.stdin, self._process.stdout
        assert told is not None  # noqa: S101  # Popen was asked for pipes
        assert said is not None  # noqa: S101  # likewise
        with contextlib.suppress(BrokenPipeError):  # it is dead: its exit code tells
            told.write(word)
            told.flush()
        with contextlib.suppress(BrokenPipeError):
            told.close()
        said.close()

    def _wait(self) -> None:
        code = self._process.wait(REMOVAL_S + QUIET_S + READY_S)
        if code:
            raise EngineError(f"the janitor of run {self._run_id} could not remove everything (exit code {code})")


def tidy(look: Callable[[], Swept], *, quiet_s: float, within_s: float) -> None:
    """Sweep until nothing has been found for a while.

    Args:
        look: sweeps once.
        quiet_s: how long nothing may be found, in seconds; 0: one look that finds nothing is enough.
        within_s: bound in seconds.

    Raises:
        NotInTimeError: something is still there, or new things still appear; says what was last seen.
    """
    quiet_since: float | None = None

    def is_quiet(swept: Swept) -> bool:
        nonlocal quiet_since
        if not swept.found_nothing:
            quiet_since = None
            return False
        now = time.monotonic()
        quiet_since = now if quiet_since is None else quiet_since
        return now - quiet_since >= quiet_s

    wait_until(look, is_quiet, within_s=within_s, what="the last left-over to go", every_s=0.2)


def sweep_run(run_id: str) -> Swept:
    """Sweep what this run left, once; an engine that does not answer is a failure like another.

    The engine's client is loaded only here: a watcher starts at every `up`, and most have nothing to sweep.
    """
    import docker  # noqa: PLC0415
    from docker.errors import DockerException  # noqa: PLC0415
    from docker.utils import kwargs_from_env  # noqa: PLC0415

    from testbed.engine import labels  # noqa: PLC0415
    from testbed.engine.sweep import Swept, sweep  # noqa: PLC0415

    try:
        with contextlib.closing(docker.APIClient(**kwargs_from_env(), version="auto")) as client:
            return sweep(client, {labels.RUN: run_id})
    except (EngineError, DockerException) as error:
        return Swept(failures=[EngineError(f"the engine does not answer: {error}")])


def main() -> int:
    """Wait for the orchestrator's end, then do what its last word says."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    (run_id,) = sys.argv[1:]
    with contextlib.suppress(BrokenPipeError):  # died already
        os.write(sys.stdout.fileno(), b"r")
    word = sys.stdin.buffer.read()
    if word == _KEEP:
        return 0

    def look() -> Swept:
        swept = sweep_run(run_id)
        if not swept.found_nothing:
            print(f"run {run_id}: {swept}", file=sys.stderr, flush=True)  # noqa: T201  # stderr is the log
        return swept

    try:
        tidy(look, quiet_s=0 if word == _DONE else QUIET_S, within_s=REMOVAL_S)
    except NotInTimeError as error:
        print(f"run {run_id}: {error}", file=sys.stderr, flush=True)  # noqa: T201  # stderr is the log
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
