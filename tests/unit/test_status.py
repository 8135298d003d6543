"""What the services of a bed say is put together rightly, and nothing unsaid is taken for good."""

from __future__ import annotations

from typing import Any

import pytest

from stubs.wire import ServerName, Site
from testbed.status import Seen, settled, summary
from testbed.topology import Topology, derive


def _portal(site: Site, **changes: Any) -> dict[str, Any]:
    sync = {"state": "running", "head": 0, "digest": "d", "discarded": 0}
    role = "Available" if site is Site.PRIMARY else "Starting"
    return {"boot": 7, "role": role, "unmet": [], "core": "up", "peer": {}, "sync": sync, **changes}


def _view(portal: str, core: str = "Available", *, dormant: bool = False) -> dict[str, Any]:
    return {"portal": {"state": portal, "dormant": dormant, "boot": 7}, "core": {"state": core}}


def _seen(**changes: Any) -> dict[Site, Seen]:
    return {
        Site.PRIMARY: (_portal(Site.PRIMARY, **changes), _view("Available")),
        Site.SECONDARY: (_portal(Site.SECONDARY), _view("Starting")),
    }


def test_a_bed_in_normal_running_is_settled() -> None:
    """Everything as it should be."""
    assert settled(_seen(), unmet=(), boots={})


@pytest.mark.parametrize(
    "seen",
    [
        {**_seen(), Site.PRIMARY: (None, _view("Available"))},
        {**_seen(), Site.SECONDARY: (_portal(Site.SECONDARY), None)},
        {**_seen(), Site.SECONDARY: (_portal(Site.SECONDARY), _view("Stopped"))},
        {**_seen(), Site.SECONDARY: (_portal(Site.SECONDARY), _view("Starting", core="Stopped"))},
        _seen(role="Starting"),
        _seen(unmet=["CFG-7"]),
        _seen(core="down"),
        _seen(peer=None),
        _seen(sync={"state": "interrupted", "digest": "d"}),
        _seen(sync={"state": "running", "digest": "another"}),
    ],
)
def test_a_bed_is_not_settled_while_anything_is_missing(seen: dict[Site, Seen]) -> None:
    """One thing out of place is enough, silence included."""
    assert not settled(seen, unmet=(), boots={})


def test_a_bed_is_not_settled_before_both_portals_began_anew() -> None:
    """A portal that still shows its former start has not been reset yet."""
    assert not settled(_seen(), unmet=(), boots={Site.PRIMARY: 7})
    assert settled(_seen(), unmet=(), boots={Site.PRIMARY: 6, Site.SECONDARY: 6})


OFF: dict[Site, Seen] = {
    Site.PRIMARY: (_portal(Site.PRIMARY, unmet=["CFG-6"]), _view("Available")),
    Site.SECONDARY: (None, _view("Stopped", dormant=True)),
}


def test_a_bed_with_failover_off_is_settled_when_the_secondarys_portal_stopped_by_itself() -> None:
    """CFG-11: one that died, still answers, or has not begun anew is not it."""
    assert settled(OFF, unmet=("CFG-6",), boots={})
    assert settled(OFF, unmet=("CFG-6",), boots={Site.PRIMARY: 6, Site.SECONDARY: 6})
    assert not settled(OFF, unmet=("CFG-6",), boots={Site.SECONDARY: 7})
    assert not settled(OFF, unmet=(), boots={})
    for seen in (
        (None, None),
        (None, _view("Stopped")),
        (_portal(Site.SECONDARY), _view("Stopped", dormant=True)),
        (None, _view("Stopped", "Stopped", dormant=True)),
    ):
        assert not settled({**OFF, Site.SECONDARY: seen}, unmet=("CFG-6",), boots={})


def test_a_portal_that_stopped_by_itself_is_stopped_but_no_fault() -> None:
    """CFG-11: its container runs; and why it stopped is known even if nobody else answers."""
    containers = {site.server: {"core": "running", "portal": "running"} for site in Site}
    views = {ServerName.PRIMARY: None, ServerName.SECONDARY: _view("Stopped", dormant=True)}
    found = summary(Topology(), containers, views, dict.fromkeys(Site), [])
    assert (found["servers"]["secondary"]["portal"], found["faults"]) == ("stopped", [])
    assert (found["resilience"], found["unmet"]) == ("not ready", ["CFG-6"])


def test_an_application_servers_portal_stops_by_itself_too() -> None:
    """CFG-10, CFG-11: its platform view has no core, and an expansion system's has no portal."""
    topology = derive({"application_server": {"replaces": "secondary"}, "expansion": True})
    views = {
        ServerName.PRIMARY: _view("Available"),
        ServerName.SECONDARY: _view("Stopped"),
        ServerName.APPLICATION: {"portal": _view("Stopped", dormant=True)["portal"]},
        ServerName.EXPANSION: {"core": {"state": "Available"}},
    }
    containers = {ServerName.APPLICATION: {"portal": "running"}}
    found = summary(topology, containers, views, dict.fromkeys(Site), [])
    assert found["servers"]["application"]["portal"] == "stopped"
    assert found["unmet"] == ["CFG-6"]


@pytest.mark.parametrize(
    ("primary", "secondary", "unmet", "resilience"),
    [
        ("Available", "Starting", [], "normal"),
        ("Available", "Available", [], "stand-alone"),
        ("Starting", "Available", [], "failover"),
        ("Stopped", "Available", [], "failover"),
        ("Available", "Starting", ["CFG-7"], "not ready"),
    ],
)
def test_the_platform_views_say_whether_resilience_is_in_force(
    primary: str, secondary: str, unmet: list[str], resilience: str
) -> None:
    """Failover: only the secondary serves; stand-alone: both do."""
    views = {ServerName.PRIMARY: _view(primary), ServerName.SECONDARY: _view(secondary)}
    portals = {site: _portal(site, unmet=unmet) for site in Site}
    assert summary(Topology(), {}, views, portals, [])["resilience"] == resilience


def test_services_that_do_not_run_are_listed_as_faults() -> None:
    """Beside the network faults, by server and service."""
    containers = {
        ServerName.PRIMARY: {"core": "running", "portal": "paused"},
        ServerName.SECONDARY: {"core": "stopped"},
    }
    found = summary(Topology(), containers, dict.fromkeys(ServerName), dict.fromkeys(Site), ["cut a -> b"])
    assert found["faults"] == ["cut a -> b", "primary/portal paused", "secondary/core stopped"]
    assert found["servers"]["primary"]["platform_view"] is None
