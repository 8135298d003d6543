"""Reducing a schedule: what is left out, what is never left out, and when it is given up. Failures are made up."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from testbed.schedules.drawing import draw
from testbed.schedules.schedule import Schedule, Step, Verb
from testbed.schedules.shrinking import MISSED, MOST_VOID, Ended, Rerun, chances, shrink
from testbed.schedules.timeline import moments, pauses, tightened, with_pause, without_people, without_steps
from testbed.schedules.trouble import fitting
from testbed.world import Failback

if TYPE_CHECKING:
    from collections.abc import Callable

KILL, START = Step(1000, Verb.KILL, "primary/core"), Step(5000, Verb.START, "primary/core")
CUT, HEAL = Step(2000, Verb.CUT, "link"), Step(9000, Verb.HEAL, "link")
SMALL = Schedule(
    detection_minutes=1.5,
    failback=Failback.AUTOMATIC,
    steps=(KILL, CUT, START, HEAL),
    settles_ms=(4000,),
    until_ms=10_000,
)


@pytest.fixture
def drawn() -> Schedule:
    """Five minutes by chance."""
    return draw(random.Random(11), seed=11, minutes=5)  # noqa: S311 - no secret


def has(*verbs: Verb) -> Callable[[Schedule], bool]:
    """A failure that takes these, in this order."""

    def fails(schedule: Schedule) -> bool:
        left = iter(step.act for step in schedule.steps)
        return all(any(verb is one for one in left) for verb in verbs)

    return fails


def told(fails: Callable[[Schedule], bool]) -> Callable[[Schedule], Rerun]:
    """Runs that each prove something."""
    return lambda schedule: Rerun.FAILED if fails(schedule) else Rerun.HELD


@pytest.mark.parametrize("verbs", [(Verb.LOSE,), (Verb.CUT, Verb.KILL), (Verb.PAUSE, Verb.HEAL, Verb.STOP)])
def test_only_what_it_takes_is_left(drawn: Schedule, verbs: tuple[Verb, ...]) -> None:
    """What undoes needs what it undoes; nobody works, and nothing waits."""
    shrunk = shrink(drawn, told(has(*verbs)), over=lambda: False)
    left = shrunk.schedule
    assert shrunk.is_minimal
    assert has(*verbs)(left)
    assert fitting(left.steps) == left.steps
    assert not any(has(*verbs)(without_steps(left, [place])) for place in range(len(left.steps)))
    assert len(left.steps) <= len(verbs) + 2
    assert (left.people, left.work) == ((), ())
    assert moments(left)[-1] < 200
    assert left.seed is None, "it is no longer what the seed gives"


def test_who_is_needed_stays(drawn: Schedule) -> None:
    """With the work of theirs that it takes, and nobody else."""

    def fails(schedule: Schedule) -> bool:
        return {"user03", "user11"} <= {task.client for task in schedule.work} and has(Verb.KILL)(schedule)

    left = shrink(drawn, told(fails), over=lambda: False).schedule
    assert {person.name for person in left.people} == {"user03", "user11"}
    assert len(left.steps) == 1


def test_a_pause_that_it_takes_stays(drawn: Schedule) -> None:
    """To within a quarter of it or so: each try costs a run."""

    def fails(schedule: Schedule) -> bool:
        return any(pause >= 900 for pause in pauses(schedule)) and has(Verb.KILL)(schedule)

    left = shrink(drawn, told(fails), over=lambda: False).schedule
    assert 900 <= moments(left)[-1] < 2000


def test_what_is_not_seen_again_is_flaky_and_not_reduced(drawn: Schedule) -> None:
    """The first run was chosen because it failed, so it is no part of the rate."""
    shrunk = shrink(drawn, told(lambda _schedule: False), over=lambda: False, reruns=4)
    assert (shrunk.is_flaky, shrunk.rate, shrunk.runs, shrunk.ended) == (True, 0.0, 4, Ended.GONE)
    assert shrunk.schedule == drawn
    assert not shrunk.is_minimal


def test_what_fails_each_time_is_real_only_after_all_re_runs(drawn: Schedule) -> None:
    """One that fails at times may well fail the first time."""
    real = shrink(drawn, told(has(Verb.LOSE)), over=lambda: False)
    assert (real.failed, real.reruns, real.rate, real.is_flaky) == (3, 3, 1.0, False)
    turns = itertools.count()
    flaky = shrink(SMALL, told(lambda _schedule: next(turns) == 0), over=lambda: False)
    assert (flaky.failed, flaky.reruns, flaky.is_flaky) == (1, 3, True)
    assert flaky.rate == pytest.approx(1 / 3)


@pytest.mark.parametrize(("rate", "runs"), [(1.0, 1), (2 / 3, 3), (1 / 3, 6), (0.05, 45)])
def test_what_fails_seldom_is_given_as_many_chances_as_it_takes(rate: float, runs: int) -> None:
    """No fewer than make it unlikely that none shows, and no more."""
    assert chances(rate) == runs
    assert (1 - rate) ** runs <= MISSED
    assert runs == 1 or (1 - rate) ** (runs - 1) > MISSED


def test_a_run_that_proves_nothing_is_made_again(drawn: Schedule) -> None:
    """It counts neither as a failure nor as none."""
    turns = itertools.count()

    def rerun(schedule: Schedule) -> Rerun:
        return Rerun.VOID if next(turns) % 2 == 0 else told(has(Verb.CUT))(schedule)

    shrunk = shrink(drawn, rerun, over=lambda: False)
    assert (shrunk.failed, shrunk.reruns, shrunk.is_minimal) == (3, 3, True)
    assert [step.act for step in shrunk.schedule.steps] == [Verb.CUT]


def test_a_bed_that_stays_dirty_ends_it_and_nothing_is_called_minimal(drawn: Schedule) -> None:
    """With the best so far; from the first run on, or after a while."""
    none = shrink(drawn, lambda _schedule: Rerun.VOID, over=lambda: False)
    assert (none.failed, none.reruns, none.rate, none.runs) == (0, 0, None, MOST_VOID)
    assert (none.ended, none.is_flaky, none.is_minimal) == (Ended.VOID, False, False)
    turns = itertools.count()
    some = shrink(
        drawn, lambda schedule: Rerun.VOID if next(turns) > 8 else told(has(Verb.CUT))(schedule), over=lambda: False
    )
    assert (some.ended, some.is_minimal, some.runs) == (Ended.VOID, False, 9 + MOST_VOID)
    assert has(Verb.CUT)(some.schedule)
    assert len(some.schedule.steps) < len(drawn.steps)


def test_who_stops_it_has_the_best_so_far(drawn: Schedule) -> None:
    """Ctrl-C, in the midst of a run."""
    turns = itertools.count()

    def rerun(schedule: Schedule) -> Rerun:
        if next(turns) == 8:
            raise KeyboardInterrupt
        return told(has(Verb.CUT))(schedule)

    shrunk = shrink(drawn, rerun, over=lambda: False)
    assert (shrunk.ended, shrunk.is_minimal, shrunk.failed) == (Ended.STOPPED, False, 3)
    assert has(Verb.CUT)(shrunk.schedule)
    assert len(shrunk.schedule.steps) < len(drawn.steps)


def test_what_fails_at_times_is_given_more_chances(drawn: Schedule) -> None:
    """Every third run fails: a candidate that did not fail once is not taken for sound."""
    turns = itertools.count(1)

    def fails(schedule: Schedule) -> bool:
        return next(turns) % 3 == 0 and has(Verb.LOSE)(schedule)

    shrunk = shrink(drawn, told(fails), over=lambda: False)
    assert (shrunk.failed, shrunk.reruns, shrunk.is_flaky) == (1, 3, True)
    assert [step.act for step in shrunk.schedule.steps] == [Verb.LOSE]


def test_it_ends_when_the_time_is_over(drawn: Schedule) -> None:
    """With the best so far, which still fails, and says that it may not be the smallest."""
    clock = itertools.count()
    shrunk = shrink(drawn, told(has(Verb.CUT)), over=lambda: next(clock) >= 8)
    assert (shrunk.runs, shrunk.is_minimal, shrunk.ended) == (8, False, Ended.TIME)
    assert has(Verb.CUT)(shrunk.schedule)
    assert len(shrunk.schedule.steps) < len(drawn.steps)
    none = shrink(drawn, told(has(Verb.CUT)), over=lambda: True)
    assert (none.schedule, none.runs, none.is_minimal, none.ended) == (drawn, 0, False, Ended.TIME)


def test_a_failure_that_takes_nothing_leaves_nothing(drawn: Schedule) -> None:
    """A bed that is broken from the start."""
    assert shrink(drawn, told(lambda _schedule: True), over=lambda: False).schedule.steps == ()


def test_no_schedule_is_run_twice_for_the_same_question(drawn: Schedule) -> None:
    """A run on containers takes minutes."""
    seen: list[Schedule] = []

    def fails(schedule: Schedule) -> bool:
        seen.append(replace(schedule, seed=None))
        return has(Verb.PAUSE, Verb.CUT)(schedule)

    shrink(drawn, told(fails), over=lambda: False, reruns=1)
    assert len(seen) == len({repr(one) for one in seen})


def test_steps_go_with_what_they_undo() -> None:
    """Without the cut nothing is healed; the others keep their times."""
    assert without_steps(SMALL, [1]).steps == (KILL, START)


def test_pauses_move_all_that_follows() -> None:
    """Rests and the end as well; and work stays between the steps that it was between."""
    assert pauses(SMALL) == [1000, 1000, 2000, 1000, 4000, 1000]
    shorter = with_pause(SMALL, 1, 0)
    assert [step.at_ms for step in shorter.steps] == [1000, 1001, 4001, 8001]
    assert (shorter.settles_ms, shorter.until_ms) == ((3001,), 9001)
    assert pauses(tightened(SMALL, 1500)) == [1000, 1000, 1500, 1000, 1500, 1000]


def test_work_moves_along(drawn: Schedule) -> None:
    """In its order, all of it, and none after the end."""
    tight = tightened(drawn, 500)
    assert [task.at_ms for task in tight.work] == sorted(task.at_ms for task in tight.work)
    assert len(tight.work) == len(drawn.work)
    assert tight.work[-1].at_ms <= tight.until_ms < drawn.until_ms
    assert without_people(drawn, [person.name for person in drawn.people]).work == ()
