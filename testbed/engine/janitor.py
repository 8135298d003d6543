"""Nothing outlives its run: a watcher process removes what a killed orchestrator left in the engine, and of its files.

The watcher sees the orchestrator's end, and removes all that carries the run's label, the certificates of topologies
that it was of, and the process's folders for the time being. It needs no helper container and no image.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from testbed.errors import BedError, EngineError, NotInTimeError
from testbed.owner import this_process
from testbed.waiting import wait_until
from testbed.watcher import READY, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from testbed.engine.sweep import Swept

READY_S = 20.0
"""How long the watcher may take to start, most of which is the import of the engine's client."""

QUIET_S = 5.0
"""How long nothing more may appear, once the orchestrator died: a creation that it had asked for may land
late."""

REMOVAL_S = 120.0
"""How long the removal may take, when nobody waits for it."""

ORDERLY_S = 15.0
"""How long removing goes on without success while the orchestrator waits; what is left then is told."""

_KEEP = b"k"
_DONE = b"d"


class Janitor:
    """The orchestrator's side of the watcher: a context manager. Leaving it removes what the run created.

    After `keep`, leaving it removes nothing. When it is left by KeyboardInterrupt or SystemExit, threads may
    still have creations in flight: then the watcher goes on alone, as it does after a SIGKILL.
    """

    def __init__(self, watcher: Watcher, *, run_id: str, mark: Path | None = None) -> None:
        self._watcher = watcher
        self._mark = mark
        self._run_id = run_id

    @classmethod
    def watch(cls, run_id: str, *, mark: Path | None = None, log: Path | None = None) -> Self:
        """Start a watcher for this run. Returns before the watcher is ready, which `confirm` awaits.

        Args:
            run_id: the value of the label `labels.RUN` on everything that the run creates.
            mark: a file that stands until all is removed, or is to be kept: who finds it knows that something is left.
            log: a file that gets a line on what the watcher removed, and its errors.
        """
        with contextlib.ExitStack() as stack:
            errors = None if log is None else stack.enter_context(log.open("ab"))
            arguments = ["-m", "testbed.engine.janitor", run_id, str(this_process()), str(mark or "")]
            watcher = Watcher(arguments) if errors is None else Watcher(arguments, errors=errors)
        return cls(watcher, run_id=run_id, mark=mark)

    @property
    def pid(self) -> int:
        """The watcher's process id."""
        return self._watcher.pid

    def confirm(self, *, within_s: float = READY_S) -> None:
        """Wait until the watcher is ready, so that nothing leaks unseen.

        Raises:
            MissingError: it ended, or did not get ready in time.
        """
        otherwise = f"the janitor of run {self._run_id} does not start: what a killed run leaves would stay"
        self._watcher.confirm(within_s=within_s, otherwise=otherwise)

    def keep(self) -> None:
        """Let everything stay: the watcher ends.

        Raises:
            MissingError: there was no watcher.
        """
        self.confirm()
        if self._mark is not None:  # first: killed after this, all is removed; killed after the word, all is kept
            self._mark.unlink(missing_ok=True)
        self._watcher.tell(_KEEP)
        self._wait()

    def remove(self) -> None:
        """Remove what the run created, and end the watcher.

        Raises:
            MissingError: there was no watcher.
            EngineError: something could not be removed; names it.
        """
        self.confirm()
        self._watcher.tell(_DONE)
        self._wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher.is_told:
            return
        if error is None:
            self.remove()
        elif isinstance(error, Exception):
            try:
                self.remove()
            except BedError as failed:
                raise ExceptionGroup("it failed, and so did its removal", [error, failed]) from error
        else:
            self._watcher.tell()
            self._watcher.leave(within_s=0)

    def _wait(self) -> None:
        """Wait for its end, and for what it says of that.

        Raises:
            EngineError: it did not end well.
        """
        code, said = self._watcher.end(within_s=REMOVAL_S + QUIET_S + READY_S)
        if code:
            left = said or f"its janitor ended with {code}"
            raise EngineError(f"could not remove everything of run {self._run_id}: {left}; once it can be: testbed gc")


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


def forget_files(beds: Iterable[str], orchestrator: str) -> None:
    """Remove the certificates of topologies that went, and what a process that is gone had for the time being.

    Args:
        beds: the names of the topologies; one that is up again by now keeps them.
        orchestrator: the process.

    Raises:
        EngineError: the engine cannot be asked what is up.
    """
    from testbed import environment, folders  # noqa: PLC0415 - as above
    from testbed.engine.records import records  # noqa: PLC0415

    for name in beds:
        folders.forget_beds(environment.beds_folder(), up=lambda: records(environment.engine()), name=name)
    folders.forget_temporary(Path(tempfile.gettempdir()), of=f"{orchestrator}_")


def main() -> int:
    """Wait for the orchestrator's end, then do what its last word says."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    run_id, orchestrator, mark = sys.argv[1:]
    with contextlib.suppress(BrokenPipeError):  # died already
        os.write(sys.stdout.fileno(), READY)
    word = sys.stdin.buffer.read()
    if word == _KEEP:
        return 0

    last: list[Swept] = []
    beds: set[str] = set()

    def look() -> Swept:
        last[:] = [sweep_run(run_id)]
        beds.update(last[0].beds)
        if not last[0].found_nothing:
            print(f"run {run_id}: {last[0]}", file=sys.stderr, flush=True)  # noqa: T201  # stderr is the log
        return last[0]

    is_awaited = word == _DONE
    try:
        tidy(look, quiet_s=0 if is_awaited else QUIET_S, within_s=ORDERLY_S if is_awaited else REMOVAL_S)
    except NotInTimeError as error:
        print(f"run {run_id}: {error}", file=sys.stderr, flush=True)  # noqa: T201  # stderr is the log
        with contextlib.suppress(BrokenPipeError):
            print("; ".join(map(str, last[0].failures)), flush=True)  # noqa: T201  # to who waits
        return 1
    try:
        forget_files(beds, orchestrator)
    except (BedError, OSError) as error:
        print(f"run {run_id}: {error}", file=sys.stderr, flush=True)  # noqa: T201  # stderr is the log
    if mark:
        Path(mark).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
