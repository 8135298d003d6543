"""Reads what a server's packet filter says is in force. Pure: nft's JSON in, values out."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from testbed.network import nft, phases
from testbed.network.blocks import (
    DelayTo,
    FlapWith,
    Flow,
    InForce,
    Listing,
    LossFrom,
    Lost,
    RateTo,
    Shape,
    Source,
    SourcePort,
)
from testbed.partitions import Manner

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from testbed.partitions import Protocol

_PROTOCOLS: dict[object, Protocol] = {1: "icmp", 6: "tcp", 17: "udp", "icmp": "icmp", "tcp": "tcp", "udp": "udp"}


class UnexpectedListingError(ValueError):
    """The listing is not of a form that is known here: another nft, or a table that somebody else changed."""


def parse(listing: Any, *, at_ms: float = 0.0) -> Listing:
    """Read nft's JSON listing of sets and maps.

    Args:
        listing: the answer to `nft.LISTING`.
        at_ms: when it was given.

    Raises:
        UnexpectedListingError: it is not of the known form.
    """
    try:
        named = [entry[kind] for entry in listing["nftables"] for kind in ("set", "map") if kind in entry]
        sets = {one["name"]: one.get("elem", ()) for one in named if one["table"] == nft.TABLE_NAME}
        return Listing(
            in_force=tuple(_in_force(sets)),
            arrived={_flow(value): packets for value, _, packets in map(_element, sets[nft.ARRIVED])},
            passed={_flow(value): packets for value, _, packets in map(_element, sets[nft.PASSED])},
            at_ms=at_ms,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedListingError(f"cannot read: {error!r} in {str(listing)[:300]}") from error


def _in_force(sets: Mapping[str, Any]) -> Iterator[InForce]:
    for element, data in sets[nft.CUT_SOURCES]:
        value, left_s, packets = _element(element)
        block = Source(IPv4Address(value), _manner(data))
        yield InForce(block=block, lease_left_s=left_s, packets=packets)
    for element, data in (*sets[nft.CUT_PROTOCOLS], *sets[nft.CUT_PORTS]):
        value, left_s, packets = _element(element)
        address, protocol, *port = value["concat"]
        scope = SourcePort(IPv4Address(address), _PROTOCOLS[protocol], int(port[0]) if port else None, _manner(data))
        yield InForce(block=scope, lease_left_s=left_s, packets=packets)
    for element, data in sets[nft.LOSSY]:
        value, left_s, packets = _element(element)
        loss = LossFrom(IPv4Address(value), int(data["jump"]["target"].rpartition("_")[2]))
        yield InForce(block=loss, lease_left_s=left_s, packets=packets)
    yield from _flapping(sets[phases.IN], {str(one[0]["elem"]["val"]) for one in sets[phases.OUT]})
    for element, _ in sets[nft.SHAPED]:
        value, left_s, packets = _element(element)
        shape = _shape(IPv4Address(value), element["elem"]["comment"])
        yield InForce(block=shape, lease_left_s=left_s, packets=packets)
    yield from _lost([_element(element) for name in (nft.LOST_IN, nft.LOST_OUT) for element in sets[name]])


def _flapping(elements: Iterable[Any], both: Collection[str]) -> Iterator[InForce]:
    for element, data in elements:
        value, left_s, packets = _element(element)
        down_ms, up_ms = map(int, data["jump"]["target"].split("_")[-2:])
        block = FlapWith(IPv4Address(value), down_ms, up_ms, both=value in both)
        yield InForce(block=block, lease_left_s=left_s, packets=packets)


def _lost(elements: list[tuple[Any, int | None, int]]) -> Iterator[InForce]:
    """A server is lost as long as anything of it is dropped that way."""
    if elements:
        leases = [left_s for _, left_s, _ in elements]
        lease_left_s = None if None in leases else max(left_s for left_s in leases if left_s is not None)
        yield InForce(block=Lost(), lease_left_s=lease_left_s, packets=sum(packets for *_, packets in elements))


def _element(element: Any) -> tuple[Any, int | None, int]:
    """Read value, whole seconds left and packets of one element."""
    inner = element["elem"]
    return inner["val"], inner.get("expires"), inner["counter"]["packets"]


def _flow(value: Any) -> Flow:
    address, protocol, port = value["concat"]
    return Flow(IPv4Address(address), _PROTOCOLS[protocol], int(port))


def _manner(data: Any) -> Manner:
    return Manner.DROP if "drop" in data else Manner(data["goto"]["target"].removeprefix(nft.STOP))


def _shape(address: IPv4Address, comment: str) -> Shape:
    kind, *numbers = comment.split()
    if kind == "rate":
        (bits_per_s,) = map(int, numbers)
        return RateTo(address, bits_per_s)
    if kind == "delay":
        return DelayTo(address, *map(int, numbers))
    raise ValueError(f"a shape of an unknown kind: {comment!r}")
