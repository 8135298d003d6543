"""Schedules by chance: the same from the same seed, to the byte, and such that a bed can take them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from testbed.clients.steps import Kind
from testbed.errors import MisuseError
from testbed.schedules.drawing import MOST_BROKEN, PEOPLE, WEIGHTS, draw
from testbed.schedules.schedule import OF_DISKS, Does, Schedule, Step, Verb, read, written
from testbed.schedules.trouble import SETTINGS, Trouble, fitting
from testbed.world import Failback

GOLDEN = Path(__file__).parent / "golden" / "schedule-seed-7.json"


def drawn(seed: int, minutes: float) -> Schedule:
    """As the command does it."""
    return draw(random.Random(seed), seed=seed, minutes=minutes)  # noqa: S311 - no secret


@pytest.fixture(scope="module")
def many() -> list[Schedule]:
    """Ten minutes from each of twelve seeds."""
    return [drawn(seed, 10) for seed in range(12)]


def test_a_seed_gives_the_same_schedule_byte_for_byte() -> None:
    """As it always did: a seed that somebody wrote down still repeats what it showed."""
    assert written(drawn(7, 0.5)) == GOLDEN.read_text(encoding="utf-8")


def test_another_seed_gives_another_schedule() -> None:
    """Nothing is drawn from anywhere else."""
    assert drawn(7, 0.5).steps != drawn(8, 0.5).steps


def test_a_written_schedule_is_read_again_as_it_was(many: list[Schedule]) -> None:
    """With its work and its people."""
    for one in many:
        assert read(written(one)) == one


def test_every_step_fits_what_is_broken_then(many: list[Schedule]) -> None:
    """None is left out as unfitting, and never is more broken at once than is meant."""
    for one in many:
        assert fitting(one.steps) == one.steps
        trouble = Trouble()
        for step in one.steps:
            assert step.act is not Verb.CONFIGURE or (trouble.pair.is_healthy and not trouble.worse)
            trouble = trouble.after(step)
            assert trouble.count <= MOST_BROKEN


def test_everything_is_drawn_at_some_time(many: list[Schedule]) -> None:
    """All kinds of faults and what mends them, settings both ways, all work, all kinds of client at both homes."""
    verbs = {step.act for one in many for step in one.steps}
    assert verbs == set(Verb) - {Verb.RESUME_CLOCK_FIRST, *OF_DISKS, Verb.EMPTY}
    assert verbs >= set(WEIGHTS)
    values = {(step.target, step.value) for one in many for step in one.steps if step.act is Verb.CONFIGURE}
    switched = {(one.site.value, f"{one.key}={value}") for one in SETTINGS.values() for value in (one.usual, one.other)}
    assert values == switched | {("primary", f"failback={one.value}") for one in Failback}
    assert {task.does for task in many[0].work} == set(Does)
    people = many[0].people
    assert len(people) == PEOPLE
    assert len({(person.kind, person.home) for person in people}) == 6
    assert [(person.kind, person.trusts) for person in people if person.declines] == [
        (Kind.OUTLOOK, False),
        (Kind.WEB, False),
    ]
    assert {task.client for task in many[0].work} == {person.name for person in people}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"steps": 3}', "steps"),
        (written(drawn(7, 0.5)).replace('"at_ms":3000', '"at_ms":300000000'), "order"),
        (written(drawn(7, 0.1)).replace('"name":"user01"', '"name":"nobody"'), "user01"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str, why: str) -> None:
    """With the reason."""
    with pytest.raises(MisuseError, match=why):
        read(text)


def test_a_setting_changes_back_before_another_of_its_server_changes(many: list[Schedule]) -> None:
    """So that who reads the schedule knows what is in force; failback goes to and fro."""
    for one in many:
        off: dict[str, str] = {}
        failback = one.failback.value
        for step in one.steps:
            if step.act is Verb.CONFIGURE:
                key, _, value = step.value.partition("=")
                if key == "failback":
                    assert value != failback
                    failback = value
                elif value == SETTINGS[key].other:
                    assert step.target not in off
                    off[step.target] = key
                else:
                    assert off.pop(step.target) == key


def test_nothing_is_done_to_a_portal_that_stopped_by_itself() -> None:
    """CFG-11: with failover off the secondary's can be neither ended nor set up; links and the primary can."""
    off = Step(1, Verb.CONFIGURE, "primary", "failover=off")
    kill, lose = Step(2, Verb.KILL, "secondary/portal"), Step(3, Verb.LOSE, "secondary")
    domain, cut = Step(4, Verb.CONFIGURE, "secondary", "host-domain-name="), Step(5, Verb.CUT, "secondary to primary")
    assert fitting((off, kill, lose, domain, cut)) == (off, cut)
    assert fitting((domain, kill)) == (domain, kill)
    assert fitting((Step(1, Verb.CONFIGURE, "secondary", "failover=off"), cut)) == (cut,)


def test_what_does_not_fit_is_left_out_and_nothing_else() -> None:
    """Without the fault nothing is mended, and what follows is as it was."""
    kill, cut = Step(1, Verb.KILL, "primary/core"), Step(2, Verb.CUT, "link")
    start, heal = Step(3, Verb.START, "primary/core"), Step(4, Verb.HEAL, "link")
    assert fitting((kill, cut, start, heal)) == (kill, cut, start, heal)
    assert fitting((cut, start, heal)) == (cut, heal)
    assert fitting((kill, kill, start)) == (kill, start)
    worse = Step(2, Verb.LOSS, "link", "20")
    assert fitting((worse, cut, heal)) == (worse,), "what is lost on a link that is cut, nobody can tell"
