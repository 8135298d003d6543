"""The scheduler over a real store, with a clock and a portal that a test sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stubs.portal.forms import Meeting
from stubs.portal.gate import Gate
from stubs.portal.scheduler import LONGEST_WAIT_S, RETRY_S, Scheduler
from stubs.portal.store import Store
from stubs.wire import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = datetime(2030, 1, 1, 10, tzinfo=UTC)


@dataclass
class Desk:
    """A portal of which only the scheduler works, and the hands of its clock."""

    site: Site
    store: Store
    now: datetime = START
    serving: bool = False
    idle: bool = False
    writes: Gate = field(default_factory=Gate)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.store, self, now=lambda: self.now)

    def knows_other_idle(self) -> bool:
        """As the test says."""
        return self.idle

    def serve(self) -> None:
        """As the portal does it: open, say so, begin."""
        self.writes.open()
        self.serving = True
        self.scheduler.begin()

    def rest(self) -> None:
        """As the portal does it: cease, shut, say so."""
        self.scheduler.cease()
        self.writes.shut()
        self.serving = False

    def at(self, minute: float) -> float:
        """Let it be so many minutes past ten, and the scheduler act; how long it would wait then."""
        self.now = START + timedelta(minutes=minute)
        return self.scheduler.act()

    def schedule(self, minute: float, owner: str = "alice") -> str:
        """A meeting at so many minutes past ten; its id."""
        return str(self.scheduler.add(owner, self.form(minute))["id"])

    def form(self, minute: float) -> Meeting:
        """What a user sends."""
        return Meeting(title="Review", starts_at=START + timedelta(minutes=minute))

    def seen(self, item: str, owner: str = "alice") -> dict[str, Any]:
        """A meeting as its owner sees it."""
        return next(each for each in self.scheduler.items(owner) if each["id"] == item)

    def state(self, item: str) -> str:
        """What became of a meeting of alice's."""
        return str(self.seen(item)["state"])


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[tuple[Desk, Desk]]:
    """The primary's and the secondary's."""
    made = [Desk(site, Store(tmp_path / f"{site.value}.sqlite", site=site, now=START.isoformat)) for site in Site]
    yield made[0], made[1]
    for desk in made:
        desk.store.database.close()


def follow(secondary: Desk, primary: Desk) -> None:
    """One round of synchronisation, as the follower does it."""
    secondary.store.discard()
    after = secondary.store.mirror(primary.store.identity())
    secondary.store.apply(primary.store.identity(), primary.store.after(after, limit=1000))


def test_a_meeting_is_held_at_its_time_and_the_record_follows(desks: tuple[Desk, Desk]) -> None:
    """MEET-1: not before, once, and the outcome is a change of the primary's that reaches the secondary."""
    primary, secondary = desks
    primary.serve()
    item = primary.schedule(5)
    assert primary.at(4.99) == pytest.approx(0.6)
    assert primary.state(item) == "scheduled"
    primary.at(5)
    primary.at(6)
    follow(secondary, primary)
    for desk in desks:
        assert desk.seen(item) == {
            "id": item,
            "title": "Review",
            "starts_at": "2030-01-01T10:05:00Z",
            "scheduled_on": "primary",
            "state": "held",
            "held_on": "primary",
            "held_at": "2030-01-01T10:05:00Z",
        }
    assert primary.store.head() == 2
    assert primary.store.digest() == secondary.store.digest()


def test_the_wait_is_for_the_very_next_meeting(desks: tuple[Desk, Desk]) -> None:
    """No meeting far away, settled or of another user's makes it shorter or longer; and none is waited for blindly."""
    primary, _ = desks
    assert primary.at(0) == LONGEST_WAIT_S
    primary.serve()
    primary.schedule(0.25)
    primary.schedule(0.5, owner="bob")
    primary.schedule(400_000)
    assert primary.at(0) == pytest.approx(15)
    assert primary.at(0.25) == pytest.approx(15)
    assert primary.at(0.5) == LONGEST_WAIT_S


@pytest.mark.parametrize("back_at", [5.5, 5.001])
def test_a_portal_that_was_away_at_the_time_has_missed_it(desks: tuple[Desk, Desk], back_at: float) -> None:
    """MEET-2: nothing is recorded while it is away; back again it marks the meeting, and never holds it."""
    primary, _ = desks
    primary.serve()
    item = primary.schedule(5)
    primary.at(4)
    primary.rest()
    primary.at(5)
    assert primary.state(item) == "scheduled"
    primary.now = START + timedelta(minutes=back_at)
    primary.serve()
    primary.at(back_at)
    assert primary.state(item) == "missed"
    assert primary.store.head() == 2


def test_a_portal_that_was_frozen_over_the_time_does_not_hold_it(desks: tuple[Desk, Desk]) -> None:
    """MEET-2: its clock may wake the scheduler before the portal knows that it was frozen."""
    primary, _ = desks
    primary.serve()
    item = primary.schedule(5)
    primary.serving = False
    assert primary.at(6) == RETRY_S
    assert primary.state(item) == "scheduled"
    primary.rest()
    assert primary.at(6) == LONGEST_WAIT_S
    primary.serve()
    primary.at(6)
    assert primary.state(item) == "missed"


def test_a_moved_meeting_takes_place_at_its_new_time_and_a_deleted_one_never(desks: tuple[Desk, Desk]) -> None:
    """Before its time a meeting is its owner's to change."""
    primary, _ = desks
    primary.serve()
    moved, gone = primary.schedule(5), primary.schedule(5)
    assert primary.scheduler.change("alice", moved, primary.form(7)) is not None
    assert primary.scheduler.change("bob", moved, primary.form(8)) is None
    primary.store.delete("meetings", "alice", gone)
    primary.at(6)
    assert primary.state(moved) == "scheduled"
    primary.at(7)
    assert primary.state(moved) == "held"
    assert [each["id"] for each in primary.scheduler.items("alice")] == [moved]


@pytest.mark.parametrize(("idle", "state"), [(True, "missed"), (False, "unknown")])
def test_the_secondary_marks_the_primarys_meetings_beside_its_data(
    desks: tuple[Desk, Desk], *, idle: bool, state: str
) -> None:
    """MEET-2, SYNC-4: a mark is no change: not in the log, not in the digest, not discarded, gone with failback."""
    primary, secondary = desks
    primary.serve()
    item = primary.schedule(5)
    follow(secondary, primary)
    primary.rest()
    secondary.serve()
    secondary.idle = idle
    secondary.at(5)
    secondary.idle = not idle
    secondary.at(6)
    assert secondary.state(item) == state
    assert secondary.scheduler.change("alice", item, Meeting(title="Other", starts_at=secondary.form(5).starts_at))
    assert (secondary.seen(item)["title"], secondary.state(item)) == ("Other", state)
    secondary.rest()
    assert secondary.store.discard() == 1
    assert secondary.state(item) == "scheduled"
    assert secondary.store.digest() == primary.store.digest()


def test_a_meeting_of_the_secondary_is_held_there_and_lost_by_failback(desks: tuple[Desk, Desk]) -> None:
    """MEET-3: also over a restart in between; what is discarded is named with what became of it."""
    primary, secondary = desks
    secondary.serve()
    held, to_come, dropped = secondary.schedule(5), secondary.schedule(9), secondary.schedule(5)
    secondary.at(5)
    secondary.store.delete("meetings", "alice", dropped)
    assert secondary.seen(held).get("held_on") == "secondary"
    restarted = Desk(Site.SECONDARY, secondary.store, now=secondary.now)
    restarted.serve()
    restarted.at(6)
    assert (restarted.state(held), restarted.state(to_come)) == ("held", "scheduled")
    assert {entry.what for entry in restarted.store.log(Site.SECONDARY, after=0, limit=10)} == {"added", "deleted"}
    restarted.rest()
    follow(restarted, primary)
    restarted.serve()
    restarted.at(9)
    assert restarted.scheduler.items("alice") == []
    lost = restarted.store.discarded()
    assert [(each.id, each.what, (each.mark or {}).get("state")) for each in lost] == [
        (held, "added", "held"),
        (to_come, "added", None),
        (dropped, "added", None),
        (dropped, "deleted", None),
    ]


def test_an_outcome_that_was_not_stored_is_tried_again(desks: tuple[Desk, Desk]) -> None:
    """SYNC-8: a disk that refuses for a moment makes no meeting disappear."""
    primary, _ = desks
    primary.serve()
    item = primary.schedule(5)
    primary.store.database.connection().execute("PRAGMA query_only = ON")
    assert primary.at(5) == RETRY_S
    assert primary.state(item) == "scheduled"
    primary.store.database.connection().execute("PRAGMA query_only = OFF")
    primary.at(5 + RETRY_S / 60)
    assert primary.state(item) == "held"
