"""Every schedule of one fault, and what a walk can be trusted with; `tests/simulator` has those of two."""

from __future__ import annotations

import random
import re

import pytest

from testbed.defects import DEFECTS
from testbed.errors import MisuseError
from testbed.schedules.condition import PATH, SERVICES, Condition, possible
from testbed.schedules.schedule import FAULTS, Act, Schedule, Step, Verb, read, written
from testbed.simulator import walk as walking
from testbed.simulator.drawing import draw
from testbed.simulator.parts import Setting
from testbed.simulator.schedule import healthy, made, rehearse, replay, settle
from testbed.simulator.walk import walk
from testbed.world import Failback

CHANCE = random.Random(7)  # noqa: S311 - no secret


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(Setting(failback=Failback.MANUAL), id="manual failback"),
        pytest.param(Setting(ticked=False), id="not ready"),
        pytest.param(Setting(), id="longer detection time"),
        pytest.param(Setting.drawn(CHANCE, minutes=3.0, failback=Failback.AUTOMATIC), id="other phases"),
    ],
)
def test_no_single_fault_breaks_a_rule(setting: Setting) -> None:
    """With each way of setting the pair up; an undoing comes also before the pair has settled."""
    walked = walk(setting, faults=1, hurried=1)
    assert [str(one) for failure in walked.failures for one in failure.findings] == []
    assert walked.schedules == 82


def test_a_long_walk_tells_how_far_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each level, and on the way through one: places done, of how many."""
    monkeypatch.setattr(walking, "SAID_EACH", 10)
    said: list[str] = []
    walked = walk(Setting(), faults=1, say=said.append)
    levels = [line for line in said if "schedules" in line]
    assert levels[0].startswith("1 acts: 22 schedules, 22 runs, ")
    assert f"{walked.schedules:,} schedules, {walked.runs:,} runs, " in levels[-1]
    (on_the_way,) = said[said.index(levels[0]) + 1 : said.index(levels[1])]
    assert re.fullmatch(r"2 acts: 10 of 1\d places walked on from", on_the_way)


def test_a_healthy_pair_has_every_fault_of_the_six_kinds() -> None:
    """Four services in four ways, two servers to lose, four cuts."""
    faults = possible(Condition())
    assert all(act.is_fault for act in faults)
    assert {act.verb for act in faults} == set(FAULTS)
    assert len(faults) == len(set(faults)) == 4 * 4 + 2 + 4


def test_every_fault_can_be_undone() -> None:
    """One act leads back from each, a restart aside, which is over by itself."""
    for act in possible(Condition()):
        broken = Condition().after(act)
        undoings = [one for one in possible(broken) if not one.is_fault]
        assert broken.is_healthy is (act.verb is Verb.RESTART)
        assert all(broken.after(one).is_healthy for one in undoings), act


def test_an_act_that_does_not_fit_is_refused() -> None:
    """Nobody restores what is not lost."""
    with pytest.raises(MisuseError, match="restore primary"):
        Condition().after(Act(Verb.RESTORE, "primary"))


def test_a_pair_can_be_copied_and_goes_on_alike() -> None:
    """What happens to the copy does not touch the other, and both come to the same."""
    pair = healthy(Setting())
    other = pair.copied()
    before = pair.now_ms
    other.act(Act(Verb.LOSE, "primary"))
    assert settle(other)
    assert pair.now_ms == before
    assert pair.condition.is_healthy
    assert pair.portals["primary"].alive  # type: ignore[index] # a site is its name
    pair.act(Act(Verb.LOSE, "primary"))
    assert settle(pair)
    assert (pair.now_ms, pair.steps) == (other.now_ms, other.steps)


def test_a_schedule_replays_to_the_last_word() -> None:
    """Written as JSON, read again, run twice: the same trace, step by step."""
    steps = (Step(1300, Verb.CUT, PATH), Step(1900, Verb.KILL, SERVICES[0]), Step(4000, Verb.START, SERVICES[0]))
    one = made(Setting(), steps, (9000,), until_ms=9500)
    again = read(written(one))
    assert again == one
    assert replay(again) == replay(one)
    findings, trace = replay(one)
    assert not findings
    assert any("secondary is Available" in line for line in trace)


def test_what_is_no_schedule_is_refused() -> None:
    """With the place in it that is wrong."""
    with pytest.raises(MisuseError, match="no schedule"):
        read('{"steps": 3}')


def test_what_is_drawn_overlaps_and_is_the_same_for_the_same_seed() -> None:
    """Other moments than a walk's, and acts that come before the pair has come to rest; disks are among them."""
    one, two = (
        draw(Setting(), random.Random(11), schedules=6, faults=3, disks=True)  # noqa: S311 - no secret
        for _ in range(2)
    )
    assert (one.schedules, one.failures) == (6, [])
    assert (one.runs, one.steps) == (two.runs, two.steps)


@pytest.mark.parametrize("name", ["disk-not-waited-for", "stranger-overwritten"])
def test_a_defect_is_drawn_as_well(name: str) -> None:
    """SYNC-2, SYNC-6: a drawn schedule that breaks a rule replays to the same, and to nothing without the defect."""
    undo = DEFECTS[name].plant()
    try:
        chance = random.Random(3)  # noqa: S311 - no secret
        drawn = draw(Setting(), chance, schedules=150, faults=3, disks=True, first_only=True)
        (failure,) = drawn.failures
        assert set(DEFECTS[name].breaks) & {rule for rules in failure.rules for rule in rules}
        assert replay(failure.schedule)[0] == failure.findings
    finally:
        undo()
    assert rehearse(failure.schedule)[1] == ()  # a sound pair takes longer until it is at rest


def test_a_schedule_is_plain_data() -> None:
    """What is printed holds all that decides the run, and nothing else."""
    assert set(Schedule.__struct_fields__) >= {"steps", "phases_ms", "delays_ms", "detection_minutes", "failback"}
