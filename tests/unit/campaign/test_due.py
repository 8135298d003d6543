"""What a schedule gives the checkers to judge, so that nobody passes who lost it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from stubs.wire import Site
from testbed.campaign.due import ALWAYS, due
from testbed.checkers import CHECKERS
from testbed.clients.steps import Kind
from testbed.schedules.schedule import Does, Person, Schedule, Step, Task, Verb
from testbed.world import Failback

if TYPE_CHECKING:
    from collections.abc import Sequence

WEB, CALL = (
    Person(name="user01", kind=kind, home=Site.PRIMARY, trusts=True) for kind in (Kind.WEB, Kind.CALL_ASSISTANT)
)
KILL, START = Step(3000, Verb.KILL, "primary/portal"), Step(13_000, Verb.START, "primary/portal")


def schedule(*steps: Step, people: Sequence[Person] = (WEB,), does: Sequence[Does] = ()) -> Schedule:
    """Twenty seconds."""
    work = tuple(Task(1000 + number, person.name, one) for number, one in enumerate(does) for person in people)
    return Schedule(
        detection_minutes=1.5,
        failback=Failback.AUTOMATIC,
        steps=steps,
        until_ms=20_000,
        people=tuple(people),
        work=work,
    )


def test_the_pair_alone_can_always_be_judged() -> None:
    """Whatever is left of a schedule; and what is named are checkers."""
    assert due(schedule(people=())) == ALWAYS == {"one portal", "somebody serves", "roles"}
    most = due(schedule(KILL, START, does=(Does.ADD,)))
    assert most == ALWAYS | {"sessions", "prompts", "changes kept", "in step", "redirects"}
    assert most <= {checker.name for checker in CHECKERS}


@pytest.mark.parametrize(
    ("one", "also"),
    [
        (schedule(), set()),
        (schedule(does=(Does.READ, Does.DELETE, Does.CHANGE)), set()),
        (schedule(does=(Does.READ, Does.MEET)), {"changes kept", "in step", "meetings"}),
        (replace(schedule(does=(Does.READ, Does.MEET)), until_ms=9000), {"changes kept", "in step"}),
        (replace(schedule(KILL, START, does=(Does.SET,)), ticked=False), {"changes kept"}),
        (schedule(Step(1500, Verb.RESTART, "primary/core"), does=(Does.SET, Does.ADD, Does.MEET)), set()),
    ],
)
def test_who_works_gives_more_to_judge(one: Schedule, also: set[str]) -> None:
    """Only what writes on P for sure counts, and no copy follows where resilience is not ready."""
    assert due(one) == ALWAYS | {"sessions", "prompts"} | also


@pytest.mark.parametrize(
    ("one", "wanted"),
    [
        (schedule(KILL, START), True),
        (schedule(KILL), True),
        (schedule(KILL, Step(8000, Verb.ENTER, "secondary", "one"), START), True),
        (schedule(KILL, START, people=(CALL,)), False),
        (schedule(KILL, replace(START, at_ms=6000)), False),
        (schedule(Step(3000, Verb.LOSE, "primary"), Step(13_000, Verb.RESTORE, "primary")), True),
        (schedule(Step(3000, Verb.CUT, "link"), Step(13_000, Verb.HEAL, "link")), False),
        (schedule(KILL, Step(13_000, Verb.KILL, "secondary/portal"), replace(START, at_ms=15_000)), False),
        (schedule(Step(2000, Verb.LOSS, "link", "20"), KILL, START), False),
        (schedule(Step(2000, Verb.CONFIGURE, "primary", "line.backs-up-portal=off"), KILL, START), False),
        (replace(schedule(KILL), failback=Failback.MANUAL), False),
    ],
)
def test_redirects_are_due_where_somebody_is_sent_back(one: Schedule, *, wanted: bool) -> None:
    """S served alone for long, by all that the rules say, and P then served again, with everything else whole."""
    assert ("redirects" in due(one)) is wanted
