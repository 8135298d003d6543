"""Scheduled meetings: where each takes place, which are missed, and what failback loses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from testbed.faults import Fault, Pause, Stop, cut, lose
from testbed.waiting import wait_until
from tests.scenarios.observing import (
    WITHIN_S,
    eventually_both_serve,
    eventually_in_step,
    eventually_serves,
    items,
    portal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbed.bed import Bed
    from testbed.clients.client import Client
    from testbed.clients.kinds import WebClient
    from testbed.nemesis import Nemesis

SOON_S, HOUR_S = 0.3, 3600.0

FAILOVERS: dict[str, tuple[Callable[[Bed], Fault], str]] = {
    "portal stopped": (lambda bed: Stop(bed.primary.portal), "missed"),
    "portal frozen": (lambda bed: Pause(bed.primary.portal), "missed"),
    "core stopped": (lambda bed: Stop(bed.primary.core), "missed"),
    "server lost": (lambda bed: lose(bed.primary), "unknown"),
}
"""Ways into failover, and what the secondary can say of the primary's meetings then: from a lost server it hears
nothing, as in stand-alone mode."""


def schedule(user: Client, title: str, in_s: float) -> str:
    """Schedule a meeting so many seconds from now; its id."""
    starts_at = (datetime.now(UTC) + timedelta(seconds=in_s)).isoformat().replace("+00:00", "Z")
    outcome = user.change("meetings", {"title": title, "starts_at": starts_at})
    assert outcome.ok, outcome
    assert outcome.item is not None
    return str(outcome.item["id"])


def schedule_many(user: Client) -> None:
    """A meeting every fraction of a second, so that however long a failover takes, one falls due soon after it."""
    for number in range(1, 25):
        schedule(user, f"meeting {number}", 0.4 * number)


def next_due(user: Client) -> str:
    """The id of the user's next meeting."""
    now = datetime.now(UTC)
    times = {str(each["id"]): datetime.fromisoformat(str(each["starts_at"])) for each in items(user, "meetings")}
    return min((item for item in times if times[item] > now), key=times.__getitem__)


def seen(user: Client, item: str) -> Mapping[str, Any]:
    """A meeting as its owner sees it."""
    return next(each for each in items(user, "meetings") if each["id"] == item)


def eventually_settled(user: Client, item: str) -> Mapping[str, Any]:
    """Wait until something has become of a meeting."""
    return wait_until(
        lambda: seen(user, item),
        lambda meeting: meeting["state"] != "scheduled",
        within_s=WITHIN_S,
        what=f"meeting {item} to be settled",
    )


def lost(bed: Bed) -> list[dict[str, Any]]:
    """What the last failback discarded."""
    found: list[dict[str, Any]] = bed.inspectors[bed.secondary.site].administer("GET", "resiliency")["discarded"][
        "changes"
    ]
    return found


@pytest.mark.rule("MEET-1")
def test_a_meeting_takes_place_on_the_primary_and_the_secondary_learns_of_it(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """At its time, not before, and no other one; the record is the primary's data, so the secondary has it too."""
    alice = web_client.log_in("alice", at=bed.primary)
    later, soon = schedule(alice, "later", HOUR_S), schedule(alice, "soon", SOON_S)
    assert seen(alice, soon)["state"] == "scheduled"
    held = eventually_settled(alice, soon)
    assert (held["state"], held["scheduled_on"], held["held_on"]) == ("held", "primary", "primary")
    assert datetime.fromisoformat(held["held_at"]) >= datetime.fromisoformat(held["starts_at"])
    assert seen(alice, later)["state"] == "scheduled"
    eventually_in_step(bed)
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        there = web_client.log_in("alice", at=bed.secondary)
        assert seen(there, soon) == held
        assert seen(there, later)["state"] == "scheduled"
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("MEET-2")
@pytest.mark.parametrize("how", FAILOVERS)
def test_a_meeting_of_the_primary_is_missed_in_failover(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, how: str
) -> None:
    """The secondary never holds it; back again, the primary marks it missed and does not run it late."""
    fault, state = FAILOVERS[how]
    schedule_many(web_client.log_in("alice", at=bed.primary))
    eventually_in_step(bed)
    with nemesis.under(fault(bed)):
        eventually_serves(bed.secondary, bed)
        there = web_client.log_in("alice", at=bed.secondary)
        item = next_due(there)
        assert eventually_settled(there, item)["state"] == state
    eventually_serves(bed.primary, bed)
    missed = eventually_settled(web_client.log_in("alice", at=bed.primary), item)
    assert (missed["state"], missed.get("held_on")) == ("missed", None)
    assert portal(bed.secondary, bed)["sync"]["discarded"] == 0


@pytest.mark.rule("MEET-3", "SYNC-4")
def test_a_meeting_of_the_secondary_takes_place_there_or_is_lost_by_failback(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """One that was due before failback was held; both are gone afterwards, named, each with what became of it."""
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        bob = web_client.log_in("bob", at=bed.secondary)
        soon, later = schedule(bob, "soon", SOON_S), schedule(bob, "later", HOUR_S)
        held = eventually_settled(bob, soon)
        assert (held["state"], held["scheduled_on"], held["held_on"]) == ("held", "secondary", "secondary")
    eventually_serves(bed.primary, bed)
    eventually_in_step(bed)
    assert items(web_client.log_in("bob", at=bed.primary), "meetings") == []
    discarded = [(each["id"], each["what"], each["mark"] and each["mark"]["state"]) for each in lost(bed)]
    assert discarded == [(soon, "added", "held"), (later, "added", None)]


@pytest.mark.rule("MEET-4")
def test_each_server_holds_its_own_meetings_in_stand_alone_mode(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """Neither holds the other's, nor claims to know what became of it; afterwards the primary's record counts."""
    alice = web_client.log_in("alice", at=bed.primary)
    schedule_many(alice)
    eventually_in_step(bed)
    with nemesis.under(cut(bed.primary, bed.secondary)):
        eventually_both_serve(bed)
        there = web_client.log_in("alice", at=bed.secondary)
        item = next_due(there)
        own = schedule(there, "on the secondary", SOON_S)
        assert eventually_settled(there, own)["held_on"] == "secondary"
        assert eventually_settled(there, item)["state"] == "unknown"
        assert eventually_settled(alice, item)["held_on"] == "primary"
        assert own not in {each["id"] for each in items(alice, "meetings")}
    eventually_in_step(bed)
    assert seen(alice, item)["state"] == "held"
    assert [(each["id"], each["mark"]["state"]) for each in lost(bed)] == [(own, "held")]
