"""What probes prove of a link, and what is to be expected of them. Pure: counts and times in, verdicts out.

A cut is proved by counting: each probe that arrived was stopped, or none was. Loss, rate and delay are measured, and
judged by bounds that chance exceeds about once in a million times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from stubs import ports
from testbed.bad_links import Delay, Flap, Loss, Rate
from testbed.partitions import Cut, Link, Manner, NetworkFault, Path, Protocol, Vanished, Worsened

Expected: TypeAlias = Literal["passing", "stopped"]

PROBES = 2
LOSS_PROBES = 1000
DEVIATIONS = 5
"""How many standard deviations a count may be off: chance exceeds that once in 1.7 million times."""

RATE_SHARE = 0.1
"""By how much of what was asked for a rate may be off."""

_SURE = 14
"""Of so many events to be expected, none happens by chance once in a million times."""


@dataclass(frozen=True, order=True)
class Probe:
    """A question to one link: does a packet to this port get through?"""

    source: str
    target: str
    protocol: Protocol = "udp"
    port: int = ports.PROBE

    def __str__(self) -> str:
        port = "" if self.protocol == "icmp" else f" port {self.port}"
        return f"{self.source} -> {self.target} {self.protocol}{port}"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What became of the probes of one link.

    Attributes:
        probe: which link.
        tried: how many probes were to leave the source.
        sent: how many did; its own packet filter stopped the others.
        arrived: how many reached the target.
        passed: how many of them no fault stopped there.
        manner: how a cut is to answer them.
        answered: how many it did answer that way; not asked for where nothing is to be answered.
        covered_by: another fault in force that stops this link too; then this link was not probed and proves
            nothing.
    """

    probe: Probe
    tried: int = 0
    sent: int = 0
    arrived: int = 0
    passed: int = 0
    manner: Manner = Manner.DROP
    answered: int = 0
    covered_by: NetworkFault | None = None

    @property
    def is_passing(self) -> bool:
        """Whether all probes got through."""
        return self.sent == self.tried and self.passed >= self.tried > 0

    @property
    def is_stopped(self) -> bool:
        """Whether all probes were stopped by a fault, seen at the one or the other end, and answered as they should."""
        as_asked = self.manner is Manner.DROP or self.answered >= self.sent
        return self.tried > 0 and self.arrived >= self.sent and self.passed == 0 and as_asked

    def __str__(self) -> str:
        if self.covered_by is not None:
            return f"{self.probe}: not probed, for {self.covered_by} is in force"
        counts = f"{self.sent} of {self.tried} probes sent, {self.arrived} arrived, {self.passed} passed"
        answered = "" if self.manner is Manner.DROP else f", {self.answered} answered as {self.manner.value}"
        return f"{self.probe}: {counts}{answered}"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How badly a link carries, beside what was asked for.

    Attributes:
        fault: what was asked for.
        what: what was measured, in words, with its unit.
        found: the measured value.
        low: the least value that is as asked.
        high: the greatest.
    """

    fault: NetworkFault
    what: str
    found: float
    low: float
    high: float

    @property
    def is_as_asked(self) -> bool:
        """Whether it is within its bounds."""
        return self.low <= self.found <= self.high

    def __str__(self) -> str:
        return f"{self.fault}: {self.what} {self.found:.6g}, where {self.low:.6g} to {self.high:.6g} are as asked"


Shown: TypeAlias = Evidence | Measured


def stops(fault: NetworkFault, probe: Probe) -> bool:
    """Whether this fault alone stops this probe."""
    match fault:
        case Link(source, target):
            return (source, target) == (probe.source, probe.target)
        case Path(source, target, protocol, port):
            same = (source, target, protocol) == (probe.source, probe.target, probe.protocol)
            return same and port in (None, probe.port)
        case Vanished(server):
            return server in (probe.source, probe.target)
        case Loss() | Rate() | Delay() | Flap():
            return False
        case _:
            assert_never(fault)


def blinds(fault: NetworkFault, probe: Probe) -> bool:
    """Whether under this fault nobody can tell if another one stops this probe: it is stopped, or may never leave."""
    if isinstance(fault, Flap):
        return not fault.one_way and (fault.source, fault.target) == (probe.target, probe.source)
    return stops(fault, probe)


def spoils(fault: NetworkFault, probe: Probe) -> bool:
    """Whether under this fault nobody can tell if the link would carry this probe, which passes by all queues."""
    match fault:
        case Link() | Path() | Vanished():
            return stops(fault, probe)
        case Rate() | Delay():
            return False
        case Loss(source, target):
            return (source, target) == (probe.source, probe.target)
        case Flap(source, target, one_way=one_way):
            ways = [(source, target)] if one_way else [(source, target), (target, source)]
            return (probe.source, probe.target) in ways
        case _:
            assert_never(fault)


def hides(fault: NetworkFault, other: Worsened) -> bool:
    """Whether under this fault nobody can tell if the other one does to its link what it says."""
    probe = probe_of(other)
    if isinstance(fault, Rate | Delay):
        return isinstance(other, Rate | Delay) and (fault.source, fault.target) == (probe.source, probe.target)
    return spoils(fault, probe)


def manner_of(fault: Cut) -> Manner:
    """How a cut answers what it stops."""
    return Manner.DROP if isinstance(fault, Vanished) else fault.manner


def probe_of(fault: Link | Path | Worsened) -> Probe:
    """The probe that shows a fault of one link; a reset is seen by TCP alone."""
    match fault:
        case Link(source, target, manner):
            return Probe(source, target, "tcp" if manner is Manner.RESET else "udp")
        case Path(source, target, protocol, port):
            return Probe(source, target, protocol, port or ports.PROBE)
        case Loss(source, target) | Rate(source, target) | Delay(source, target) | Flap(source, target):
            return Probe(source, target)
        case _:
            assert_never(fault)


def enough_probes(share: float) -> int:
    """How many probes show surely whether such a share of them (over 0) is treated otherwise."""
    rarer = min(share, 1 - share) or 1
    return max(LOSS_PROBES, math.ceil(_SURE / rarer))


def count_within(fault: NetworkFault, what: str, found: int, *, of: int, share: float) -> Measured:
    """Judge how many of some packets were treated in a way that a share of them should be.

    Packets of others draw from the same deck, so even an exact one may be off a little for the probes alone.
    """
    spread = DEVIATIONS * math.sqrt(of * share * (1 - share)) + (1 if 0 < share < 1 else 0)
    low, high = max(of * share - spread, 1 if share else 0), of * share + spread
    return Measured(fault=fault, what=f"{what}, of {of},", found=found, low=min(low, of), high=min(high, of))


@dataclass(frozen=True, kw_only=True)
class Stream:
    """How a rate is measured: `count` packets of `size` bytes; the first `skip` of them are not timed.

    Attributes:
        size: bytes of each packet, Ethernet header included.
        count: how many packets.
        skip: what the queue and the sender's buffer take at once.
        room: bytes of the sender's buffer: some packets, so that the sender waits for the link and loses nothing.
    """

    size: int
    count: int
    skip: int
    room: int


def stream_for(rate: Rate) -> Stream:
    """A stream that takes about 0.2 s at the rate, longer where it is low."""
    bytes_in_time = rate.bits_per_s / 8 * 0.2
    size = min(max(round(bytes_in_time / 150), 64), 1400)
    room = 2304 if rate.bits_per_s < 10_000_000 else 16_384  # noqa: PLR2004 - faster than that, 3 packets are too few
    taken_at_once = math.ceil(rate.bits_per_s / 8 * 0.003 / size) + 2 * room // 768  # the kernel's least for a packet
    return Stream(size=size, count=taken_at_once + max(80, round(bytes_in_time / size)), skip=taken_at_once, room=room)


@dataclass(frozen=True, kw_only=True)
class Went:
    """How a stream went.

    Attributes:
        sent: how many packets the link took.
        lasted_ms: in so many milliseconds.
        carried: how many bytes the kernel counted of all who send over the link.
        carried_ms: in so many milliseconds; nought where it counted none.
    """

    sent: int
    lasted_ms: float
    carried: int
    carried_ms: float


def rate_within(rate: Rate, stream: Stream, went: Went) -> Measured:
    """Judge how fast a link is: by its stream, or by what the kernel counted where others share the link with that."""
    found = went.sent * stream.size * 8 / max(went.lasted_ms, 0.001) * 1000
    if went.carried_ms:
        found = max(found, went.carried * 8 / went.carried_ms * 1000)
    low, high = (rate.bits_per_s * (1 + sign * RATE_SHARE) for sign in (-1, 1))
    return Measured(fault=rate, what="bits a second", found=found, low=low, high=high)
