"""Stand-alone mode: the link between the servers is cut, both serve, and heal into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.faults import Kill, Pause, cut, cut_portal_path, one_way
from tests.scenarios.observing import (
    eventually_both_serve,
    eventually_in_step,
    eventually_serves,
    eventually_shown,
    let_pass,
    portal,
    set_to,
    shown,
    until_nothing_more_can_happen_s,
    values,
)

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.kinds import WebClient
    from testbed.nemesis import Nemesis


@pytest.mark.rule("ROLE-4", "ROLE-7", "VIEW-1")
def test_both_portals_serve_while_the_link_is_cut(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """Log-ins work on both; when the link is back the primary stays and the secondary returns to Starting."""
    with nemesis.under(cut(bed.primary, bed.secondary)):
        eventually_both_serve(bed)
        assert shown(bed.primary, bed)[1] == shown(bed.secondary, bed)[1] == "green"
        assert bed.status()["resilience"] == "stand-alone"
        web_client.log_in("alice", at=bed.primary)
        web_client.log_in("bob", at=bed.secondary)
    eventually_serves(bed.primary, bed)
    assert shown(bed.secondary, bed) == ("Starting", "yellow")


@pytest.mark.rule("REDIR-7", "ROLE-7")
def test_nobody_is_redirected_in_stand_alone_mode(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """Each user stays; on healing only those of the secondary are sent to the primary."""
    alice = web_client.log_in("alice", at=bed.primary)
    with nemesis.under(cut(bed.primary, bed.secondary)):
        eventually_both_serve(bed)
        bob = web_client.log_in("bob", at=bed.secondary)
        alice.stays_at(bed.primary, polls=4)
        bob.stays_at(bed.secondary, polls=4)
        assert web_client.new("alice").open(bed.secondary).server == bed.secondary.name
    assert bob.eventually_at(bed.primary).asks_for("login")
    alice.stays_at(bed.primary, polls=2)
    assert not alice.screen.asks_for("login")
    stranger = web_client.new("alice")
    stranger.open(bed.secondary)
    assert stranger.eventually_at(bed.primary).asks_for("login")


@pytest.mark.rule("SYNC-3", "SYNC-4")
def test_changes_of_both_servers_stay_apart_and_the_secondarys_are_discarded(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """While apart, neither sees the other's change; afterwards the primary's stays and the other is named as lost."""
    alice = web_client.log_in("alice", at=bed.primary)
    set_to(alice, "before", "kept")
    eventually_in_step(bed)
    with nemesis.under(cut(bed.primary, bed.secondary)):
        eventually_both_serve(bed)
        there = web_client.log_in("alice", at=bed.secondary)
        set_to(alice, "primary", "stays")
        set_to(there, "secondary", "goes")
        assert values(alice) == {"kept", "stays"}
        assert values(there) == {"kept", "goes"}
    eventually_in_step(bed)
    assert values(alice) == {"kept", "stays"}
    assert portal(bed.secondary, bed)["sync"]["head"] == 2
    lost = bed.inspectors[bed.secondary.site].administer("GET", "resiliency")["discarded"]
    assert lost["count"] == 1
    assert [(one["collection"], one["owner"], one["what"]) for one in lost["changes"]] == [
        ("settings", "alice", "added")
    ]


@pytest.mark.rule("SYNC-4", "SYNC-6")
@pytest.mark.topology(time_scale=0.02, primary={"detection_minutes": 1.5})
def test_word_that_waited_for_a_core_costs_the_secondary_no_change(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """Its core stood still while the primary died, and tells then what waited: that the primary serves. Nobody does.

    The detection time is shorter than a silence of its own core goes unnoticed, so that it serves for a while.
    """
    dead = Kill(bed.primary.portal)
    with nemesis.under(one_way(bed.secondary, bed.primary), cut_portal_path(bed.primary, bed.secondary)):
        let_pass(until_nothing_more_can_happen_s(bed))  # now only its core passes on what the primary says
        with nemesis.under(Pause(bed.secondary.core)):
            eventually_both_serve(bed)
            set_to(web_client.log_in("alice", at=bed.secondary), "secondary", "kept")
            nemesis.inject(dead)
            eventually_shown(bed.secondary, bed, "Starting")
        eventually_serves(bed.secondary, bed)
        assert values(web_client.log_in("alice", at=bed.secondary)) == {"kept"}
    nemesis.heal(dead)
    eventually_serves(bed.primary, bed)
    eventually_in_step(bed)
    lost = bed.inspectors[bed.secondary.site].administer("GET", "resiliency")["discarded"]
    assert lost["count"] == 1
