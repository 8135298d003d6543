"""The settings of the portals: when they come into effect, what each is for, and what the status says of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from testbed.configure import configure, look, restart_portals
from testbed.faults import Kill, Stop
from testbed.settings import ON_PAGES, parse
from testbed.waiting import wait_until
from tests.scenarios.observing import (
    WITHIN_S,
    eventually_in_step,
    eventually_serves,
    eventually_shown,
    eventually_unmet,
    portal,
    shown,
    shown_meanwhile,
)

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer

CHANGES = parse(["central-cti=off", "failover=off", "detection-minutes=5", "failback=manual"])


def _settings(bed: Bed, server: BedServer) -> dict[str, Any]:
    """What is configured and in effect on a server, by key."""
    found: dict[str, Any] = look(bed)["servers"][server.name]["settings"]
    return found


def _page(bed: Bed, server: BedServer, page: str) -> Any:
    return bed.inspectors[server.site].administer("GET", page)


def _providers(bed: Bed, server: BedServer) -> list[tuple[str, str, str]]:
    return [(one["type"], one["server"], one["state"]) for one in _page(bed, server, "providers")["items"]]


def _detection_s(bed: Bed, minutes: float) -> float:
    return minutes * 60 * bed.topology.time_scale


def _failover_takes_s(bed: Bed, began: float) -> float:
    """Wait until the secondary alone serves; how long that was, in seconds."""
    eventually_serves(bed.secondary, bed)
    return time.monotonic() - began


@pytest.mark.rule("CFG-4", "CFG-6")
def test_a_changed_setting_is_in_effect_after_a_restart_of_the_portal_only(bed: Bed) -> None:
    """Until then page, API and status say that a restart is pending, and the pair is ready as before."""
    before = _settings(bed, bed.primary)
    assert before["detection-minutes"]["effective"] == 3
    for key, value in CHANGES.items():
        assert before[key]["effective"] != value
        configure(bed, bed.primary.site, {key: value})
        assert _page(bed, bed.primary, ON_PAGES[key].page)["restart_pending"]
    pending = _settings(bed, bed.primary)
    assert {key: pending[key]["configured"] for key in CHANGES} == CHANGES
    assert {key: pending[key]["effective"] for key in CHANGES} == {key: before[key]["effective"] for key in CHANGES}
    assert not _page(bed, bed.primary, "host-domain-name")["restart_pending"]
    assert [portal(server, bed)["restart_pending"] for server in bed.pair] == [True, False]
    assert [portal(server, bed)["unmet"] for server in bed.pair] == [[], []]
    restart_portals(bed, [bed.primary.site])
    eventually_unmet(bed, "CFG-5", "CFG-6", says=(bed.primary,))
    assert {key: _settings(bed, bed.primary)[key]["effective"] for key in CHANGES} == CHANGES
    assert not portal(bed.primary, bed)["restart_pending"]
    configure(bed, bed.primary.site, {key: before[key]["configured"] for key in CHANGES})
    restart_portals(bed, [bed.primary.site])
    eventually_unmet(bed)
    eventually_in_step(bed)


@pytest.mark.rule("CFG-5")
@pytest.mark.topology(preset="upgraded")
def test_upgraded_servers_fail_over_once_central_cti_link_is_in_effect_on_both(bed: Bed, nemesis: Nemesis) -> None:
    """It is off after an upgrade, so nobody takes over; on one portal it is not enough, on both it is."""
    assert [portal(server, bed)["unmet"] for server in bed.pair] == [["CFG-5"], ["CFG-5"]]
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_shown(bed.primary, bed, "Stopped")
        assert shown_meanwhile(bed.secondary, bed) == {"Starting"}
    eventually_shown(bed.primary, bed, "Available")
    configure(bed, bed.primary.site, {"central-cti": True})
    restart_portals(bed, [bed.primary.site])
    configure(bed, bed.secondary.site, {"central-cti": True})
    eventually_unmet(bed, "CFG-5")
    restart_portals(bed, [bed.secondary.site])
    eventually_unmet(bed)
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("CFG-6")
def test_failover_now_hands_over_at_once_until_the_primarys_portal_is_restarted(bed: Bed) -> None:
    """With the longest detection time there is: it plays no part; the primary's process runs, and serves nobody."""
    configure(bed, bed.primary.site, {"detection-minutes": 60.0})
    restart_portals(bed, [bed.primary.site])
    eventually_in_step(bed)
    began = time.monotonic()
    bed.inspectors[bed.primary.site].administer("POST", "failover-now")
    assert _failover_takes_s(bed, began) < _detection_s(bed, 60) / 3
    assert shown(bed.primary, bed) == ("Starting", "yellow")
    assert bed.status()["servers"]["primary"]["portal"] == "running"
    restart_portals(bed, [bed.primary.site])
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("CFG-6", "CFG-4")
def test_a_longer_detection_time_delays_the_takeover(bed: Bed, nemesis: Nemesis) -> None:
    """By far more than the time that was in effect before."""
    configure(bed, bed.primary.site, {"detection-minutes": 8.0})
    restart_portals(bed, [bed.primary.site])
    eventually_in_step(bed)
    began = time.monotonic()
    with nemesis.under(Kill(bed.primary.portal)):
        took_s = _failover_takes_s(bed, began)
    assert took_s > 0.75 * _detection_s(bed, 8) > 1.5 * _detection_s(bed, 3)
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("CFG-6", "CFG-4")
def test_manual_failback_waits_for_a_restart_of_the_portals(bed: Bed, nemesis: Nemesis) -> None:
    """Set on the primary's page: the primary comes back and waits, until an administrator ends it."""
    configure(bed, bed.primary.site, {"failback": "manual"})
    restart_portals(bed, [bed.primary.site])
    eventually_in_step(bed)
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
    eventually_shown(bed.primary, bed, "Starting")
    assert shown_meanwhile(bed.primary, bed) == {"Starting"}
    restart_portals(bed)
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("CFG-12")
def test_the_secondarys_host_domain_name_is_where_the_primarys_users_are_sent(bed: Bed, nemesis: Nemesis) -> None:
    """While it is empty resilience is not ready and the status says so; what is set there the redirect names."""
    configure(bed, bed.secondary.site, {"host-domain-name": ""})
    restart_portals(bed, [bed.secondary.site])
    eventually_unmet(bed, "CFG-12")
    assert (bed.status()["resilience"], bed.status()["unmet"]) == ("not ready", ["CFG-12"])
    configure(bed, bed.secondary.site, {"host-domain-name": "portal-two.example"})
    assert portal(bed.primary, bed)["unmet"] == ["CFG-12"]
    restart_portals(bed, [bed.secondary.site])
    eventually_unmet(bed)
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        named = {"portal": "https://portal-two.example:9443/onexportal.html"}
        what = "the primary's core to name the secondary by its Host Domain Name"
        core = bed.inspectors[bed.primary.site]
        wait_until(core.redirect, lambda said: said == named, within_s=WITHIN_S, what=what)
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("CFG-13")
@pytest.mark.topology(
    primary={"installation": "upgraded", "failover": False, "backs_up_portal": False},
    secondary={"installation": "upgraded", "host_domain_name": "", "portal_version": "12.1"},
)
def test_every_unmet_rule_is_named_and_each_that_is_mended_drops_out(bed: Bed) -> None:
    """All at once, in words too; the list gets shorter by one, on both portals and in the status of the bed."""

    def mended(*unmet: str) -> None:
        eventually_unmet(bed, *unmet)
        assert bed.status()["unmet"] == list(unmet)

    everything = ["CFG-5", "CFG-6", "CFG-7", "CFG-9", "CFG-12"]
    told = portal(bed.primary, bed)
    assert told["unmet"] == [need["rule"] for need in told["unmet_why"]] == bed.status()["unmet"] == everything
    configure(bed, bed.primary.site, {"failover": True})
    restart_portals(bed, [bed.primary.site])
    mended("CFG-5", "CFG-7", "CFG-9", "CFG-12")
    configure(bed, bed.primary.site, {"line.backs-up-portal": True})
    mended("CFG-5", "CFG-9", "CFG-12")
    for server in bed.pair:
        configure(bed, server.site, {"central-cti": True})
    restart_portals(bed)
    mended("CFG-9", "CFG-12")
    configure(bed, bed.secondary.site, {"host-domain-name": bed.secondary.hostname})
    restart_portals(bed, [bed.secondary.site])
    mended("CFG-9")


@pytest.mark.rule("CFG-14")
def test_the_providers_follow_resilience_and_the_links_to_the_cores(bed: Bed, nemesis: Nemesis) -> None:
    """Four on both portals while resilience works, two to the primary without; each as connected as its core."""
    to_primary = [("DSML", "primary", "connected"), ("CSTA", "primary", "connected")]
    everything = [*to_primary, ("DSML", "secondary", "connected"), ("CSTA", "secondary", "connected")]
    for server in bed.pair:
        assert _providers(bed, server) == everything
    with nemesis.under(Kill(bed.secondary.core)):
        parted = [*to_primary, ("DSML", "secondary", "disconnected"), ("CSTA", "secondary", "disconnected")]
        _eventually_provided(bed, parted)
    _eventually_provided(bed, everything)
    configure(bed, bed.primary.site, {"failover": False})
    restart_portals(bed, [bed.primary.site])
    _eventually_provided(bed, to_primary)


def _eventually_provided(bed: Bed, expected: list[tuple[str, str, str]]) -> None:
    """Wait until the primary's portal lists these providers."""
    what = f"the primary's portal to list {expected}"
    wait_until(lambda: _providers(bed, bed.primary), lambda seen: seen == expected, within_s=WITHIN_S, what=what)
