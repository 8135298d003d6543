"""Schedules that break a rule on a wrong machine are reduced to what it takes to break it."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from msgspec.structs import replace

from testbed.defects import DEFECTS
from testbed.schedules.drawing import draw
from testbed.schedules.schedule import FAULTS, Schedule, Verb, read
from testbed.schedules.shrinking import Rerun, Shrunk, shrink
from testbed.schedules.timeline import moments
from testbed.schedules.trouble import fitting
from testbed.simulator.schedule import rehearse
from testbed.simulator.schedule import replay as replayed
from tests.simulator.test_planted import SHOWN, Shown

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

REST_MS = 3000
"""After a pause as long as this a drawn schedule expects the pair to be at rest."""

SOME = SHOWN[::2]
"""Every second defect, as each takes seconds."""

FEWEST_BEFORE = 5
"""A schedule with fewer faults is hardly worth reducing."""

MOST_FAULTS = 3
"""No planted defect takes more."""

UNDOINGS = {Verb.START, Verb.RESUME, Verb.RESTORE, Verb.HEAL}


def drawn(seed: int, plant: Shown) -> Schedule:
    """Two minutes of what the simulator knows, as containers would be given it; at the end all is to be at rest."""
    schedule = draw(random.Random(seed), seed=seed, minutes=2)  # noqa: S311 - no secret
    steps = fitting(step for step in schedule.steps if step.act in FAULTS or step.act in UNDOINGS)
    times = [*(step.at_ms for step in steps), schedule.until_ms + REST_MS]
    rests = [later - 1 for earlier, later in pairwise(times) if later - earlier > REST_MS]
    return Schedule(
        seed=seed,
        detection_minutes=plant.setting.minutes,
        failback=plant.setting.failback,
        ticked=plant.setting.ticked,
        steps=steps,
        settles_ms=tuple(rests),
        until_ms=times[-1],
    )


def fails(schedule: Schedule) -> bool:
    """Whether it breaks any rule."""
    return bool(rehearse(schedule)[1])


def planted(plant: Shown, look: Callable[[], T]) -> T:
    """What is seen with a defect planted."""
    undo = DEFECTS[plant.name].plant()
    try:
        return look()
    finally:
        undo()


def shows(plant: Shown) -> Callable[[Schedule], bool]:
    """Whether a schedule breaks a rule with a defect planted, and none without it."""

    def told_apart(schedule: Schedule) -> bool:
        return planted(plant, lambda: fails(schedule)) and not fails(schedule)

    return told_apart


def rerun(shown: Callable[[Schedule], bool]) -> Callable[[Schedule], Rerun]:
    """Each run proves something."""
    return lambda schedule: Rerun.FAILED if shown(schedule) else Rerun.HELD


@pytest.fixture(scope="module")
def shrunk() -> dict[str, tuple[Schedule, Shrunk]]:
    """Each defect's schedule, before and after."""
    results = {}
    for plant in SOME:
        shown = shows(plant)
        many = (schedule for seed in range(200) if (schedule := drawn(seed, plant)).faults >= FEWEST_BEFORE)
        before = next(schedule for schedule in many if shown(schedule))
        results[plant.name] = before, shrink(before, rerun(shown), over=lambda: False, reruns=1)
    return results


@pytest.mark.parametrize("plant", SOME, ids=[plant.name for plant in SOME])
def test_a_planted_defect_is_shown_by_a_few_faults(plant: Shown, shrunk: dict[str, tuple[Schedule, Shrunk]]) -> None:
    """What is left still fails, to the last word again in a replay, and does not fail without the defect."""
    before, after = shrunk[plant.name]
    assert after.is_minimal
    assert (after.failed, after.reruns) == (1, 1)
    assert before.faults >= FEWEST_BEFORE
    assert 1 <= after.schedule.faults <= MOST_FAULTS
    happened, findings = planted(plant, lambda: rehearse(after.schedule))
    assert findings
    assert planted(plant, lambda: replayed(happened)[0]) == findings
    assert rehearse(after.schedule)[1] == ()


def test_the_mean_is_near_the_fewest_possible(shrunk: dict[str, tuple[Schedule, Shrunk]]) -> None:
    """The exhaustive walk says how few faults show each defect."""
    mean = sum(after.schedule.faults for _before, after in shrunk.values()) / len(shrunk)
    fewest = sum(plant.faults for plant in SOME) / len(SOME)
    assert fewest <= mean <= fewest + 0.5


def test_pauses_are_shortened_too(shrunk: dict[str, tuple[Schedule, Shrunk]]) -> None:
    """Minutes become seconds."""
    for before, after in shrunk.values():
        assert moments(after.schedule)[-1] < moments(before)[-1] / 10


def test_no_drawn_schedule_breaks_a_rule_of_the_right_machine() -> None:
    """So what is found with a defect is the defect's."""
    for seed in range(6):
        schedule = drawn(seed, SHOWN[seed])
        assert rehearse(schedule)[1] == ()
        assert rehearse(replace(schedule, settles_ms=()))[1] == ()


def test_word_that_waited_for_a_core_costs_no_change() -> None:
    """SYNC-4, SYNC-6: found by the walk of four faults. A core stands still while P dies, then tells that P serves."""
    found = read((Path(__file__).parent / "old_word.json").read_text(encoding="utf-8"))
    findings, trace = replayed(found)
    assert findings == ()
    assert not [line for line in trace if "back" in line]


def test_portals_that_begin_at_the_same_moment_do_not_both_serve() -> None:
    """ROLE-11: found by a random schedule. P comes back in the very moment in which S stops waiting for it."""
    found = read((Path(__file__).parent / "crossing.json").read_text(encoding="utf-8"))
    assert replayed(found)[0] == ()
