"""What one server's kernel is to do to packets, and what it says of that. Pure values.

A fault between two names becomes blocks at one server: cuts and loss where packets arrive, so that links from outside
can be cut too and what was stopped can be counted; rate and delay where they leave, as only there they can queue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address  # noqa: TC003 - a dataclass field: its type is read at run time
from typing import TYPE_CHECKING, TypeAlias

from testbed.partitions import Manner, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

ECHO_REQUEST = 0x0800
"""What stands for a port where ICMP probes are counted: type and code of an echo request, the first two bytes."""


@dataclass(frozen=True, order=True)
class Source:
    """Everything from this address is stopped where it arrives."""

    address: IPv4Address
    manner: Manner = Manner.DROP


@dataclass(frozen=True)
class SourcePort:
    """What comes from this address in a protocol is stopped where it arrives; with a port, if either side has it."""

    address: IPv4Address
    protocol: Protocol
    port: int | None
    manner: Manner = Manner.DROP


@dataclass(frozen=True, order=True)
class Lost:
    """Everything is dropped, in and out, but loopback."""


@dataclass(frozen=True, order=True)
class LossFrom:
    """So many packets in a thousand that come from this address are dropped where they arrive."""

    address: IPv4Address
    permille: int


@dataclass(frozen=True, order=True)
class RateTo:
    """What leaves for this address waits for its turn."""

    address: IPv4Address
    bits_per_s: int


@dataclass(frozen=True, order=True)
class DelayTo:
    """What leaves for this address is late, comes twice or overtakes; see `testbed.bad_links.Delay`."""

    address: IPv4Address
    delay_ms: int
    jitter_ms: int = 0
    duplicated_percent: int = 0
    hurried_percent: int = 0


@dataclass(frozen=True, order=True)
class FlapWith:
    """What comes from this address, and what leaves for it, is dropped by turns; see `testbed.bad_links.Flap`."""

    address: IPv4Address
    down_ms: int
    up_ms: int
    both: bool


Shape: TypeAlias = RateTo | DelayTo
Block: TypeAlias = Source | SourcePort | Lost | LossFrom | FlapWith | Shape


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
        packets: that met it since it was set or renewed.
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
        at_ms: when it was read, in milliseconds of the monotonic clock.
    """

    in_force: tuple[InForce, ...]
    arrived: Mapping[Flow, int] = field(default_factory=dict)
    passed: Mapping[Flow, int] = field(default_factory=dict)
    at_ms: float = 0.0

    def blocks(self) -> frozenset[Block]:
        """What is blocked, without counters and leases."""
        return frozenset(one.block for one in self.in_force)
