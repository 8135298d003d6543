"""What a bed's services say, put together. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stubs.wire import Site

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    if portal is None or view is None or portal["boot"] == not_boot:
        return False
    role = "Available" if site is Site.PRIMARY else "Starting"
    shown = (view["portal"]["state"], view["core"]["state"])
    knows = portal["unmet"] == list(unmet) and portal["core"] == "up" and portal["peer"] is not None
    return bool(portal["role"] == role and shown == (role, "Available") and knows)


def _in_step(seen: Mapping[Site, Seen]) -> bool:
    syncs = [portal["sync"] for portal, _view in seen.values() if portal is not None]
    return all(sync["state"] == "running" for sync in syncs) and len({sync["digest"] for sync in syncs}) == 1


def summary(
    containers: Mapping[Site, Mapping[str, str]],
    views: Mapping[Site, dict[str, Any] | None],
    portals: Mapping[Site, dict[str, Any] | None],
    faults: Sequence[str],
) -> dict[str, Any]:
    """The status of a bed, as `testbed status --json` prints it.

    Args:
        containers: what the engine says of each container, by site and service.
        views: each server's platform view, or `None`.
        portals: each portal's resilience status, or `None`.
        faults: those in force, but for services that do not run.
    """
    serving = {site for site, view in views.items() if view and view["portal"]["state"] == "Available"}
    said = [portals[site] for site in Site]
    unmet = next((list(portal["unmet"]) for portal in said if portal is not None), [])
    down = [
        f"{site.value}/{service} {state}"
        for site, services in sorted(containers.items())
        for service, state in sorted(services.items())
        if state != "running"
    ]
    return {
        "resilience": _resilience(serving, unmet),
        "unmet": unmet,
        "servers": {
            site.value: {
                **{service: containers.get(site, {}).get(service, "stopped") for service in ("core", "portal")},
                "platform_view": views[site],
                "sync": (portals[site] or {}).get("sync"),
            }
            for site in Site
        },
        "faults": [*faults, *down],
    }


def _resilience(serving: set[Site], unmet: Sequence[str]) -> str:
    if serving == set(Site):
        return "stand-alone"
    if serving == {Site.SECONDARY}:
        return "failover"
    return "not ready" if unmet else "normal"
