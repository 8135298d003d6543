"""Network faults between sides, as people ask for them: names, a manner, a service, a share. Pure.

A side is one or several ends. Clients are an end too, the machine on which the testbed runs; nothing can be set there,
so of a link with them only what they send is cut or lost, which is enough that nothing comes back either.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, TypeAlias

from stubs import ports
from testbed.bad_links import Delay, Flap, Loss, Rate
from testbed.partitions import Link, Manner, NetworkFault, Path, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

CLIENTS = "clients"
"""The end that is outside of all servers."""

Scope: TypeAlias = tuple[Protocol, int | None]
Side: TypeAlias = "Collection[str]"

SERVICES: Mapping[str, tuple[Scope, ...]] = {
    "portal": (("tcp", ports.PORTAL_HTTPS),),
    "platform-view": (("tcp", ports.PLATFORM_VIEW),),
    "core": (("tcp", ports.CORE_SERVICES),),
    "portal-link": (("tcp", ports.PORTAL_LINK), ("udp", ports.PORTAL_LINK)),
    "core-link": (("udp", ports.SCN_KEEPALIVE),),
    "cti": (("tcp", ports.CTI),),
}
"""What of a link belongs to a service, by its name. What two servers say to each other is portal-link and core-link."""


def scopes(*, service: str | None = None, protocol: Protocol | None = None, port: int | None = None) -> list[Scope]:
    """What of a link is meant: a service, or a protocol, or a port of it (of TCP and UDP if no protocol is named).

    An empty list means all of the link.

    Raises:
        ValueError: a service and another choice at once, or an unknown service.
    """
    if service is not None:
        if protocol is not None or port is not None:
            raise ValueError("name a service, or a protocol and a port, not both")
        if service not in SERVICES:
            raise ValueError(f"no service is called {service!r}; there are {', '.join(SERVICES)}")
        return list(SERVICES[service])
    if protocol is not None:
        return [(protocol, port)]
    return [] if port is None else [("tcp", port), ("udp", port)]


def cuts(
    ones: Side, others: Side, *, one_way: bool = False, manner: Manner = Manner.DROP, scope: Collection[Scope] = ()
) -> frozenset[NetworkFault]:
    """No end of one side hears one of the other, at all or in these protocols and ports.

    A reset is for TCP: of a service's other protocols it drops.

    Raises:
        ValueError: the sides share an end, or the manner does not go with the protocol.
    """
    directed = _directed(ones, others, one_way=one_way)
    if not scope:
        return frozenset(Link(a, b, manner) for a, b in directed)

    def of(protocol: Protocol) -> Manner:
        several = {name for name, _ in scope} > {"tcp"}
        return Manner.DROP if manner is Manner.RESET and several and protocol != "tcp" else manner

    paths = product(directed, scope)
    return frozenset(Path(a, b, protocol, port, of(protocol)) for (a, b), (protocol, port) in paths)


def losses(ones: Side, others: Side, percent: float, *, one_way: bool = False) -> frozenset[NetworkFault]:
    """Such a share of the packets is lost on the way.

    Raises:
        ValueError: no share from 0.1 to 100 % in steps of 0.1; or the sides share an end.
    """
    if not math.isfinite(percent):
        raise ValueError(f"a loss is a share, not {percent:g} %")
    permille = round(percent * 10)
    if abs(permille - percent * 10) > 1e-6:  # noqa: PLR2004 - what a float may be off
        raise ValueError(f"a loss is given in steps of 0.1 %, not {percent:g} %")
    return frozenset(Loss(a, b, permille) for a, b in _directed(ones, others, one_way=one_way))


def rates(ones: Side, others: Side, bits_per_s: int, *, one_way: bool = False) -> frozenset[NetworkFault]:
    """Each direction carries so much and no more.

    Raises:
        ValueError: such a rate cannot be proved; or the sides share an end.
    """
    return frozenset(Rate(a, b, bits_per_s) for a, b in _directed(ones, others, one_way=one_way))


def delays(  # noqa: PLR0913 - all that can be wrong with a packet's time
    ones: Side,
    others: Side,
    delay_ms: int,
    *,
    jitter_ms: int = 0,
    duplicated_percent: int = 0,
    hurried_percent: int = 0,
    one_way: bool = False,
) -> frozenset[NetworkFault]:
    """Packets are late, come twice or overtake. Needs a kernel with netem.

    Raises:
        ValueError: such a delay makes no sense; or the sides share an end.
    """
    directed = _directed(ones, others, one_way=one_way)
    return frozenset(Delay(a, b, delay_ms, jitter_ms, duplicated_percent, hurried_percent) for a, b in directed)


def flaps(ones: Side, others: Side, *, down_ms: int, up_ms: int, one_way: bool = False) -> frozenset[NetworkFault]:
    """Links that are down and up by turns.

    Raises:
        ValueError: such phases cannot be proved; or the sides share an end.
    """
    pairs = _ways(ones, others) if one_way else _any_way(ones, others)
    return frozenset(Flap(a, b, down_ms, up_ms, one_way) for a, b in pairs)


def _directed(ones: Side, others: Side, *, one_way: bool) -> list[tuple[str, str]]:
    """Each link with its direction, or with both; of those with clients the one that can be broken."""
    if one_way:
        return _ways(ones, others)
    pairs = product(_apart(ones, others), others)
    return [way for a, b in pairs for way in ((a, b), (b, a)) if way[1] != CLIENTS]


def _ways(sources: Side, targets: Side) -> list[tuple[str, str]]:
    """Each link in this direction only."""
    if CLIENTS in targets:
        raise ValueError(
            f"nothing can be set at {CLIENTS}: one way, only what they send can be broken, so name them first"
        )
    return list(product(_apart(sources, targets), targets))


def _any_way(ones: Side, others: Side) -> list[tuple[str, str]]:
    """Each link once, so that it does not end at clients."""
    return [(b, a) if b == CLIENTS else (a, b) for a, b in product(_apart(ones, others), others)]


def _apart(ones: Side, others: Side) -> Side:
    if both := set(ones) & set(others):
        raise ValueError(f"a link has two ends, and {min(both)} is one")
    return ones
