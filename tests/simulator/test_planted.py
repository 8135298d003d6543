"""Planted defects of who serves and what is kept: a walk finds each, with no more faults than it takes to show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from testbed.defects import DEFECTS
from testbed.schedules.schedule import Step, Verb
from testbed.simulator.parts import HEARTBEAT_MS, Setting
from testbed.simulator.schedule import healthy, made, rehearse, replay
from testbed.simulator.walk import walk
from testbed.world import Failback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Shown(NamedTuple):
    """What it takes to see a defect.

    Attributes:
        name: of the defect.
        faults: how many at least.
        setting: in which the pair is walked.
        hurried: how often something is undone before the pair has settled.
        disks: whether it takes a fault of a disk.
    """

    name: str
    faults: int
    setting: Setting = Setting()
    hurried: int = 0
    disks: bool = False


SHOWN = (
    Shown("secondary-never-yields", 1),
    Shown("secondary-needs-a-word", 1),
    Shown("secondary-forgets-at-its-start", 2),
    Shown("secondary-in-a-hurry", 1),
    Shown("manual-failback-ignored", 1, Setting(failback=Failback.MANUAL)),
    Shown("primary-does-not-wait", 1),
    Shown("primary-waits-for-the-deaf", 2),
    Shown("primary-steps-down-alone", 1),
    Shown("serves-without-its-core", 1),
    Shown("core-lost-at-once", 1),
    Shown("frozen-portal-goes-on", 1, hurried=1),
    Shown("restarted-portal-unheard", 1),
    Shown("core-never-lost", 1),
)


DATA = (
    Shown("sync-skips-a-change", 0),
    Shown("failback-keeps-changes", 1),
    Shown("full-disk-unnoticed", 1, disks=True),
    Shown("disk-not-waited-for", 1),
    Shown("losses-untold", 1),
)

AT_THE_MOMENT = "primary-feeds-out-of-service"
"""Takes three acts within six heartbeats, more than a walk of so few faults has."""

DRAWN = "stranger-overwritten"
"""Takes a change since the backup that an older disk is from, and so three faults: `test_a_defect_is_drawn_as_well`."""

GUARDED = frozenset({"secondary-feeds-too", "sync-goes-on-in-failover"})
"""No primary ever calls a secondary, and one that does not serve answers none: alone they do not show in a pair."""


def test_every_defect_of_roles_is_walked() -> None:
    """None is forgotten here."""
    assert [one.name for one in SHOWN] == [each.name for each in DEFECTS.values() if each.area == "roles"]


def test_every_defect_of_sync_is_walked() -> None:
    """None is forgotten here, but those that cannot show."""
    found = {one.name for one in DATA} | {AT_THE_MOMENT, DRAWN, *GUARDED}
    assert found == {each.name for each in DEFECTS.values() if each.area == "sync"}


@pytest.fixture
def planted(one: Shown) -> Iterator[Callable[[], None]]:
    """The defect, planted; what takes it out again before the end."""
    undo = DEFECTS[one.name].plant()
    yield undo
    undo()


@pytest.mark.parametrize("one", [*SHOWN, *DATA], ids=[one.name for one in (*SHOWN, *DATA)])
def test_a_planted_defect_is_found_with_so_many_faults(one: Shown, planted: Callable[[], None]) -> None:
    """It is found, names its rule, needs as many faults as it should, and its schedule shows it again."""
    if one.faults > 1:
        assert not walk(one.setting, faults=one.faults - 1, disks=one.disks).failures
    walked = walk(one.setting, faults=one.faults, hurried=one.hurried, disks=one.disks, first_only=True)
    assert walked.failures
    failure = walked.failures[0]
    assert failure.faults == one.faults
    assert set(DEFECTS[one.name].breaks) & {rule for each in failure.findings for rule in each.rules}
    assert replay(failure.schedule)[0] == failure.findings
    planted()
    assert rehearse(failure.schedule)[1] == ()  # a sound pair takes longer until it is at rest


def test_a_primary_that_feeds_out_of_service_is_found_at_the_moment() -> None:
    """SYNC-3: a frozen secondary goes on, and asks for more than the primary had sent, which has just handed over."""
    at_ms = healthy(Setting()).now_ms
    steps = (
        Step(at_ms, Verb.PAUSE, "secondary/portal"),
        Step(at_ms + 3 * HEARTBEAT_MS, Verb.STOP, "primary/core"),
        Step(at_ms + 3 * HEARTBEAT_MS + 1, Verb.RESUME, "secondary/portal"),
    )
    schedule = made(Setting(), steps, (at_ms,), until_ms=at_ms + 10 * HEARTBEAT_MS)
    assert replay(schedule)[0] == ()
    undo = DEFECTS[AT_THE_MOMENT].plant()
    try:
        assert [one.rules for one in replay(schedule)[0]] == [("SYNC-3",)]
    finally:
        undo()
