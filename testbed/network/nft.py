"""The rules of a server's packet filter, as text. Pure: text out, nft's JSON listing in; nothing runs here.

One table of our own, `inet portal_testbed`, in the network namespace of each server. It judges by address and
port alone, never by connection, so an established connection is cut like a new one. Loopback always passes.

    ingress:  loopback passes; count probes (arrived); faults; count probes (passed); drop probes
    faults:   lost? drop. blocked source? drop. blocked source and port, on either side? drop. degraded
    degraded: empty here. Loss, rate and the like put their rules into it, and flush it when they end
    egress:   loopback passes; lost? drop

What is blocked are elements of sets, never rules. So a change is one small transaction, undoing needs no
memory of rule handles, an element can carry a time-out (a *lease*: the kernel heals by itself when its holder
died), and the listing says what is in force. A probe that is counted as arrived and not as passed was dropped
by the chain between the two counters: by a fault of ours, and by nothing else.

A lost server's own UDP senders see EPERM, as with any packet filter on the way out; TCP sees silence.

Three traps of nft 1.0.6: two closing braces on one line are a syntax error (so blocks are written line by
line); JSON listings round leases down to whole seconds; and adding an element that exists leaves its lease
alone on kernels before 6.12 (so an element is deleted and added within one transaction, which starts its
counter anew).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

from stubs import ports
from testbed.partitions import Protocol  # noqa: TC001  # a dataclass field: its type is read at run time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

TABLE = "inet portal_testbed"
DEGRADED = "degraded"

LISTING = f"list table {TABLE}"
"""Ask for this as JSON; `parse` reads the answer."""

REMOVE = f"add table {TABLE}\ndelete table {TABLE}\n"
"""Take away the table with all that is in force. Also where there is none."""

_SOURCES = "blocked_sources"
_PORTS = "blocked_ports"
_LOST_IN = "lost_in"
_LOST_OUT = "lost_out"
_ARRIVED = "probes_arrived"
_PASSED = "probes_passed"
_FAULTS = (_SOURCES, _PORTS, _LOST_IN, _LOST_OUT)
_ADDRESS = "ipv4_addr"
_FLOW = "ipv4_addr . inet_proto . inet_service"
_FAMILIES = ("ipv4", "ipv6")  # a set over all packets there can be, without an interval set
_MOST_PROBED = 4096  # flows (source, protocol, port) whose probes are counted
_PROTOCOLS: dict[object, Protocol] = {6: "tcp", 17: "udp", "tcp": "tcp", "udp": "udp"}

_PROBE = f"ip dscp {ports.PROBE_DSCP}"
_PROBED = "ip saddr . meta l4proto . th dport"


@dataclass(frozen=True, order=True)
class Source:
    """Everything from this address is dropped where it arrives."""

    address: IPv4Address


@dataclass(frozen=True, order=True)
class SourcePort:
    """What comes from this address and has this port on either side is dropped where it arrives."""

    address: IPv4Address
    protocol: Protocol
    port: int


@dataclass(frozen=True, order=True)
class Lost:
    """Everything is dropped, in and out, but loopback."""


Block: TypeAlias = Source | SourcePort | Lost


@dataclass(frozen=True, order=True)
class Flow:
    """What probes are counted by: where they came from, and what they were sent to."""

    source: IPv4Address
    protocol: Protocol
    port: int


@dataclass(frozen=True, kw_only=True)
class InForce:
    """A block that the kernel holds now.

    Attributes:
        block: what is blocked.
        lease_left_s: whole seconds until it ends by itself, rounded down; None if it stays until undone.
        packets: dropped by it since it was set or renewed.
    """

    block: Block
    lease_left_s: int | None
    packets: int


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a server's packet filter says.

    Attributes:
        in_force: what is blocked.
        arrived: probes that reached this server, dropped or not; counted since the table was made.
        passed: those of them that no fault stopped.
    """

    in_force: tuple[InForce, ...]
    arrived: Mapping[Flow, int] = field(default_factory=dict)
    passed: Mapping[Flow, int] = field(default_factory=dict)

    def blocks(self) -> frozenset[Block]:
        """What is blocked, without counters and leases."""
        return frozenset(one.block for one in self.in_force)


class UnexpectedListingError(ValueError):
    """The listing is not of a form that is known here: another nft, or a table that somebody else changed."""


def install() -> str:
    """Make the table; where it is already, set its rules anew and leave alone what is in force."""
    lines = [f"add table {TABLE}"]
    lines += _set(_SOURCES, _ADDRESS, "flags timeout")
    lines += _set(_PORTS, _FLOW, "flags timeout")
    lines += _set(_LOST_IN, "nf_proto", "flags timeout")
    lines += _set(_LOST_OUT, "nf_proto", "flags timeout")
    lines += _set(_ARRIVED, _FLOW, "flags dynamic", f"size {_MOST_PROBED}")
    lines += _set(_PASSED, _FLOW, "flags dynamic", f"size {_MOST_PROBED}")
    lines += [f"add chain {TABLE} {DEGRADED}", f"add chain {TABLE} faults"]
    lines += [*_base_chain("ingress", "input"), *_base_chain("egress", "output")]
    lines += _rules(
        "faults",
        f"meta nfproto @{_LOST_IN} drop",
        f"ip saddr @{_SOURCES} drop",
        f"ip saddr . meta l4proto . th sport @{_PORTS} drop",
        f"ip saddr . meta l4proto . th dport @{_PORTS} drop",
        f"jump {DEGRADED}",
    )
    lines += _rules(
        "ingress",
        "iif lo accept",
        f"{_PROBE} add @{_ARRIVED} {{ {_PROBED} }}",
        "jump faults",
        f"{_PROBE} add @{_PASSED} {{ {_PROBED} }}",
        f"{_PROBE} drop",
    )
    lines += _rules("egress", "oif lo accept", f"meta nfproto @{_LOST_OUT} drop")
    return _text(lines)


def block(blocks: Collection[Block], *, lease_ms: int | None = None) -> str:
    """Block these, whatever was in force before; the last word on a lease wins.

    Args:
        blocks: what to block; not empty.
        lease_ms: milliseconds after which the kernel undoes it by itself; None: it stays until undone.
    """
    return _text(
        line
        for where, element in _elements(blocks)
        for line in (
            f"add element {TABLE} {where} {{ {element} }}",
            f"delete element {TABLE} {where} {{ {element} }}",
            f"add element {TABLE} {where} {{ {element}{_lease(lease_ms)} }}",
        )
    )


def renew(blocks: Collection[Block], *, lease_ms: int) -> str:
    """Start the leases of these anew; all of it is refused if one of them is no longer in force."""
    return _text(
        line
        for where, element in _elements(blocks)
        for line in (
            f"delete element {TABLE} {where} {{ {element} }}",
            f"add element {TABLE} {where} {{ {element}{_lease(lease_ms)} }}",
        )
    )


def unblock(blocks: Collection[Block]) -> str:
    """Undo these; one that is not in force is no error."""
    return _text(
        line
        for where, element in _elements(blocks)
        for line in (
            f"add element {TABLE} {where} {{ {element} }}",
            f"delete element {TABLE} {where} {{ {element} }}",
        )
    )


def flush() -> str:
    """Undo everything, degradations included. The counters of probes stay."""
    return _text([*(f"flush set {TABLE} {name}" for name in _FAULTS), f"flush chain {TABLE} {DEGRADED}"])


def parse(listing: Any) -> Listing:
    """Read nft's JSON listing of the table.

    Raises:
        UnexpectedListingError: it is not of the known form.
    """
    try:
        found = [entry["set"] for entry in listing["nftables"] if "set" in entry]
        sets = {one["name"]: one.get("elem", ()) for one in found}
        return Listing(
            in_force=tuple(_in_force(sets)),
            arrived={_flow(value): packets for value, _, packets in map(_element, sets[_ARRIVED])},
            passed={_flow(value): packets for value, _, packets in map(_element, sets[_PASSED])},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedListingError(f"cannot read: {error!r} in {str(listing)[:300]}") from error


def _set(name: str, of: str, *properties: str) -> list[str]:
    inside = [f"type {of}", *properties, "counter"]
    return [f"add set {TABLE} {name} {{", *(f"  {line}" for line in inside), "}"]


def _base_chain(name: str, hook: str) -> list[str]:
    return [f"add chain {TABLE} {name} {{", f"  type filter hook {hook} priority raw", "  policy accept", "}"]


def _rules(chain: str, *rules: str) -> list[str]:
    return [f"flush chain {TABLE} {chain}", *(f"add rule {TABLE} {chain} {rule}" for rule in rules)]


def _elements(blocks: Collection[Block]) -> Iterator[tuple[str, str]]:
    """Which element of which set each block is, in a stable order."""
    for one in sorted(blocks, key=repr):
        match one:
            case Source(address=address):
                yield _SOURCES, str(address)
            case SourcePort(address=address, protocol=protocol, port=port):
                yield _PORTS, f"{address} . {protocol} . {port}"
            case Lost():
                yield from ((where, family) for where in (_LOST_IN, _LOST_OUT) for family in _FAMILIES)
            case _:
                assert_never(one)


def _lease(lease_ms: int | None) -> str:
    if lease_ms is None:
        return ""
    if lease_ms <= 0:
        raise ValueError(f"a lease lasts some milliseconds, not {lease_ms}")
    return f" timeout {lease_ms}ms"


def _text(lines: Collection[str] | Iterator[str]) -> str:
    text = "".join(f"{line}\n" for line in lines)
    if not text:
        raise ValueError("an nft transaction about nothing")
    return text


def _in_force(sets: Mapping[str, Any]) -> Iterator[InForce]:
    for value, left_s, packets in map(_element, sets[_SOURCES]):
        yield InForce(block=Source(IPv4Address(value)), lease_left_s=left_s, packets=packets)
    for value, left_s, packets in map(_element, sets[_PORTS]):
        flow = _flow(value)
        port = SourcePort(flow.source, flow.protocol, flow.port)
        yield InForce(block=port, lease_left_s=left_s, packets=packets)
    # A server is lost as long as anything of it is dropped that way.
    lost = [_element(element) for name in (_LOST_IN, _LOST_OUT) for element in sets[name]]
    if lost:
        leases = [left_s for _, left_s, _ in lost]
        lease_left_s = None if None in leases else max(left_s for left_s in leases if left_s is not None)
        yield InForce(block=Lost(), lease_left_s=lease_left_s, packets=sum(packets for *_, packets in lost))


def _element(element: Any) -> tuple[Any, int | None, int]:
    """Read value, whole seconds left and packets of one element."""
    inner = element["elem"]
    return inner["val"], inner.get("expires"), inner["counter"]["packets"]


def _flow(value: Any) -> Flow:
    address, protocol, port = value["concat"]
    return Flow(IPv4Address(address), _PROTOCOLS[protocol], int(port))
