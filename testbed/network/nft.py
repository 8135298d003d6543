"""The rules of a server's packet filter, as text. Pure: text out, nothing runs here; `testbed.network.listing` reads.

One table of our own, `inet portal_testbed`, in the network namespace of each server. It judges by address and
port alone, never by connection, so an established connection is cut like a new one. Loopback always passes.

    ingress:  loopback passes; drop streams; count probes (arrived); faults; count probes (passed); drop probes
    faults:   lost? drop. an answer of a fault? pass. cut source, source and protocol, source and protocol and port,
              on either side? stop it in its manner. flapping source? drop by turns. lossy source? draw from its deck
    egress:   loopback passes; lost? drop; an answer of a fault? mark it, pass; flapping target? drop by turns; a probe?
              pass; shaped target? to its class (`tc`)

What is in force are elements of sets and maps, never rules. So a change is one small transaction, undoing needs no
memory of rule handles, an element can carry a time-out (a *lease*: the kernel heals by itself when its holder
died), and the listing says what is in force. That holds for rate and delay too: a class to which no element sends
packets does nothing. A probe that is counted as arrived and not as passed was dropped by the chain between the two
counters: by a fault of ours, and by nothing else.

The chains that elements jump to (a manner, a deck) are made with the first element that needs them, so that a kernel
without what they need refuses these alone; they stay, and do nothing without an element.

Answers of a fault (ICMP errors, TCP resets) bear the mark of the packet that they answer (`SYSCTLS`), get a code point
of their own as they leave, and pass whatever cut there is, and whatever queue: as if a firewall between the two ends
had answered. Probes pass by the queues, too, or none would arrive in time behind what waits in a slow one.

A lost server's own UDP senders see EPERM, as with any packet filter on the way out; TCP sees silence.

Three traps of nft 1.0.6: two closing braces on one line are a syntax error (so blocks are written line by
line); JSON listings round leases down to whole seconds; and adding an element that exists leaves its lease
alone on kernels before 6.12 (so an element is deleted and added within one transaction, which starts its
counter anew).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from stubs import ports
from testbed.network import decks, phases
from testbed.network.blocks import Block, DelayTo, FlapWith, LossFrom, Lost, RateTo, Source, SourcePort
from testbed.network.tc import class_of
from testbed.partitions import Manner

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

TABLE_NAME = "portal_testbed"
TABLE = f"inet {TABLE_NAME}"

LISTING = "list sets inet\nlist maps inet\n"
"""Ask for this as JSON; `testbed.network.listing` reads the answer. Not the table: its rules would take most of it."""

REMOVE = f"add table {TABLE}\ndelete table {TABLE}\n"
"""Take away the table with all that is in force. Also where there is none."""

SYSCTLS = {
    "net.ipv4.fwmark_reflect": "1",  # the answer of a fault bears the mark of what it answers
    "net.ipv4.icmp_ratemask": "0",  # each packet is answered, and not only one a second
    "net.ipv4.ping_group_range": "0 2147483647",  # ICMP probes without a capability
}
"""What a server's network namespace must be made with."""

CUT_SOURCES = "cut_sources"
CUT_PROTOCOLS = "cut_protocols"
CUT_PORTS = "cut_ports"
LOSSY = "lossy_sources"
SHAPED = "shaped_targets"
LOST_IN = "lost_in"
LOST_OUT = "lost_out"
ARRIVED = "probes_arrived"
PASSED = "probes_passed"
_FAULT_MAPS = (CUT_SOURCES, CUT_PROTOCOLS, CUT_PORTS, LOSSY, phases.IN, phases.OUT, SHAPED)
_FAULT_SETS = (LOST_IN, LOST_OUT)
_ADDRESS = "ipv4_addr"
_FLOW = "ipv4_addr . inet_proto . inet_service"
_FAMILIES = ("ipv4", "ipv6")  # a set over all packets there can be, without an interval set
_MOST_PROBED = 4096  # flows (source, protocol, port) whose probes are counted
STOP = "stop_"

_MARK = 0x2F
_PROBE = f"ip dscp {ports.PROBE_DSCP}"
_STREAM = f"ip dscp {ports.STREAM_DSCP}"
_ANSWER = f"ip dscp {ports.ANSWER_DSCP}"
_STOP = {
    Manner.REJECT: ("reject with icmp type port-unreachable",),
    Manner.PROHIBIT: ("reject with icmp type admin-prohibited",),
    Manner.RESET: ("meta l4proto tcp reject with tcp reset", "drop"),
}


@dataclass(frozen=True)
class _Element:
    """One element of a set or map: what stands for a block in the kernel."""

    where: str
    key: str
    data: str = ""
    comment: str = ""

    def add(self, lease: str = "") -> str:
        comment = f' comment "{self.comment}"' if self.comment else ""
        data = f" : {self.data}" if self.data else ""
        return f"add element {TABLE} {self.where} {{ {self.key}{lease}{comment}{data} }}"

    def delete(self) -> str:
        return f"delete element {TABLE} {self.where} {{ {self.key} }}"


def install() -> str:
    """Make the table; where it is already, set its rules anew and leave alone what is in force."""
    lines = [f"add table {TABLE}", *_memory()]
    lines += [f"add chain {TABLE} faults", *_base_chain("ingress", "input"), *_base_chain("egress", "output")]
    lines += _rules(
        "faults",
        f"meta nfproto @{LOST_IN} drop",
        f"{_ANSWER} meta l4proto icmp accept",
        f"{_ANSWER} tcp flags rst accept",
        f"ip saddr vmap @{CUT_SOURCES}",
        f"ip saddr . meta l4proto vmap @{CUT_PROTOCOLS}",
        f"ip saddr . meta l4proto . th sport vmap @{CUT_PORTS}",
        f"ip saddr . meta l4proto . th dport vmap @{CUT_PORTS}",
        f"ip saddr vmap @{phases.IN}",
        f"ip saddr vmap @{LOSSY}",
    )
    lines += _rules(
        "ingress",
        "iif lo accept",
        f"{_STREAM} drop",
        *_count(ARRIVED),
        "jump faults",
        *_count(PASSED),
        f"{_PROBE} drop",
    )
    lines += _rules(
        "egress",
        "oif lo accept",
        f"meta nfproto @{LOST_OUT} drop",
        f"meta mark {_MARK} ip dscp set {ports.ANSWER_DSCP} accept",
        f"ip daddr vmap @{phases.OUT}",
        f"{_PROBE} accept",
        f"meta priority set ip daddr map @{SHAPED}",
    )
    return _text(lines)


def _memory() -> list[str]:
    """The sets and maps; what is in them stays."""
    lines = _map(CUT_SOURCES, f"{_ADDRESS} : verdict")
    lines += _map(CUT_PROTOCOLS, f"{_ADDRESS} . inet_proto : verdict")
    lines += _map(CUT_PORTS, f"{_FLOW} : verdict")
    lines += _map(LOSSY, f"{_ADDRESS} : verdict")
    lines += _map(SHAPED, f"{_ADDRESS} : classid")
    lines += [line for name in _FAULT_SETS for line in _set("set", name, "nf_proto", "flags timeout")]
    lines += [line for name in (phases.IN, phases.OUT) for line in _map(name, f"{_ADDRESS} : verdict")]
    timed = ("flags dynamic, timeout", f"size {_MOST_PROBED}")
    lines += [line for name in (phases.DOWN, phases.CYCLE) for line in _set("set", name, _ADDRESS, *timed)]
    counted = ("flags dynamic", f"size {_MOST_PROBED}")
    lines += [line for name in (ARRIVED, PASSED) for line in _set("set", name, _FLOW, *counted)]
    return lines


def block(blocks: Collection[Block], *, lease_ms: int | None = None) -> str:
    """Block these, whatever was in force before; the last word on a lease wins.

    The kernel refuses a link that is blocked already, but otherwise: in another manner, by another loss.

    Args:
        blocks: what to block; not empty.
        lease_ms: milliseconds after which the kernel undoes it by itself; None: it stays until undone.
    """
    lease = _lease(lease_ms)
    lines = [line for chain, rules in sorted(_chains(blocks).items()) for line in _chain(chain, *rules)]
    begun = [one.address for one in blocks if isinstance(one, FlapWith)]
    phase = [_Element(where, str(address)) for address in sorted(begun) for where in (phases.DOWN, phases.CYCLE)]
    lines += [line for one in phase for line in (one.add(), one.delete())]
    for one in _elements(blocks):
        lines += [one.add(), one.delete(), one.add(lease)]
    return _text(lines)


def renew(blocks: Collection[Block], *, lease_ms: int | None) -> str:
    """Start the leases of these anew, or let them stay; all of it is refused if one of them is no longer in force."""
    lease = _lease(lease_ms)
    return _text(line for one in _elements(blocks) for line in (one.delete(), one.add(lease)))


def unblock(blocks: Collection[Block]) -> str:
    """Undo these; one that is not in force is no error."""
    chains = [f"add chain {TABLE} {chain}" for chain in sorted(_chains(blocks))]
    return _text([*chains, *(line for one in _elements(blocks) for line in (one.add(), one.delete()))])


def flush() -> str:
    """Undo everything. The counters of probes stay."""
    maps = [f"flush map {TABLE} {name}" for name in _FAULT_MAPS]
    return _text([*maps, *(f"flush set {TABLE} {name}" for name in _FAULT_SETS)])


def stop_chain(manner: Manner) -> str:
    """Name of the chain that stops packets in a manner. The manner's own name would be a word of nft's."""
    return f"{STOP}{manner.value}"


def _set(kind: str, name: str, of: str, *properties: str) -> list[str]:
    inside = [f"type {of}", *properties, "counter"]
    return [f"add {kind} {TABLE} {name} {{", *(f"  {line}" for line in inside), "}"]


def _map(name: str, of: str) -> list[str]:
    return _set("map", name, of, "flags timeout")


def _base_chain(name: str, hook: str) -> list[str]:
    return [f"add chain {TABLE} {name} {{", f"  type filter hook {hook} priority raw", "  policy accept", "}"]


def _rules(chain: str, *rules: str) -> list[str]:
    return [f"flush chain {TABLE} {chain}", *(f"add rule {TABLE} {chain} {rule}" for rule in rules)]


def _chain(chain: str, *rules: str) -> list[str]:
    return [f"add chain {TABLE} {chain}", *_rules(chain, *rules)]


def _count(where: str) -> tuple[str, str]:
    """Count probes by their flow; an ICMP header begins with type and code where the others have a port."""
    flow = "ip saddr . meta l4proto . th"
    return (
        f"{_PROBE} meta l4proto != icmp add @{where} {{ {flow} dport }}",
        f"{_PROBE} meta l4proto icmp add @{where} {{ {flow} sport }}",
    )


def _chains(blocks: Collection[Block]) -> dict[str, tuple[str, ...]]:
    """The chains that these jump to, with their rules."""
    found: dict[str, tuple[str, ...]] = {}
    for one in blocks:
        if isinstance(one, Source | SourcePort) and one.manner is not Manner.DROP:
            found[stop_chain(one.manner)] = (f"meta mark set {_MARK}", *_STOP[one.manner])
        elif isinstance(one, LossFrom):
            found[decks.chain(one)] = (decks.rule(one),)
        elif isinstance(one, FlapWith):
            found |= {phases.chain(one, way): phases.rules(one, field) for way, field in phases.ways(one)}
    return found


def _elements(blocks: Collection[Block]) -> Iterator[_Element]:
    """Which element of which set or map each block is, in a stable order."""
    for one in sorted(blocks, key=repr):
        match one:
            case Source(address, manner):
                yield _Element(CUT_SOURCES, str(address), _verdict(manner))
            case SourcePort(address, protocol, None, manner):
                yield _Element(CUT_PROTOCOLS, f"{address} . {protocol}", _verdict(manner))
            case SourcePort(address, protocol, port, manner):
                yield _Element(CUT_PORTS, f"{address} . {protocol} . {port}", _verdict(manner))
            case Lost():
                yield from (_Element(where, family) for where in _FAULT_SETS for family in _FAMILIES)
            case LossFrom(address, _):
                yield _Element(LOSSY, str(address), f"jump {decks.chain(one)}")
            case FlapWith(address):
                yield from (
                    _Element(way, str(address), f"jump {phases.chain(one, way)}") for way, _ in phases.ways(one)
                )
            case RateTo(address, bits_per_s):
                yield _Element(SHAPED, str(address), class_of(address), f"rate {bits_per_s}")
            case DelayTo(address):
                yield _Element(SHAPED, str(address), class_of(address), _delay(one))
            case _:
                assert_never(one)


def _delay(one: DelayTo) -> str:
    return f"delay {one.delay_ms} {one.jitter_ms} {one.duplicated_percent} {one.hurried_percent}"


def _verdict(manner: Manner) -> str:
    return "drop" if manner is Manner.DROP else f"goto {stop_chain(manner)}"


def _lease(lease_ms: int | None) -> str:
    return "" if lease_ms is None else f" timeout {checked_lease(lease_ms)}ms"


def checked_lease(lease_ms: int) -> int:
    """A lease in milliseconds; raises ValueError where it has no time: the kernel takes that for none."""
    if lease_ms <= 0:
        raise ValueError(f"a lease lasts some milliseconds, not {lease_ms}")
    return lease_ms


def _text(lines: Collection[str] | Iterator[str]) -> str:
    text = "".join(f"{line}\n" for line in lines)
    if not text:
        raise ValueError("an nft transaction about nothing")
    return text
