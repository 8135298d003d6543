"""How scenarios look at a bed from outside. Looks and waits; asserts nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stubs.timing import Timing
from testbed.clients.exchange import Answer
from testbed.recording.sightings import visits
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.clients.client import Client
    from testbed.placement import BedServer
    from testbed.recording.sightings import Visit
    from testbed.recording.watch import Watch

WITHIN_S = 20.0
"""A bound for what the rules promise; far beyond the detection time, as a busy machine may be slow."""


def now_ms() -> float:
    """Milliseconds of this machine's monotonic clock, which the containers share."""
    return time.monotonic() * 1000


def detection_s(bed: Bed) -> float:
    """The Failover Detection Time of a bed, in seconds."""
    return bed.topology.primary.detection_minutes * 60 * bed.topology.time_scale


def until_nothing_more_can_happen_s(bed: Bed) -> float:
    """How long after a fault all that it leads to has happened: silence is noticed, the detection time is over."""
    timing = Timing(scale=bed.topology.time_scale)
    return detection_s(bed) + (timing.fresh_ms + 2 * timing.heartbeat_ms) / 1000


def let_pass(seconds: float, *, meanwhile: Callable[[], object] = lambda: None, every_s: float = 0.05) -> None:
    """Let time pass, for what must not happen meanwhile.

    Args:
        seconds: how long.
        meanwhile: done again and again.
        every_s: pause between two of these, in seconds.
    """
    over_ms = now_ms() + seconds * 1000

    def look() -> float:
        meanwhile()
        return now_ms()

    within_s = seconds + WITHIN_S
    wait_until(look, lambda now: now >= over_ms, within_s=within_s, what=f"{seconds:g} s to pass", every_s=every_s)


def role_changes(bed: Bed) -> dict[str, list[dict[str, Any]]]:
    """The last changes of role of the portals that answer, as they tell them."""
    return {server.name: portal(server, bed).get("role_changes", []) for server in bed.servers}


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


def eventually_runs(server: BedServer, bed: Bed, service: str = "portal") -> None:
    """Wait until the platform view shows that a service runs, whatever it does."""
    what = f"the {service} of the {server.name} to run"
    wait_until(
        lambda: shown(server, bed, service)[0],
        lambda seen: seen in ("Available", "Starting"),
        within_s=WITHIN_S,
        what=what,
    )


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


def visits_to(server: BedServer, watch: Watch) -> list[Visit]:
    """Every connection of a client to any TLS port of a server that the server knows of by now."""
    return [visit for visit in visits(watch.look()) if visit.server == server.name]


def certificates(bed: Bed) -> tuple[Path, ...]:
    """What a client must trust so that no server of the bed prompts."""
    return tuple(server.certificate for server in bed.servers)


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
