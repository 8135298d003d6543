"""What the servers saw of clients, as values, and put together to connections. Pure; `watch` collects them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, assert_never

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CERTIFICATE_ALERTS = frozenset(
    {
        "bad_certificate",
        "certificate_expired",
        "certificate_revoked",
        "certificate_unknown",
        "unknown_ca",
        "unsupported_certificate",
    }
)
"""The alerts by which a client refuses a certificate (RFC 8446, section 6.2); others have other causes."""


@dataclass(frozen=True, kw_only=True)
class Shaken:
    """A TLS handshake, as the server saw it; the fields are explained in `stubs.witness`."""

    server: str
    port: int
    at: str
    client: str
    client_port: int
    server_name: str | None
    outcome: str
    alert: str | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that a server answered; the fields are explained in `stubs.witness`."""

    server: str
    port: int
    at: str
    client: str
    client_port: int
    method: str
    path: str
    status: int
    location: str | None = None
    user_agent: str = ""
    user: str | None = None


Sighting: TypeAlias = Shaken | Asked


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One connection of a client to a TLS port of a server.

    Attributes:
        server: the server's name.
        port: which of its ports.
        at: when it was first seen to get anywhere, ISO 8601.
        client: the client's address.
        outcome: of the handshake.
        alert: that ended it, if one did.
        asked: the requests that it carried, in order.
    """

    server: str
    port: int
    at: str
    client: str
    outcome: str
    alert: str | None
    asked: tuple[Asked, ...]

    @property
    def until(self) -> str:
        """When it was last seen, ISO 8601."""
        return self.asked[-1].at if self.asked else self.at

    @property
    def sent(self) -> bool:
        """Whether the client sent anything but the handshake (CERT-4)."""
        return self.outcome == "completed" or bool(self.asked)

    @property
    def refused(self) -> bool:
        """Whether the client refused the certificate in so many words."""
        return self.alert in CERTIFICATE_ALERTS


def visits(sightings: Iterable[Sighting]) -> tuple[Visit, ...]:
    """The connections that were seen, in order; one whose handshake was not seen counts from its first request."""
    shaken: dict[tuple[str, int, str, int], list[Shaken]] = defaultdict(list)
    carried: dict[int, list[Asked]] = defaultdict(list)
    unknown: dict[tuple[str, int, str, int], list[Asked]] = defaultdict(list)
    seen = sorted(sightings, key=lambda one: (one.at, isinstance(one, Asked)))
    for one in seen:
        key = (one.server, one.port, one.client, one.client_port)
        match one:
            case Shaken():
                shaken[key].append(one)
            case Asked() if shaken[key]:
                carried[id(shaken[key][-1])].append(one)
            case Asked():
                unknown[key].append(one)
            case _:
                assert_never(one)
    known = [_visit(one, carried[id(one)]) for several in shaken.values() for one in several]
    older = [_visit(None, several) for several in unknown.values()]
    return tuple(sorted(known + older, key=lambda visit: visit.at))


def of_client(
    sightings: Iterable[Sighting], *, address: str | None = None, agent: str | None = None
) -> tuple[Visit, ...]:
    """The connections of one client.

    Args:
        sightings: what was seen.
        address: its address; any, if left out.
        agent: part of what it calls itself; any, if left out. A connection without a request tells no name, and counts.
    """
    return tuple(
        visit
        for visit in visits(sightings)
        if address in (None, visit.client)
        and (agent is None or not visit.asked or any(agent in one.user_agent for one in visit.asked))
    )


def _visit(shaken: Shaken | None, asked: Sequence[Asked]) -> Visit:
    first = shaken or asked[0]
    return Visit(
        server=first.server,
        port=first.port,
        at=first.at,
        client=first.client,
        outcome=shaken.outcome if shaken else "completed",
        alert=shaken.alert if shaken else None,
        asked=tuple(asked),
    )
