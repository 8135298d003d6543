"""Sightings and acts, made up: the client's story in a line each."""

from __future__ import annotations

from typing import Any

from stubs.ports import PORTAL_HTTPS
from testbed.conformance.acts import Act, Ended, Taken
from testbed.recording.sightings import Asked, Shaken

P, S = "primary", "secondary"
CRASHED = Ended(code=3, said=("Traceback", "ValueError: no"))


def at(ms: int) -> str:
    """A time of day, so many milliseconds after the beginning."""
    return f"2026-01-01T00:{ms // 60_000:02}:{ms // 1000 % 60:02}.{ms % 1000:03}+00:00"


def asked(server: str, ms: int, method: str = "GET", path: str = "session", status: int = 200, **more: Any) -> Asked:
    """A request at a portal's API."""
    return Asked(
        server=server,
        port=PORTAL_HTTPS,
        at=at(ms),
        client="10.0.0.1",
        client_port=40_000 + ms % 20_000,
        method=method,
        path=f"/api/v1/{path}",
        status=status,
        **more,
    )


def shaken(server: str, ms: int, outcome: str = "completed", alert: str | None = None) -> Shaken:
    """A handshake with a portal."""
    return Shaken(
        server=server,
        port=PORTAL_HTTPS,
        at=at(ms),
        client="10.0.0.1",
        client_port=40_000 + ms % 20_000,
        server_name=None,
        outcome=outcome,
        alert=alert,
    )


def log_in(server: str, ms: int) -> Asked:
    """A log-in that succeeded."""
    return asked(server, ms, "POST", status=201)


def refusal(server: str, ms: int) -> Shaken:
    """A certificate that the client refused."""
    return shaken(server, ms, "alert", "unknown_ca")


def change(server: str, ms: int, collection: str = "settings") -> Asked:
    """A change that was acknowledged."""
    return asked(server, ms, "POST", collection, 201)


def taken(*, is_there: bool | None) -> Taken:
    """A change that failback took back, and whether it is there nevertheless."""
    return Taken(collection="settings", owner="alice", item="1", what="added", is_there=is_there)


def act(*during: Asked | Shaken, **more: Any) -> Act:
    """A failover that began at 10 s and had the secondary serve at 11 s; the client was at the primary before."""
    fields: dict[str, Any] = {
        "source": P,
        "target": S,
        "before": (log_in(P, 1000), asked(P, 9000)),
        "during": during,
        "began_at": at(10_000),
        "serving_at": at(11_000),
        "watched_s": 4.0,
        "tried": 5,
        "dead_s": 5.0,
        "certificate": "of an unknown authority",
        **more,
    }
    return Act(**fields)
