"""What is kept and what is lost when servers fail over, die and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.faults import Fault, Kill, Stop, lose
from tests.scenarios.observing import (
    eventually_in_step,
    eventually_serves,
    items,
    portal,
    set_to,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed
    from testbed.clients.kinds import WebClient
    from testbed.nemesis import Nemesis

DEATHS: dict[str, Callable[[Bed], Fault]] = {
    "portal": lambda bed: Kill(bed.primary.portal),
    "core": lambda bed: Kill(bed.primary.core),
    "server": lambda bed: lose(bed.primary),
}


@pytest.mark.rule("SYNC-3", "SYNC-4", "SYNC-7")
def test_what_the_secondary_took_in_failover_is_discarded_and_named(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """An addition, a change and a deletion on the secondary are all undone, and listed in their order."""
    alice = web_client.log_in("alice", at=bed.primary)
    for key in ("one", "two"):
        set_to(alice, key, f"old {key}")
    eventually_in_step(bed)
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        there = web_client.log_in("alice", at=bed.secondary)
        known = {item["key"]: item["id"] for item in items(there, "settings")}
        set_to(there, "three", "new")
        assert there.change("settings", {"key": "one", "value": "changed"}, item=known["one"]).ok
        assert there.delete("settings", known["two"]).ok
        assert values(there) == {"new", "changed"}
    eventually_in_step(bed)
    again = web_client.log_in("alice", at=bed.primary)
    assert values(again) == {"old one", "old two"}
    lost = bed.inspectors[bed.secondary.site].administer("GET", "resiliency")["discarded"]
    assert [one["what"] for one in lost["changes"]] == ["added", "changed", "deleted"]


@pytest.mark.rule("SYNC-6", "SYNC-1")
@pytest.mark.parametrize("what", DEATHS)
def test_an_acknowledged_change_survives_a_sigkill(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, what: str
) -> None:
    """Killed right after the answer, the primary comes back with all that it acknowledged, and passes it on."""
    alice = web_client.log_in("alice", at=bed.primary)
    for number in range(15):
        set_to(alice, f"key {number}", f"value {number}")
    with nemesis.under(DEATHS[what](bed)):
        eventually_serves(bed.secondary, bed)
    eventually_serves(bed.primary, bed)
    eventually_in_step(bed)
    again = web_client.log_in("alice", at=bed.primary)
    assert values(again) == {f"value {number}" for number in range(15)}
    assert portal(bed.secondary, bed)["sync"]["head"] == 15


@pytest.mark.rule("SYNC-6")
def test_the_secondary_keeps_what_it_acknowledged_in_failover_through_its_own_death(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """It serves again after its SIGKILL, still in failover, with its own changes (ROLE-12)."""
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        set_to(web_client.log_in("bob", at=bed.secondary), "kept", "by the secondary")
        with nemesis.under(Kill(bed.secondary.portal)):
            pass
        eventually_serves(bed.secondary, bed)
        assert values(web_client.log_in("bob", at=bed.secondary)) == {"by the secondary"}
    eventually_serves(bed.primary, bed)
    eventually_in_step(bed)
    assert values(web_client.log_in("bob", at=bed.primary)) == set()


@pytest.mark.rule("SYNC-1", "SYNC-7")
def test_what_the_secondary_missed_while_it_was_down_reaches_it(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """A secondary that was lost follows from where it stopped, none skipped (ROLE-9)."""
    alice = web_client.log_in("alice", at=bed.primary)
    set_to(alice, "first", "1")
    eventually_in_step(bed)
    with nemesis.under(lose(bed.secondary)):
        for number in range(20):
            set_to(alice, f"key {number}", str(number))
    eventually_in_step(bed)
    assert portal(bed.secondary, bed)["sync"]["head"] == 21
