"""Lost contact: too short to count, in one direction only, or on the portals' own way only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testbed.clients.screen import Shows
from testbed.faults import Fault, Pause, cut, cut_portal_path, one_way
from testbed.waiting import wait_until
from tests.scenarios.observing import (
    WITHIN_S,
    detection_s,
    eventually_both_serve,
    eventually_in_step,
    eventually_serves,
    let_pass,
    now_ms,
    portal,
    role_changes,
    set_to,
    shown,
    until_nothing_more_can_happen_s,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed
    from testbed.clients.kinds import WebClient
    from testbed.nemesis import Nemesis

LOSSES: dict[str, Callable[[Bed], Fault]] = {
    "link": lambda bed: cut(bed.primary, bed.secondary),
    "from P to S": lambda bed: one_way(bed.primary, bed.secondary),
    "from S to P": lambda bed: one_way(bed.secondary, bed.primary),
    "P's portal frozen": lambda bed: Pause(bed.primary.portal),
    "S's portal frozen": lambda bed: Pause(bed.secondary.portal),
    "P's core frozen": lambda bed: Pause(bed.primary.core),
}


def syncs(bed: Bed) -> list[Any]:
    """What both portals say of synchronisation."""
    return [portal(server, bed).get("sync", {}).get("state") for server in bed.servers]


def eventually_interrupted(bed: Bed) -> None:
    """Wait until both portals say that synchronisation should run and does not."""
    expected = ["interrupted", "interrupted"]
    what = "both portals to miss synchronisation"
    wait_until(lambda: syncs(bed), lambda seen: seen == expected, within_s=WITHIN_S, what=what)


@pytest.mark.rule("ROLE-10")
@pytest.mark.parametrize("loss", LOSSES)
def test_contact_lost_for_half_the_detection_time_changes_no_role(bed: Bed, nemesis: Nemesis, loss: str) -> None:
    """Neither during it nor afterwards."""
    before = role_changes(bed)
    lost_ms = now_ms()
    with nemesis.under(LOSSES[loss](bed)):
        let_pass(detection_s(bed) / 2)
    lasted_s = (now_ms() - lost_ms) / 1000
    assert lasted_s < detection_s(bed), "the loss lasted too long to show anything"
    let_pass(until_nothing_more_can_happen_s(bed) - lasted_s)
    assert role_changes(bed) == before
    eventually_in_step(bed)


@pytest.mark.rule("ROLE-10")
@pytest.mark.parametrize("loss", ["link", "from P to S"])
def test_a_link_that_flaps_faster_than_the_detection_time_moves_nobody(bed: Bed, nemesis: Nemesis, loss: str) -> None:
    """Up and down with a period of a third of it, until it was down for the detection time and more altogether."""
    before = role_changes(bed)
    fault = LOSSES[loss](bed)
    flaps, shows, down_ms, longest_ms = 0, set(), 0.0, 0.0
    while down_ms < 1.3 * detection_s(bed) * 1000:
        began_ms = now_ms()
        with nemesis.under(fault):
            let_pass(detection_s(bed) / 6, meanwhile=lambda: shows.add(tuple(shown(s, bed) for s in bed.servers)))
        lasted_ms = now_ms() - began_ms
        down_ms, longest_ms, flaps = down_ms + lasted_ms, max(longest_ms, lasted_ms), flaps + 1
        let_pass(detection_s(bed) / 6)
    assert longest_ms < detection_s(bed) * 1000, "one of the losses lasted too long to show anything"
    assert flaps > 1
    let_pass(until_nothing_more_can_happen_s(bed) - detection_s(bed))
    assert shows == {(("Available", "green"), ("Starting", "yellow"))}
    assert role_changes(bed) == before
    eventually_in_step(bed)


@pytest.mark.rule("ROLE-13")
def test_a_cut_between_the_portals_only_interrupts_synchronisation_and_nothing_else(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """The secondary learns through the cores that the primary serves, and sends users there; later all catches up."""
    alice = web_client.log_in("alice", at=bed.primary)
    before = role_changes(bed)
    with nemesis.under(cut_portal_path(bed.primary, bed.secondary)):
        eventually_interrupted(bed)
        set_to(alice, "made", "meanwhile")
        let_pass(until_nothing_more_can_happen_s(bed))
        assert role_changes(bed) == before
        assert [shown(server, bed) for server in bed.servers] == [("Available", "green"), ("Starting", "yellow")]
        assert syncs(bed) == ["interrupted", "interrupted"]
        assert bed.status()["resilience"] == "normal"
        stranger = web_client.new("bob")
        stranger.open(bed.secondary)
        assert stranger.eventually_at(bed.primary).asks_for("login")
    eventually_in_step(bed)
    assert role_changes(bed) == before
    assert values(alice) == {"meanwhile"}


@pytest.mark.rule("ROLE-14", "ROLE-4")
def test_a_secondary_that_hears_nothing_stands_alone_until_it_hears_again(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """Cut from the primary to the secondary only, both serve; the primary does so from before until after it."""
    alice = web_client.log_in("alice", at=bed.primary)
    primary = role_changes(bed)["primary"]
    with nemesis.under(one_way(bed.primary, bed.secondary)):
        eventually_both_serve(bed)
        assert bed.status()["resilience"] == "stand-alone"
        assert alice.stays_at(bed.primary, polls=2).shows is Shows.HOME
        assert web_client.log_in("bob", at=bed.secondary).screen.server == bed.secondary.name
    eventually_serves(bed.primary, bed)
    eventually_in_step(bed)
    assert role_changes(bed)["primary"] == primary


@pytest.mark.rule("ROLE-14", "ROLE-13")
def test_a_primary_that_hears_nothing_serves_on_and_misses_only_synchronisation(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """Cut from the secondary to the primary only, the secondary still hears that the primary serves, all the time."""
    alice = web_client.log_in("alice", at=bed.primary)
    before = role_changes(bed)
    with nemesis.under(one_way(bed.secondary, bed.primary)):
        eventually_interrupted(bed)
        set_to(alice, "made", "meanwhile")
        let_pass(until_nothing_more_can_happen_s(bed))
        assert role_changes(bed) == before
        assert syncs(bed) == ["interrupted", "interrupted"]
    eventually_in_step(bed)
    assert role_changes(bed) == before
    assert values(alice) == {"meanwhile"}
