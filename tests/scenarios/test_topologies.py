"""An Application Server in place of a portal, and an expansion system: every rule holds there too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stubs.wire import ServerName, Site
from testbed.clients.screen import Shows
from testbed.clients.trust import TrustStore
from testbed.errors import MisuseError
from testbed.faults import Kill, Stop, cut, lose, split
from tests.scenarios.observing import (
    eventually_both_serve,
    eventually_in_step,
    eventually_serves,
    portal,
    set_to,
    shown,
    values,
)

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.kinds import OutlookPlugin, WebClient
    from testbed.nemesis import Nemesis

in_place_of_either = [
    pytest.param(Site.PRIMARY, marks=pytest.mark.topology(preset="application-primary"), id="primary"),
    pytest.param(Site.SECONDARY, marks=pytest.mark.topology(preset="application-secondary"), id="secondary"),
]


@pytest.mark.rule("CFG-10", "ROLE-1", "VIEW-1", "VIEW-2")
@pytest.mark.parametrize("replaced", in_place_of_either)
def test_the_application_servers_portal_takes_the_place_of_the_embedded_one(bed: Bed, replaced: Site) -> None:
    """The pair runs normally with it; the embedded portal is out of use, shows so, and cannot be started."""
    carrier = bed.server("application")
    assert carrier.site is replaced
    assert bed.status()["resilience"] == "normal"
    state = ("Available", "green") if replaced is Site.PRIMARY else ("Starting", "yellow")
    assert shown(carrier, bed) == shown(bed.server(replaced), bed) == state
    embedded = bed.inspectors[replaced].services()
    assert embedded is not None
    assert embedded["portal"]["state"] == "Stopped"
    assert embedded["portal"]["detail"].startswith("Out of use")
    assert bed.status()["servers"][replaced.value]["portal"] == "out of use"
    with pytest.raises(MisuseError, match="no such container"):
        bed.services.start(replaced.server, "portal")


@pytest.mark.rule("CFG-10", "ROLE-2", "ROLE-5", "REDIR-1", "REDIR-4")
@pytest.mark.parametrize("replaced", in_place_of_either)
def test_users_follow_failover_and_failback_with_an_application_server(
    bed: Bed, web_client: WebClient, outlook_plugin: OutlookPlugin, nemesis: Nemesis, replaced: Site
) -> None:
    """Web user and plug-in go from whatever carries the primary's portal to whatever carries the secondary's."""
    assert bed.server("application").half is replaced
    first, second = (server.portal_server for server in bed.pair)
    knows_the_core = TrustStore.with_anchor(first.certificate, bed.primary.certificate)
    user = web_client.log_in("alice", at=first, trust=knows_the_core)
    plugin = outlook_plugin.log_in("bob", at=first, trust=knows_the_core)
    with nemesis.under(Kill(bed.primary.portal)):
        assert user.eventually_at(second).asks_for("login")
        assert user.log_in_again().shows is Shows.HOME
        plugin.eventually_shows(Shows.HOME, at=second)
    assert user.eventually_at(first).asks_for("login")
    plugin.eventually_shows(Shows.HOME, at=first)


@pytest.mark.rule("CFG-10", "CERT-1")
@pytest.mark.topology(preset="application-primary")
def test_a_user_who_never_accepted_the_cores_certificate_is_not_told_where_to_go(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """The core that could tell stands on another machine than the one whose certificate was accepted."""
    first = bed.primary.portal_server
    user = web_client.log_in("alice", at=first)
    with nemesis.under(Kill(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        assert user.stays_at(first, polls=5).shows is Shows.LOST_CONTACT
        assert user.log_in_at(bed.secondary).shows is Shows.HOME
    assert user.eventually_at(first).asks_for("login")


@pytest.mark.rule("CFG-10", "ROLE-3", "ROLE-6", "REDIR-2")
@pytest.mark.parametrize("replaced", in_place_of_either)
def test_the_primarys_core_takes_its_portal_along_wherever_that_runs(
    bed: Bed, nemesis: Nemesis, replaced: Site
) -> None:
    """An Application Server hands over when the core on the other machine is lost, with its whole server or alone."""
    assert bed.server("application").half is replaced
    for fault in (Stop(bed.primary.core), lose(bed.primary)):
        with nemesis.under(fault):
            eventually_serves(bed.secondary, bed)
        eventually_serves(bed.primary, bed)


@pytest.mark.rule("CFG-10", "ROLE-2", "ROLE-9")
@pytest.mark.parametrize("replaced", in_place_of_either)
def test_a_lost_application_server_is_its_portal_lost(bed: Bed, nemesis: Nemesis, replaced: Site) -> None:
    """As the primary's portal the secondary takes over; as the secondary's it disturbs nobody."""
    carrier = bed.server("application")
    with nemesis.under(lose(carrier)):
        if replaced is Site.PRIMARY:
            eventually_serves(bed.secondary, bed)
        else:
            eventually_serves(bed.primary, bed)
            assert bed.inspectors["application"].services() is None
    eventually_serves(bed.primary, bed)
    eventually_in_step(bed)


@pytest.mark.rule("CFG-10", "ROLE-4", "ROLE-7", "SYNC-1", "SYNC-3", "SYNC-4", "SYNC-5")
@pytest.mark.parametrize("replaced", in_place_of_either)
def test_an_application_server_stands_on_its_halfs_side_of_a_cut(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, replaced: Site
) -> None:
    """Both halves serve and change apart; afterwards the primary's changes reach the other, and the others are lost."""
    assert bed.server("application").half is replaced
    alice = web_client.log_in("alice", at=bed.primary)
    set_to(alice, "before", "kept")
    eventually_in_step(bed)
    with nemesis.under(split(bed.side(Site.PRIMARY), bed.side(Site.SECONDARY))):
        eventually_both_serve(bed)
        assert bed.status()["resilience"] == "stand-alone"
        set_to(alice, "primary", "stays")
        set_to(web_client.log_in("alice", at=bed.secondary), "secondary", "goes")
    eventually_serves(bed.primary, bed)
    eventually_in_step(bed)
    assert values(alice) == {"kept", "stays"}
    assert portal(bed.secondary, bed)["sync"]["discarded"] == 1


@pytest.mark.rule("CFG-10", "ROLE-3")
@pytest.mark.topology(preset="application-primary")
def test_an_application_server_that_lost_sight_of_its_core_hands_over(bed: Bed, nemesis: Nemesis) -> None:
    """To the primary's portal a core that cannot be reached is a core that is down."""
    with nemesis.under(cut(bed.server("application"), bed.primary)):
        eventually_serves(bed.secondary, bed)
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("CFG-7", "ROLE-4", "ROLE-9")
@pytest.mark.topology(preset="expansion")
def test_an_expansion_system_neither_relays_between_the_halves_nor_disturbs_them(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """Its users log in on the portal; the halves that are cut both serve; its loss changes no role."""
    assert bed.server("expansion").server is ServerName.EXPANSION
    carol = web_client.log_in("carol", at=bed.primary)
    with nemesis.under(cut(bed.primary, bed.secondary)):
        eventually_both_serve(bed)
    eventually_serves(bed.primary, bed)
    with nemesis.under(lose(bed.server("expansion"))):
        assert carol.read("contacts").ok
        assert bed.status()["resilience"] == "normal"
    assert carol.read("contacts").ok
