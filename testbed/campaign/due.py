"""What a run by a schedule must be able to judge: a checker that cannot tell there makes the run no pass. Pure.

A schedule gives some checkers nothing to judge: nobody works, or nobody is sent anywhere. That is the only reason that
counts; a schedule that was reduced to a single fault has it often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs.timing import Timing
from testbed.checkers.facts import within_ms
from testbed.clients.steps import Kind
from testbed.oracle import settle
from testbed.schedules.schedule import Does
from testbed.schedules.trouble import Trouble, fitting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.oracle import Settled
    from testbed.schedules.schedule import Schedule

ALWAYS = frozenset({"one portal", "somebody serves", "roles"})
"""The pair itself gives these something to judge: it is watched, and in the end left alone until all has settled."""

WRITES = frozenset({Does.ADD, Does.SET, Does.MEET})
"""Work that changes something wherever its client is logged in."""

BEFORE_MS = 1000
"""Work that is due so long before the first step is done on the primary for sure: everybody is logged in there."""

MEETING_MS = 8000
"""A meeting is set for five seconds later; after that it has to be held, and to be seen."""

FOLLOWERS = frozenset({Kind.WEB, Kind.OUTLOOK})
"""Clients that go where they are sent."""


def due(schedule: Schedule) -> frozenset[str]:
    """The names of the checkers to which a schedule gives something to judge."""
    found = set(ALWAYS)
    if schedule.people:
        found |= {"sessions", "prompts"}
    calm_ms = (schedule.steps[0].at_ms if schedule.steps else schedule.until_ms) - BEFORE_MS
    if any(task.does in WRITES and task.at_ms <= calm_ms for task in schedule.work):
        found |= {"changes kept", "in step"} if schedule.ticked else {"changes kept"}
    met_ms = min(calm_ms, schedule.until_ms - MEETING_MS)
    if any(task.does is Does.MEET and task.at_ms <= met_ms for task in schedule.work):
        found.add("meetings")
    if any(person.kind in FOLLOWERS for person in schedule.people) and _fails_back(schedule):
        found.add("redirects")
    return frozenset(found)


def _fails_back(schedule: Schedule) -> bool:
    """Whether S serves alone for as long as everybody needs to get there, and P then has them back."""
    if not schedule.ticked:
        return False
    long_ms, alone_ms = within_ms(Timing(scale=schedule.time_scale), _detection_ms(schedule)), 0.0
    for lasts_ms, there in _conditions(schedule):
        if there and all(one.secondary_alone for one in there):
            alone_ms += lasts_ms
            continue
        if alone_ms >= long_ms and there and all(one.was_on_secondary.redirected for one in there):
            return True
        alone_ms = 0.0
    return False


def _detection_ms(schedule: Schedule) -> int:
    return Timing(scale=schedule.time_scale).detection_ms(schedule.detection_minutes)


def _conditions(schedule: Schedule) -> Iterator[tuple[float, tuple[Settled, ...]]]:
    """How long each condition lasts, and where it settles, in each way that is possible; in the end all is healed."""
    trouble, since_ms = Trouble(failback=schedule.failback), 0
    for step in fitting(schedule.steps):
        yield step.at_ms - since_ms, _settled(trouble)
        trouble, since_ms = trouble.after(step), step.at_ms
    yield schedule.until_ms - since_ms, _settled(trouble)
    yield 0, _settled(Trouble(failback=trouble.failback))


def _settled(trouble: Trouble) -> tuple[Settled, ...]:
    """None where no rule says, or a setting keeps resilience from being ready."""
    if trouble.worse or trouble.changed:
        return ()
    worlds = [
        trouble.pair.world(failback=trouble.failback, unmet=frozenset(), secondary_served=served)
        for served in (False, True)
    ]
    return tuple(settle(world) for world in worlds)
