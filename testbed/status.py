"""What a bed's services say, put together. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stubs.wire import Site
from testbed import layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stubs.wire import ServerName
    from testbed.topology import Topology

Seen = tuple[dict[str, Any] | None, dict[str, Any] | None]
"""A portal's resilience status and its server's platform view; `None` where nothing answers."""


def settled(seen: Mapping[Site, Seen], *, unmet: Sequence[str], boots: Mapping[Site, int]) -> bool:
    """Whether both servers are in normal running, or in what stands for it when resilience is not ready.

    Args:
        seen: what was read from both servers.
        unmet: the rules that the topology leaves unmet; these and no others may be.
        boots: starts of the portals that do not count.
    """
    return all(_one_settled(site, *seen[site], unmet=unmet, not_boot=boots.get(site)) for site in Site) and (
        _in_step(seen) if not unmet else True
    )


def _one_settled(
    site: Site,
    portal: dict[str, Any] | None,
    view: dict[str, Any] | None,
    *,
    unmet: Sequence[str],
    not_boot: int | None,
) -> bool:
    if view is None:
        return False
    if site is Site.SECONDARY and "CFG-6" in unmet:
        dormant, core = view["portal"], view["core"]
        stopped = dormant["dormant"] and dormant["boot"] != not_boot and portal is None  # CFG-11
        return bool(stopped and core["state"] == "Available")
    if portal is None or portal["boot"] == not_boot:
        return False
    role = "Available" if site is Site.PRIMARY else "Starting"
    shown = (view["portal"]["state"], view["core"]["state"])
    knows = portal["unmet"] == list(unmet) and portal["core"] == "up" and portal["peer"] is not None
    return bool(portal["role"] == role and shown == (role, "Available") and knows)


def _in_step(seen: Mapping[Site, Seen]) -> bool:
    syncs = [portal["sync"] for portal, _view in seen.values() if portal is not None]
    return all(sync["state"] == "running" for sync in syncs) and len({sync["digest"] for sync in syncs}) == 1


def summary(
    topology: Topology,
    containers: Mapping[ServerName, Mapping[str, str]],
    views: Mapping[ServerName, dict[str, Any] | None],
    portals: Mapping[Site, dict[str, Any] | None],
    faults: Sequence[str],
) -> dict[str, Any]:
    """The status of a bed, as `testbed status --json` prints it.

    Args:
        topology: its servers, and what is installed on them.
        containers: what the engine says of each container, by server and service.
        views: each server's platform view, or `None`.
        portals: each half's portal's resilience status, or `None`.
        faults: those in force, but for services that do not run.
    """
    serving = {site for site in Site if _serves(views.get(layout.portal_server(topology, site)))}
    unmet = _unmet(views, [portals[site] for site in Site])
    down = [
        f"{server.value}/{service} {state}"
        for server, services in sorted(containers.items())
        for service, state in sorted(services.items())
        if state != "running"
    ]
    return {
        "resilience": _resilience(serving, unmet),
        "unmet": unmet,
        "servers": {
            server.value: {
                **_services(topology, server, containers.get(server, {})),
                **({"portal": "stopped"} if _is_dormant(views[server]) else {}),
                "platform_view": views[server],
                "sync": _sync(topology, server, portals),
            }
            for server in layout.servers(topology)
        },
        "faults": [*faults, *down],
        "defects": list(topology.defects),
    }


def _unmet(views: Mapping[ServerName, dict[str, Any] | None], portals: Sequence[dict[str, Any] | None]) -> list[str]:
    """What the first portal that answers says; of one that stopped by itself it is known why (CFG-11)."""
    unasked = ["CFG-6"] if any(_is_dormant(view) for view in views.values()) else []
    return next((list(portal["unmet"]) for portal in portals if portal is not None), unasked)


def _is_dormant(view: dict[str, Any] | None) -> bool:
    """Whether the portal of a server stopped by itself (CFG-11)."""
    return view is not None and bool(view.get("portal", {}).get("dormant"))


def _serves(view: dict[str, Any] | None) -> bool:
    return view is not None and view["portal"]["state"] == "Available"


def _services(topology: Topology, server: ServerName, states: Mapping[str, str]) -> dict[str, str]:
    """How the services of a server are; an embedded portal that is replaced is out of use (CFG-10)."""
    found = {service: states.get(service, "stopped") for service in layout.services(topology, server)}
    return {**found, "portal": "out of use"} if layout.out_of_use(topology, server) else found


def _sync(topology: Topology, server: ServerName, portals: Mapping[Site, dict[str, Any] | None]) -> Any:
    half = layout.half(topology, server)
    if half is None or layout.portal_server(topology, half) is not server:
        return None
    return (portals[half] or {}).get("sync")


def _resilience(serving: set[Site], unmet: Sequence[str]) -> str:
    if serving == set(Site):
        return "stand-alone"
    if serving == {Site.SECONDARY}:
        return "failover"
    return "not ready" if unmet else "normal"
