"""Personal contacts while a home core is down: whose can be changed, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.faults import Fault, Kill, Pause, Stop, cut
from testbed.waiting import wait_until
from tests.scenarios.observing import WITHIN_S, eventually_both_serve, eventually_in_step, eventually_serves, items

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed
    from testbed.clients.client import Client
    from testbed.clients.kinds import WebClient
    from testbed.clients.outcome import Outcome
    from testbed.nemesis import Nemesis

ENDS: dict[str, Callable[[Bed], Fault]] = {
    "stopped": lambda bed: Stop(bed.secondary.core),
    "killed": lambda bed: Kill(bed.secondary.core),
    "frozen": lambda bed: Pause(bed.secondary.core),
}


def add(user: Client, name: str) -> str:
    """Add a contact; it must be acknowledged."""
    outcome = user.change("contacts", {"name": name, "number": "1"})
    assert outcome.ok, outcome
    assert outcome.item is not None
    return str(outcome.item["id"])


def update(user: Client, item: str, number: str) -> Outcome:
    """Give a contact another number."""
    return user.change("contacts", {"name": "Carol", "number": number}, item=item)


def assert_frozen(user: Client, item: str, core: str) -> None:
    """The user's contacts cannot be updated or deleted, only read and added, and the refusal names the core."""
    before = items(user, "contacts")
    for outcome in (update(user, item, "2"), user.delete("contacts", item)):
        assert (outcome.end, outcome.status, outcome.error) == ("fail", 409, "home_core_down"), core
    assert items(user, "contacts") == before
    added = add(user, "Dave")
    assert {each["id"] for each in items(user, "contacts")} == {each["id"] for each in before} | {added}


def assert_free(user: Client, item: str) -> None:
    """The user's contacts can be updated, added and deleted."""
    assert update(user, item, "3").ok
    assert user.delete("contacts", add(user, "Dave")).ok


def eventually_frozen(user: Client, item: str) -> None:
    """Wait until the portal has noticed that the user's home core is down."""
    wait_until(
        lambda: update(user, item, "1"),
        lambda outcome: outcome.error == "home_core_down",
        within_s=WITHIN_S,
        what="the user's home core to count as down",
    )


def eventually_free(user: Client, item: str) -> None:
    """Wait until the portal has noticed that the user's home core is back."""
    wait_until(
        lambda: update(user, item, "1"),
        lambda outcome: outcome.ok,
        within_s=WITHIN_S,
        what="the user's home core to count as up",
    )


@pytest.mark.rule("CONT-1", "CONT-2", "CONT-3")
@pytest.mark.parametrize("how", ENDS)
def test_contacts_wait_for_the_secondarys_core_in_normal_running(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, how: str
) -> None:
    """On the primary's portal its own users go on; the others can again once their core is back, without a log-in."""
    alice, bob = (web_client.log_in(name, at=bed.primary) for name in ("alice", "bob"))
    hers, his = add(alice, "Carol"), add(bob, "Carol")
    assert_free(bob, his)
    with nemesis.under(ENDS[how](bed)):
        eventually_frozen(bob, his)
        assert_frozen(bob, his, "secondary")
        assert_free(alice, hers)
    eventually_free(bob, his)
    assert_free(bob, his)
    assert_free(alice, hers)


@pytest.mark.rule("CONT-1", "CONT-2")
def test_contacts_wait_for_the_primarys_core_in_failover(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """On the secondary's portal the primary's users can only read and add, while its own can do everything."""
    hers = add(web_client.log_in("alice", at=bed.primary), "Carol")
    his = add(web_client.log_in("bob", at=bed.primary), "Carol")
    eventually_in_step(bed)
    with nemesis.under(Kill(bed.primary.core)):
        eventually_serves(bed.secondary, bed)
        assert_frozen(web_client.log_in("alice", at=bed.secondary), hers, "primary")
        assert_free(web_client.log_in("bob", at=bed.secondary), his)
    eventually_serves(bed.primary, bed)
    assert_free(web_client.log_in("alice", at=bed.primary), hers)


@pytest.mark.rule("CONT-1", "CONT-2", "CONT-3")
def test_a_core_behind_a_cut_link_is_as_good_as_down(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """In stand-alone mode each portal changes the contacts of its own core's users only."""
    alice, bob = (web_client.log_in(name, at=bed.primary) for name in ("alice", "bob"))
    hers, his = add(alice, "Carol"), add(bob, "Carol")
    eventually_in_step(bed)
    with nemesis.under(cut(bed.primary, bed.secondary)):
        eventually_both_serve(bed)
        eventually_frozen(bob, his)
        assert_frozen(bob, his, "secondary")
        assert_free(alice, hers)
        assert_frozen(web_client.log_in("alice", at=bed.secondary), hers, "primary")
        assert_free(web_client.log_in("bob", at=bed.secondary), his)
    eventually_free(bob, his)
    assert_free(alice, hers)
