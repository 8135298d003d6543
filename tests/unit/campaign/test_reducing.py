"""Re-runs on one bed: only the same failure counts, and the smallest schedule that showed it is kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from testbed.campaign import reducing
from testbed.campaign.recovery import BOUND_S
from testbed.campaign.results import LIVENESS
from testbed.errors import EngineError
from testbed.schedules.schedule import Schedule, Step, Verb, read
from testbed.schedules.shrinking import MOST_VOID, Ended
from testbed.world import Failback

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.campaign.results import Result

KILL, CUT = Step(1000, Verb.KILL, "primary/core"), Step(2000, Verb.CUT, "link")
SCHEDULE = Schedule(detection_minutes=1.5, failback=Failback.AUTOMATIC, steps=(KILL, CUT), until_ms=3000)


class FakeBed:
    """Counts how often it was reset."""

    resets = 0

    def reset(self) -> None:
        """As new."""
        self.resets += 1


@pytest.fixture
def bed() -> FakeBed:
    """One bed."""
    return FakeBed()


class Reduction:
    """Reduces the schedule of a run that failed; what each re-run breaks is made up."""

    def __init__(self, bed: FakeBed, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._bed, self._folder, self._monkeypatch = bed, folder, monkeypatch
        self.bounds_s: set[float] = set()
        self.said: list[str] = []

    def __call__(
        self,
        broken_by: Callable[[Schedule], set[str]],
        *,
        first: frozenset[str] = frozenset({"roles"}),
        failed: tuple[str, ...] = (),
        undecided: tuple[str, ...] = (),
    ) -> Any:
        """What came of it; `failed` is what the testbed failed by in each re-run, `undecided` who cannot tell."""
        unknown = tuple(SimpleNamespace(checker=one) for one in undecided)

        def run(_bed: object, schedule: Schedule, path: Path, *, bound_s: float) -> Any:
            self.bounds_s.add(bound_s)
            path.write_text(f"{len(schedule.steps)} steps")
            return SimpleNamespace(broken=frozenset(broken_by(schedule)), failed=failed, undecided=unknown)

        self._monkeypatch.setattr(reducing, "run", run)
        result = cast("Result", SimpleNamespace(schedule=SCHEDULE, broken=first))
        return reducing.reduced(cast("Bed", self._bed), result, self._folder, for_s=60, say=self.said.append)


@pytest.fixture
def reduce(bed: FakeBed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reduction:
    """Reduce the schedule of a run in which "roles" failed."""
    return Reduction(bed, tmp_path, monkeypatch)


def test_the_smallest_is_kept_with_its_history(reduce: Reduction, bed: FakeBed, tmp_path: Path) -> None:
    """On the same bed, reset before each run; other histories are not left behind."""
    shrunk = reduce(lambda schedule: {"roles"} if any(step.act is Verb.CUT for step in schedule.steps) else set())
    assert [step.act for step in shrunk.schedule.steps] == [Verb.CUT]
    assert read((tmp_path / reducing.SHRUNK).read_text()) == shrunk.schedule
    assert (tmp_path / reducing.HISTORY).read_text() == "1 steps"
    assert bed.resets == shrunk.runs
    assert {path.name for path in tmp_path.iterdir()} == {reducing.SHRUNK, reducing.HISTORY}


def test_another_failure_does_not_count(reduce: Reduction) -> None:
    """It is not what the first run showed."""
    assert reduce(lambda _schedule: {"sessions"}).ended is Ended.GONE


def test_a_run_in_which_the_testbed_failed_proves_nothing(reduce: Reduction, bed: FakeBed) -> None:
    """It does not count as one that did not fail; and a bed that stays dirty ends it, with nothing called minimal."""

    def broken_by(schedule: Schedule) -> set[str]:
        if len(schedule.steps) == 1:
            raise ExceptionGroup("twice", [EngineError("no"), EngineError("no")])
        return {"roles"} if schedule.steps else set()

    shrunk = reduce(broken_by)
    assert (shrunk.ended, shrunk.is_minimal, len(shrunk.schedule.steps)) == (Ended.VOID, False, 2)
    assert any("the testbed itself failed (no)" in line for line in reduce.said)
    before = bed.resets
    assert reduce(lambda _schedule: set(), failed=("no effect",)).ended is Ended.VOID
    assert bed.resets == before + MOST_VOID, "what a run says of itself counts like what it raises"


def test_a_re_run_of_which_nobody_can_tell_proves_nothing(reduce: Reduction) -> None:
    """Where it is the checker that failed at first; another one does not matter."""
    assert reduce(lambda _schedule: set(), undecided=("roles", "meetings")).ended is Ended.VOID
    assert any("nobody can tell (meetings, roles)" in line for line in reduce.said)
    assert reduce(lambda _schedule: set(), undecided=("meetings",)).ended is Ended.GONE


def test_a_rule_that_was_broken_before_the_testbed_failed_counts(reduce: Reduction) -> None:
    """What is written is judged."""
    assert reduce(lambda _schedule: {"roles"}, failed=("no effect",)).is_minimal


def test_where_only_liveness_failed_a_re_run_has_as_long_as_the_first(reduce: Reduction) -> None:
    """What is slow in a re-run would else look like what never came."""
    assert reduce(lambda _schedule: {LIVENESS}, first=frozenset({LIVENESS})).is_minimal
    assert reduce.bounds_s == {BOUND_S}


def test_where_a_checker_failed_liveness_is_left_aside(reduce: Reduction) -> None:
    """So that nobody has to wait for it, and what is merely slow counts for nothing."""
    shrunk = reduce(lambda _schedule: {LIVENESS}, first=frozenset({LIVENESS, "roles"}))
    assert shrunk.ended is Ended.GONE
    assert reduce.bounds_s == {reducing.SHORT_S}
