"""Failover and failback, watched without a pause: never two answers to who serves, and no redirect that misleads."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from stubs.timing import Timing
from testbed.faults import Fault, Kill, Pause, Stop, cut, lose
from testbed.recording.stretches import Stretch
from testbed.waiting import wait_until
from tests.scenarios.observing import (
    WITHIN_S,
    detection_s,
    eventually_both_serve,
    eventually_in_step,
    eventually_serves,
    eventually_shown,
    now_ms,
)
from tests.scenarios.watching import PAGE, REDIRECT, Seen, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testbed.bed import Bed
    from testbed.nemesis import Nemesis


@dataclass(frozen=True, kw_only=True)
class Course:
    """One way in which roles change and change back.

    Attributes:
        faults: what brings it about.
        settles: waits until it has.
        is_announced: whoever ceases to serve says so.
    """

    faults: Callable[[Bed], list[Fault]]
    settles: Callable[[Bed], None]
    is_announced: bool


def _fails_over(bed: Bed) -> None:
    eventually_serves(bed.secondary, bed)


def _nobody_serves(bed: Bed) -> None:
    for server in bed.servers:
        eventually_shown(server, bed, "Starting")


COURSES = {
    "P's portal stopped": Course(faults=lambda bed: [Stop(bed.primary.portal)], settles=_fails_over, is_announced=True),
    "P's portal killed": Course(faults=lambda bed: [Kill(bed.primary.portal)], settles=_fails_over, is_announced=False),
    "P's portal frozen": Course(
        faults=lambda bed: [Pause(bed.primary.portal)], settles=_fails_over, is_announced=False
    ),
    "P lost": Course(faults=lambda bed: [lose(bed.primary)], settles=_fails_over, is_announced=False),
    "P's core stopped": Course(faults=lambda bed: [Stop(bed.primary.core)], settles=_fails_over, is_announced=True),
    "P's core killed": Course(faults=lambda bed: [Kill(bed.primary.core)], settles=_fails_over, is_announced=True),
    "both cores stopped": Course(
        faults=lambda bed: [Stop(bed.secondary.core), Stop(bed.primary.core)],
        settles=_nobody_serves,
        is_announced=True,
    ),
    "link cut": Course(
        faults=lambda bed: [cut(bed.primary, bed.secondary)], settles=eventually_both_serve, is_announced=True
    ),
}


def judge(seen: Seen, bed: Bed, *, is_announced: bool) -> None:
    """Nobody is named later than the news can travel, nothing loops, and no two serve over a whole link."""
    timing = Timing(scale=bed.topology.time_scale)
    late_ms = 2 * timing.heartbeat_ms + (0 if is_announced else timing.fresh_ms)
    assert len(seen.chains) > 100, "too little was seen"
    assert seen.untold() == []
    assert seen.misled(late_ms=late_ms) == []
    assert seen.overlaps() == []


def named(seen: Seen, server: str, path: str) -> set[str]:
    """The servers that somebody named."""
    answers = (answer for chain in seen.chains for answer in chain)
    return {answer.target for answer in answers if (answer.server, answer.path) == (server, path)} - {""}


def eventually_named(seen: Seen, server: str, path: str, target: str) -> None:
    """Wait until somebody was told so; the watch may be behind, as each of its rounds asks many questions."""
    what = f"the {server} to name the {target}"
    wait_until(lambda: named(seen, server, path), lambda found: target in found, within_s=WITHIN_S, what=what)


@contextlib.contextmanager
def under(nemesis: Nemesis, seen: Seen, bed: Bed, faults: list[Fault]) -> Iterator[None]:
    """The faults hold while the block runs, and what is watched knows of them."""
    began_ms = now_ms()
    with nemesis.under(*faults):
        seen.note_deaths(faults)
        yield
    if cut(bed.primary, bed.secondary) in faults:
        seen.apart.append(Stretch(begin_ms=began_ms, end_ms=now_ms() + detection_s(bed) * 1000))


@pytest.mark.rule("ROLE-11", "REDIR-8")
@pytest.mark.parametrize("course", COURSES)
def test_a_change_of_roles_and_back_misleads_nobody(bed: Bed, nemesis: Nemesis, course: str) -> None:
    """Pages, sessions and both cores, asked all the time, only ever name a portal that serves, as its record tells."""
    its = COURSES[course]
    with watched(bed) as seen:
        with under(nemesis, seen, bed, its.faults(bed)):
            its.settles(bed)
        eventually_serves(bed.primary, bed)
        eventually_in_step(bed)
        eventually_named(seen, "secondary", PAGE, "primary")
    judge(seen, bed, is_announced=its.is_announced)
    assert named(seen, "secondary", PAGE) == {"primary"}


@pytest.mark.rule("ROLE-11", "REDIR-8", "REDIR-1")
def test_failover_now_and_a_restart_mislead_nobody(bed: Bed) -> None:
    """The administrator's own hand-over: the primary's core names the secondary, and afterwards the primary again."""
    with watched(bed) as seen:
        bed.inspectors[bed.primary.site].administer("POST", "failover-now")
        eventually_serves(bed.secondary, bed)
        eventually_named(seen, "primary", REDIRECT, "secondary")
        bed.services.restart(bed.primary.server, "portal")
        eventually_serves(bed.primary, bed)
        eventually_in_step(bed)
    judge(seen, bed, is_announced=True)
    assert named(seen, "primary", REDIRECT) == {"primary", "secondary"}
