"""Reduces a failing run on containers: the schedule is run again and again on the same bed, reset in between. Acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.campaign.recovery import BOUND_S
from testbed.campaign.results import LIVENESS
from testbed.campaign.run import run
from testbed.errors import BedError
from testbed.history import SystemClock
from testbed.schedules import schedule as schedules
from testbed.schedules.shrinking import Rerun, shrink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.campaign.results import Result
    from testbed.checkers import Verdict
    from testbed.schedules.schedule import Schedule
    from testbed.schedules.shrinking import Shrunk

SHRUNK, HISTORY = "shrunk.json", "shrunk.jsonl"
"""The files in the report: the smallest schedule that failed, and what happened in its run."""

SHORT_S = 15.0
"""How long a re-run waits until all is well again, in seconds, where it does not matter whether it ever is."""


def reduced(bed: Bed, result: Result, folder: Path, *, for_s: float, say: Callable[[str], None]) -> Shrunk:
    """Reduce the schedule of a run that failed, and keep the smallest in the folder.

    A re-run fails if one of the checkers fails that failed first. Where nothing but the liveness phase failed, it has
    as long in a re-run as it had then. A re-run in which the testbed itself failed proves nothing.

    Args:
        bed: on which it ran.
        result: what came of it.
        folder: of the report.
        for_s: how long it may take, in seconds; the run that goes on then is not cut short.
        say: told what comes of each run.
    """
    return shrink(result.schedule, _Again(bed, result, folder, say).run, over=_deadline(for_s))


def _deadline(for_s: float) -> Callable[[], bool]:
    clock = SystemClock()
    until_ms = clock.monotonic_ms() + for_s * 1000
    return lambda: clock.monotonic_ms() >= until_ms


class _Again:
    """Runs schedules on one bed."""

    def __init__(self, bed: Bed, result: Result, folder: Path, say: Callable[[str], None]) -> None:
        self._bed, self._folder, self._say = bed, folder, say
        self._wanted = result.broken - {LIVENESS} or result.broken
        self._bound_s = BOUND_S if LIVENESS in self._wanted else SHORT_S

    def run(self, schedule: Schedule) -> Rerun:
        """Whether it fails in the same way; what failed last is kept."""
        path = self._folder / "rerun.jsonl"
        path.unlink(missing_ok=True)
        size = f"{schedule.faults} faults, {len(schedule.people)} clients, {schedule.until_ms / 1000:.1f} s"
        seen, told = self._seen(schedule, path)
        self._say(f"again with {size}: {told}")
        if seen is Rerun.FAILED:
            path.replace(self._folder / HISTORY)
            (self._folder / SHRUNK).write_text(schedules.written(schedule), encoding="utf-8")
        path.unlink(missing_ok=True)
        return seen

    def _seen(self, schedule: Schedule, path: Path) -> tuple[Rerun, str]:
        """What a run showed, and that in words."""
        broken: frozenset[str] = frozenset()
        failed: tuple[str, ...] = ()
        undecided: tuple[Verdict, ...] = ()
        try:
            self._bed.reset()
            result = run(self._bed, schedule, path, bound_s=self._bound_s)
            broken, failed, undecided = result.broken, result.failed, result.undecided
        except* BedError as failures:
            failed = (str(failures.exceptions[0]),)
        if self._wanted & broken:
            return Rerun.FAILED, ", ".join(sorted(broken))
        if failed:
            return Rerun.VOID, f"the testbed itself failed ({failed[0]})"
        if self._wanted & {one.checker for one in undecided}:
            return Rerun.VOID, f"nobody can tell ({', '.join(sorted(one.checker for one in undecided))})"
        return Rerun.HELD, ", ".join(sorted(broken - {LIVENESS})) or "all well"
