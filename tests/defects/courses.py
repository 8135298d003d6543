"""Schedules in which the judge finds planted defects: for each defect where it is planted, and what is done then.

Times are such that the pair comes to rest, and is judged, between the faults.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from stubs.wire import Site
from testbed.clients.steps import Kind
from testbed.schedules.schedule import Does, Person, Schedule, Step, Task, Verb
from testbed.world import Failback

BROWSER, STRANGER, DECLINER, ASSISTANT = PEOPLE = (
    Person(name="user01", kind=Kind.WEB, home=Site.PRIMARY, trusts=True),
    Person(name="user02", kind=Kind.WEB, home=Site.SECONDARY, trusts=False),
    Person(name="user03", kind=Kind.OUTLOOK, home=Site.PRIMARY, trusts=False, declines=True),
    Person(name="user04", kind=Kind.CALL_ASSISTANT, home=Site.SECONDARY, trusts=True),
)
"""One who trusts both servers, one who accepts each prompt, one who declines them, one whom nobody redirects."""


def _work() -> tuple[Task, ...]:
    """Everybody writes before, during and after an outage from 3 s to 14 s; meetings come due in it, on either side."""
    plan = (
        (1500, Does.ADD),
        (1800, Does.SET),
        (2000, Does.MEET),
        (2300, Does.CHANGE),
        (6500, Does.MEET),
        (7000, Does.ADD),
        (7400, Does.SET),
        (12_900, Does.READ),
        (18_000, Does.ADD),
        (21_000, Does.READ),
    )
    return tuple(Task(at_ms, person.name, does) for at_ms, does in plan for person in PEOPLE)


def _course(*steps: Step, until_ms: int = 23_000) -> Schedule:
    return Schedule(
        detection_minutes=1.5,
        failback=Failback.AUTOMATIC,
        steps=steps,
        until_ms=until_ms,
        people=PEOPLE,
        work=_work(),
    )


_KILL, _START = Step(3000, Verb.KILL, "primary/portal"), Step(14_000, Verb.START, "primary/portal")

FAILOVER = _course(_KILL, _START)
"""P's portal dies, and is back."""

MANUAL = replace(FAILOVER, failback=Failback.MANUAL)
"""The same with manual failback."""

TWICE = _course(_KILL, _START, replace(_KILL, at_ms=23_000), replace(_START, at_ms=32_000), until_ms=34_000)
"""It dies again."""

WITHOUT_CORE = _course(Step(3000, Verb.KILL, "primary/core"), Step(14_000, Verb.START, "primary/core"))
"""P's core dies, and is back; its portal runs all the time."""

SILENT_CORE = _course(Step(3000, Verb.PAUSE, "primary/core"), Step(14_000, Verb.RESUME, "primary/core"))
"""P's core freezes."""

APART = _course(Step(3000, Verb.CUT, "link"), Step(14_000, Verb.HEAL, "link"))
"""Both serve."""

NOBODY = _course(Step(2500, Verb.KILL, "secondary/core"), _KILL, _START)
"""P's portal dies, and S cannot serve."""

BOTH_DEAD = _course(_KILL, Step(8000, Verb.KILL, "secondary/portal"), _START)
"""P's portal dies, and then S's."""


MANY = Schedule(
    detection_minutes=1.5,
    failback=Failback.AUTOMATIC,
    steps=(
        Step(1500, Verb.RESTART, "secondary/core"),
        Step(1700, Verb.CUT, "portal path"),
        Step(1900, Verb.HEAL, "portal path"),
        Step(2500, Verb.KILL, "primary/portal"),
        Step(6500, Verb.START, "primary/portal"),
        Step(7000, Verb.PAUSE, "secondary/core"),
        Step(7200, Verb.RESUME, "secondary/core"),
    ),
    until_ms=7500,
    people=(BROWSER, STRANGER),
    work=tuple(
        Task(at_ms, person.name, Does.SET) for at_ms in range(1000, 7000, 300) for person in (BROWSER, STRANGER)
    ),
)
"""Four faults, of which one is enough to show most defects; work all the time."""

SCHEDULES = {
    "failover": FAILOVER,
    "manual failback": MANUAL,
    "two failovers": TWICE,
    "without core": WITHOUT_CORE,
    "silent core": SILENT_CORE,
    "apart": APART,
    "nobody": NOBODY,
    "both dead": BOTH_DEAD,
    "many": MANY,
}
"""All of them, by name."""


class Course(NamedTuple):
    """Where a defect is planted, and what is done to that pair."""

    place: str
    schedule: Schedule


COURSES = {
    "secondary-never-yields": Course("secondary", FAILOVER),
    "secondary-needs-a-word": Course("secondary", FAILOVER),
    "primary-does-not-wait": Course("primary", FAILOVER),
    "manual-failback-ignored": Course("secondary", MANUAL),
    "primary-steps-down-alone": Course("primary", APART),
    "serves-without-its-core": Course("primary", WITHOUT_CORE),
    "core-never-lost": Course("primary", SILENT_CORE),
    "sync-skips-a-change": Course("secondary", FAILOVER),
    "failback-keeps-changes": Course("secondary", FAILOVER),
    "losses-untold": Course("secondary", FAILOVER),
    "redirect-to-the-dead": Course("secondary", NOBODY),
    "core-names-the-dead": Course("primary", BOTH_DEAD),
    "primary-redirects-new-users": Course("primary", WITHOUT_CORE),
    "session-survives-failback": Course("secondary", TWICE),
    "missed-meeting-runs-late": Course("primary", FAILOVER),
    "secondary-holds-the-primarys": Course("secondary", FAILOVER),
    "secondary-holds-none": Course("secondary", FAILOVER),
    "trusted-certificate-prompts": Course("clients", FAILOVER),
    "prompts-without-end": Course("clients", FAILOVER),
}
"""By the name of the defect."""
