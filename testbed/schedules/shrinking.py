"""Reduces a schedule that fails to a small one that still does, by running it again and again. Pure: takes the runs.

First the given schedule is run again a few times, all of them: a failure that comes each time is real, one that comes
at times is flaky, with its rate, and one that never comes again is not reduced, as nobody could tell what it needs.
Then people and steps are left out, in halves, quarters and so on, down to single ones (delta debugging, after Zeller
and Hildebrandt); what no longer fits goes with what it undid. Then the pauses between what is left are shortened.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from testbed.schedules.schedule import written
from testbed.schedules.timeline import pauses, tightened, with_pause, without_people, without_rests, without_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from testbed.schedules.schedule import Schedule

T = TypeVar("T")

RERUNS = 3
"""How often a failing schedule is run again to tell whether it fails always, at times, or never again."""

SHORTER = (0.0, 0.25, 0.5)
"""What is tried of a pause, one after the other."""

MISSED = 0.1
"""So likely a candidate that fails at times is taken for sound, and no likelier."""

MOST_VOID = 3
"""After so many runs in a row that proved nothing there is no sense in more."""

_WORTH_MS = 20
"""A pause is not made shorter by less."""


class Rerun(StrEnum):
    """What a run of a schedule showed."""

    FAILED = "failed"
    """It failed in the same way."""
    HELD = "held"
    """It did not."""
    VOID = "void"
    """The testbed itself failed, so that nobody knows."""


class Ended(StrEnum):
    """Why no more was tried."""

    MINIMAL = "nothing more could be left out"
    TIME = "the time was over"
    VOID = "the testbed itself failed, again and again"
    STOPPED = "it was stopped"
    GONE = "it never failed again"


@dataclass(frozen=True, kw_only=True)
class Shrunk:
    """What came of it.

    Attributes:
        schedule: the smallest that failed; the given one, if that never failed again.
        failed: how many of the re-runs of the given one failed.
        reruns: how many there were; those that proved nothing do not count.
        runs: how many runs it took in all.
        ended: why no more was tried.
    """

    schedule: Schedule
    failed: int
    reruns: int
    runs: int
    ended: Ended

    @property
    def is_minimal(self) -> bool:
        """Nothing that was tried could be left out any more."""
        return self.ended is Ended.MINIMAL

    @property
    def is_flaky(self) -> bool:
        """It was run again, and did not fail each time."""
        return self.failed < self.reruns

    @property
    def rate(self) -> float | None:
        """Which share of the re-runs failed; the first run does not count, as it was chosen for that. `None`: none."""
        return self.failed / self.reruns if self.reruns else None


class _OverError(Exception):
    """No more is to be tried.

    Attributes:
        why: in which way it is over.
    """

    def __init__(self, why: Ended) -> None:
        super().__init__(why.value)
        self.why = why


def shrink(
    schedule: Schedule, rerun: Callable[[Schedule], Rerun], *, over: Callable[[], bool], reruns: int = RERUNS
) -> Shrunk:
    """Reduce a schedule that has failed once. Ctrl-C (KeyboardInterrupt) ends it with the best so far.

    Args:
        schedule: which.
        rerun: runs a schedule; whether it fails in the same way, or proves nothing.
        over: whether the time is over; asked before each run.
        reruns: how often the given one is run again first.
    """
    return _Shrinking(schedule, rerun, over).run(reruns)


def chances(rate: float) -> int:
    """How often a candidate is run, so that one which fails at this rate is hardly ever taken for sound."""
    return 1 if rate >= 1 else math.ceil(math.log(MISSED) / math.log(1 - rate))


class _Shrinking:
    """One reduction: the best so far, and what has been tried."""

    def __init__(self, schedule: Schedule, rerun: Callable[[Schedule], Rerun], over: Callable[[], bool]) -> None:
        self._best, self._rerun, self._over = schedule, rerun, over
        self._longest_ms = max(pauses(schedule), default=0)
        self._tried: dict[str, bool] = {}
        self._runs, self._attempts, self._void = 0, 1, 0

    def run(self, reruns: int) -> Shrunk:
        """All of it, as far as the time goes."""
        failed, done, ended = 0, 0, Ended.MINIMAL
        try:
            while done < reruns:
                failed += self._fails(self._best)
                done += 1
            if failed:
                self._attempts = chances(failed / done)
                self._reduce()
            else:
                ended = Ended.GONE
        except _OverError as over:
            ended = over.why
        except KeyboardInterrupt:
            ended = Ended.STOPPED
        return Shrunk(schedule=self._best, failed=failed, reruns=done, runs=self._runs, ended=ended)

    def _reduce(self) -> None:
        while True:
            before = self._best
            self._fewer(lambda: [one.name for one in self._best.people], without_people)
            self._fewer(lambda: list(range(len(self._best.steps))), without_steps)
            self._fewer(lambda: list(self._best.settles_ms), without_rests)
            self._shorter()
            if self._best == before:
                return

    def _fewer(self, units: Callable[[], Sequence[T]], without: Callable[[Schedule, Sequence[T]], Schedule]) -> None:
        """Leave out as many as possible: all, then chunks of half, a quarter … a single one."""
        size = len(units())
        while size >= 1:
            start = len(units())
            while start > 0:
                start = min(start, len(units()))
                chunk = units()[max(0, start - size) : start]
                self._try(tightened(without(self._best, chunk), self._longest_ms))
                start -= size
            size = 0 if size == 1 else -(-size // 2)

    def _shorter(self) -> None:
        for place in range(len(pauses(self._best)) - 1, -1, -1):
            pause_ms = pauses(self._best)[place]
            for share in SHORTER:
                shorter_ms = max(1, round(pause_ms * share))
                if pause_ms - shorter_ms >= _WORTH_MS and self._try(with_pause(self._best, place, shorter_ms)):
                    break

    def _try(self, candidate: Schedule) -> bool:
        """Whether this fails, too; then it is the best so far."""
        if candidate == self._best:
            return False
        name = written(replace(candidate, seed=None))
        if name not in self._tried:
            self._tried[name] = any(self._fails(candidate) for _ in range(self._attempts))
        if self._tried[name]:
            self._best = replace(candidate, seed=None)
        return self._tried[name]

    def _fails(self, candidate: Schedule) -> bool:
        """Whether it fails; it is run again while that proves nothing."""
        while True:
            if self._over():
                raise _OverError(Ended.TIME)
            self._runs += 1
            seen = self._rerun(candidate)
            self._void = self._void + 1 if seen is Rerun.VOID else 0
            if self._void >= MOST_VOID:
                raise _OverError(Ended.VOID)
            if seen is not Rerun.VOID:
                return seen is Rerun.FAILED
