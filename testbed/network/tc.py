"""What shapes packets as they leave a server: messages to the kernel's traffic control. Pure: values to bytes.

One tree on the server's network device, made when the first link is shaped:

    root, HTB; what belongs to no class passes at once
      a class for each target: of the rate asked for, or of one that is no limit
        its queue: bytes first in, first out (rate), or netem (delay, jitter, twice, overtaking)

A packet comes to a class by its priority, which the packet filter sets from an element that can carry a lease
(`testbed.network.nft`): without it the tree does nothing to any packet that comes. So no message ever has to undo one
in time; but what waits in a slow queue when its lease ends still leaves slowly, and `hurry` is for those that are
healed.

HTB and not TBF, because that has one rate for a whole device; and not a limit of the packet filter, which has no queue:
TCP gets far less through such a limit than was asked for. HTB charges a packet that is larger than its burst to the
next ones, where TBF would drop it.

The two kinds of queue have numbers of their own: the kernel refuses (EINVAL) to make one kind of another under the same
number, and under another it puts the new one in the old one's place. And newer kernels refuse a netem that lets packets
come twice beside any other netem of a device, whether or not a packet ever comes to that: so `clear` takes away the
queues of delays that have ended.

The layout of the messages is that of linux/rtnetlink.h and linux/pkt_sched.h; iproute2 6.1 sends the same bytes, but
for the two fields of netem that give times to the nanosecond.
"""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, assert_never

from testbed.network.blocks import DelayTo, RateTo, Shape

if TYPE_CHECKING:
    from collections.abc import Collection
    from ipaddress import IPv4Address

DEVICE = "eth0"
"""The engine's name for a container's device on its only network."""

_NEW_QDISC, _DEL_QDISC, _NEW_CLASS = 36, 37, 40
_REPLACE, _ONLY_NEW, _CREATE = 0x100, 0x200, 0x400
_KIND, _OPTIONS = 1, 2  # TCA_KIND, TCA_OPTIONS
_HTB_PARMS, _HTB_INIT = 1, 2
_NETEM_REORDER, _NETEM_LATENCY64, _NETEM_JITTER64 = 3, 10, 11
_ROOT = 0xFFFFFFFF
_TREE = 1  # major number of the tree's handle
_ETHERNET = 1
_TICK_NS = 64  # of the packet scheduler
_FIRST_CLASS = 2
_CLASS_MASK = 0x0FFF
_QUEUES = {"bfifo": 0x4000, "netem": 0x6000}  # where the major numbers of the classes' own queues begin, by kind
_TRIAL = 0x3000  # major number of a queue that is tried and never made
_LEAST_BURST = 256  # bytes
_BURST_S = 0.002  # how late the kernel may look again without losing any of the rate
_LEAST_QUEUE = 65536 + 4096  # bytes: TCP hands over packets of up to 64 KiB, to be cut up behind the queue
_QUEUE_S = 0.1
_NO_LIMIT_BYTES_PER_S = 1_250_000_000  # 10 Gbit/s
_NETEM_PACKETS = 10_000
_ALL = 0xFFFFFFFF

Message = dict[str, Any]
Kind: TypeAlias = Literal["bfifo", "netem"]


def class_of(address: IPv4Address) -> str:
    """The class of what leaves for an address, as nft writes it. Unique in any network of up to 4,000 addresses."""
    return f"{_TREE:x}:{_minor(address):x}"


def handle_of(address: IPv4Address) -> int:
    """The same as a number, as the kernel takes it."""
    return (_TREE << 16) | _minor(address)


def shape(shapes: Collection[Shape]) -> list[Message]:
    """Make the classes of these, and the tree where it is not there yet. Without an element they do nothing."""
    tree = _attribute(_HTB_INIT, struct.pack("=IIIII", 3, 10, 0, 0, 0))  # version, quantum divisor, default class 0
    root = _message(_NEW_QDISC, _CREATE | _ONLY_NEW, _TREE << 16, _ROOT, "htb", tree)
    messages = [{**root, "despite": ["EEXIST"]}]
    for one in sorted(shapes, key=repr):
        kind: Kind
        match one:
            case RateTo(_, bits_per_s):
                bytes_per_s = bits_per_s // 8
                room = max(_LEAST_QUEUE, int(bytes_per_s * _QUEUE_S))
                kind, options = "bfifo", struct.pack("=I", room)
            case DelayTo():
                bytes_per_s = _NO_LIMIT_BYTES_PER_S
                kind, options = "netem", _netem(one)
            case _:
                assert_never(one)
        itself, queue = handle_of(one.address), _queue_of(one.address, kind)
        messages += [
            _message(_NEW_CLASS, _CREATE | _REPLACE, itself, _TREE << 16, "htb", _htb_class(bytes_per_s)),
            _message(_NEW_QDISC, _CREATE | _REPLACE, queue, itself, kind, options),
        ]
    return messages


def hurry(addresses: Collection[IPv4Address]) -> list[Message]:
    """Let what waits in the classes of these leave at once; where there is no class, this does nothing."""
    fast = _htb_class(_NO_LIMIT_BYTES_PER_S)
    return [
        {
            **_message(_NEW_CLASS, _REPLACE, handle_of(address), _TREE << 16, "htb", fast),
            "despite": ["ENOENT", "EINVAL"],  # no class; no tree
        }
        for address in sorted(addresses)
    ]


def clear(addresses: Collection[IPv4Address]) -> list[Message]:
    """Take away what delayed packets for these, with what still waits in it; where nothing did, this does nothing.

    The kernel then puts a plain queue there.
    """
    return [
        {
            "type": _DEL_QDISC,
            "flags": 0,
            "handle": _queue_of(address, "netem"),
            "parent": handle_of(address),
            # No tree, no class, or no queue of its own; or one of the other kind.
            "despite": ["ENOENT", "EINVAL"],
        }
        for address in sorted(addresses)
    ]


def unshape() -> list[Message]:
    """Take the whole tree away, with what waits in it; also where there is none."""
    gone = {"type": _DEL_QDISC, "flags": 0, "handle": _TREE << 16, "parent": _ROOT}
    return [{**gone, "despite": ["ENOENT", "EINVAL"]}]


def try_kind(kind: str) -> list[Message]:
    """Ask for a queueing discipline without saying how: the kernel says ENOENT if it has none, and makes none ever.

    The error of one that is there (EINVAL) is as good as done.
    """
    return [{**_message(_NEW_QDISC, _CREATE | _ONLY_NEW, _TRIAL << 16, _ROOT, kind), "despite": ["EINVAL"]}]


def _minor(address: IPv4Address) -> int:
    return (int(address) & _CLASS_MASK) + _FIRST_CLASS


def _queue_of(address: IPv4Address, kind: Kind) -> int:
    return (_QUEUES[kind] + _minor(address)) << 16


def _htb_class(bytes_per_s: int) -> bytes:
    rate = struct.pack("=BBHhHI", 0, _ETHERNET, 0, -1, 0, bytes_per_s)
    burst = max(_LEAST_BURST, int(bytes_per_s * _BURST_S))
    ticks = min(burst * 1_000_000_000 // bytes_per_s // _TICK_NS, _ALL)
    quantum, level, priority = 1514, 0, 0
    return _attribute(_HTB_PARMS, rate + rate + struct.pack("=IIIII", ticks, ticks, quantum, level, priority))


def _netem(one: DelayTo) -> bytes:
    def share(percent: int) -> int:
        return round(_ALL * percent / 100)

    latency_ns, jitter_ns = one.delay_ms * 1_000_000, one.jitter_ms * 1_000_000
    # Without a gap the kernel takes no account of the share that overtakes.
    gap = 1 if one.hurried_percent else 0
    fixed = struct.pack(
        "=IIIIII",
        min(latency_ns // _TICK_NS, _ALL),
        _NETEM_PACKETS,
        0,
        gap,
        share(one.duplicated_percent),
        min(jitter_ns // _TICK_NS, _ALL),
    )
    reorder = _attribute(_NETEM_REORDER, struct.pack("=II", share(one.hurried_percent), 0)) if gap else b""
    exact = _attribute(_NETEM_LATENCY64, struct.pack("=q", latency_ns))
    return fixed + reorder + exact + _attribute(_NETEM_JITTER64, struct.pack("=q", jitter_ns))


def _message(  # noqa: PLR0913, PLR0917 - the fields of the kernel's message, in its order
    kind: int, flags: int, handle: int, parent: int, name: str, options: bytes | None = None
) -> Message:
    attributes = _attribute(_KIND, name.encode() + b"\0")
    if options is not None:
        attributes += _attribute(_OPTIONS, options)
    return {
        "type": kind,
        "flags": flags,
        "handle": handle,
        "parent": parent,
        "attributes": base64.b64encode(attributes).decode(),
    }


def _attribute(kind: int, content: bytes) -> bytes:
    padding = -len(content) % 4
    return struct.pack("=HH", 4 + len(content), kind) + content + bytes(padding)
