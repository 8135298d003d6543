"""How scenarios look at a bed from outside. Looks and waits; asserts nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from testbed.waiting import wait_until

if TYPE_CHECKING:
    from testbed.bed import Bed, BedServer

WITHIN_S = 20.0
"""A bound for what the rules promise; far beyond the detection time, as a busy machine may be slow."""


def portal(server: BedServer, bed: Bed) -> dict[str, Any]:
    """The portal's own resilience status; empty if it does not answer."""
    return bed.inspectors[server.site].resilience() or {}


def shown(server: BedServer, bed: Bed, service: str = "portal") -> tuple[str, str]:
    """State and colour of a service in the platform view of its server."""
    view = bed.inspectors[server.site].services()
    return (view[service]["state"], view[service]["colour"]) if view else ("no platform view", "")


def eventually_shown(server: BedServer, bed: Bed, state: str, service: str = "portal") -> None:
    """Wait until the platform view shows a service in a state."""
    what = f"the platform view of the {server.name} to show {service} as {state}"
    wait_until(lambda: shown(server, bed, service)[0], lambda seen: seen == state, within_s=WITHIN_S, what=what)


def eventually_in_step(bed: Bed) -> None:
    """Wait until both portals hold the same data and synchronisation runs."""

    def look() -> tuple[dict[str, Any], ...]:
        return tuple(portal(server, bed).get("sync", {}) for server in bed.servers)

    def same(seen: tuple[dict[str, Any], ...]) -> bool:
        return all(one.get("state") == "running" for one in seen) and len({one["digest"] for one in seen}) == 1

    wait_until(look, same, within_s=WITHIN_S, what="both portals to hold the same data")
