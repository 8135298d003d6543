"""How scenarios look at a bed from outside. Looks and waits; asserts nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from testbed.clients.exchange import Answer
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.clients.client import Client
    from testbed.placement import BedServer

WITHIN_S = 20.0
"""A bound for what the rules promise; far beyond the detection time, as a busy machine may be slow."""


def portal(server: BedServer, bed: Bed) -> dict[str, Any]:
    """The portal's own resilience status; empty if it does not answer."""
    return bed.inspectors[server.site].resilience() or {}


def shown(server: BedServer, bed: Bed, service: str = "portal") -> tuple[str, str]:
    """State and colour of a half's service in the platform view of the server that carries it (CFG-10)."""
    carrier = server.portal_server if service == "portal" else server.core_server
    view = bed.inspectors[carrier.name].services()
    return (view[service]["state"], view[service]["colour"]) if view else ("no platform view", "")


def eventually_shown(server: BedServer, bed: Bed, state: str, service: str = "portal") -> None:
    """Wait until the platform view shows a service in a state."""
    what = f"the platform view of the {server.name} to show {service} as {state}"
    wait_until(lambda: shown(server, bed, service)[0], lambda seen: seen == state, within_s=WITHIN_S, what=what)


def eventually_serves(server: BedServer, bed: Bed) -> None:
    """Wait until this server's portal takes log-ins and the other one does not."""
    other = bed.server(server.site.other)
    wait_until(
        lambda: (shown(server, bed)[0], shown(other, bed)[0]),
        lambda seen: seen[0] == "Available" and seen[1] != "Available",
        within_s=WITHIN_S,
        what=f"the {server.name} alone to serve",
    )


def eventually_both_serve(bed: Bed) -> None:
    """Wait until both portals take log-ins."""
    wait_until(
        lambda: [shown(server, bed)[0] for server in bed.pair],
        lambda seen: seen == ["Available", "Available"],
        within_s=WITHIN_S,
        what="both portals to serve",
    )


def eventually_in_step(bed: Bed) -> None:
    """Wait until both portals hold the same data and synchronisation runs."""

    def look() -> tuple[dict[str, Any], ...]:
        return tuple(portal(server, bed).get("sync", {}) for server in bed.pair)

    def same(seen: tuple[dict[str, Any], ...]) -> bool:
        return all(one.get("state") == "running" for one in seen) and len({one["digest"] for one in seen}) == 1

    wait_until(look, same, within_s=WITHIN_S, what="both portals to hold the same data")


def eventually_unmet(bed: Bed, *rules: str, says: tuple[BedServer, ...] | None = None) -> None:
    """Wait until portals name these rules as unmet, and no others; both portals, unless said which."""
    wait_until(
        lambda: [portal(server, bed).get("unmet") for server in says or bed.pair],
        lambda seen: all(unmet == list(rules) for unmet in seen),
        within_s=WITHIN_S,
        what=f"{[server.name for server in says or bed.pair]} to name {list(rules)} as unmet",
    )


def shown_meanwhile(server: BedServer, bed: Bed) -> set[str]:
    """What the platform view shows of a portal in the course of one and a half detection times."""
    detection_s = bed.topology.primary.detection_minutes * 60 * bed.topology.time_scale
    seen: list[str] = []

    def look() -> int:
        seen.append(shown(server, bed)[0])
        return len(seen)

    wait_until(look, lambda count: count >= 15, within_s=WITHIN_S, what="fifteen looks", every_s=detection_s / 10)
    return set(seen)


def items(client: Client, collection: str) -> list[Mapping[str, Any]]:
    """What a logged-in user sees of a collection.

    Raises:
        AssertionError: it cannot be read.
    """
    outcome = client.read(collection)
    assert outcome.ok, outcome
    return list(outcome.items)


def values(client: Client) -> set[str]:
    """The values of all settings of a logged-in user."""
    return {str(item["value"]) for item in items(client, "settings")}


def certificates(bed: Bed) -> tuple[Path, ...]:
    """What a client must trust so that no server of the bed prompts."""
    return tuple(server.certificate for server in bed.pair)


def still_opens(client: Client, cookie: str, server: BedServer) -> bool:
    """Whether a session cookie opens a server; the server must answer.

    Raises:
        AssertionError: it does not answer.
    """
    answer = client.try_cookie(cookie, at=server)
    assert isinstance(answer, Answer), answer
    return answer.status == 200


def set_to(client: Client, key: str, value: str) -> None:
    """Add a setting; it must be acknowledged.

    Raises:
        AssertionError: it was not.
    """
    outcome = client.change("settings", {"key": key, "value": value})
    assert outcome.ok, outcome
