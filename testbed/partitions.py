"""Network faults as data: who must not hear whom, or how badly. Pure: values, and functions from names to sets of them.

A name is a server's, a client pod's, or any other end that has an address on the topology's network. Nothing
here knows addresses, and nothing acts; `testbed.network.links` applies these values, and undoes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Protocol: TypeAlias = Literal["tcp", "udp", "icmp"]

MOST_PORT = 65535
SLOWEST_BITS_PER_S, FASTEST_BITS_PER_S = 64_000, 100_000_000
"""Rates that can be told from others within a second: what is slower sends too little, what is faster is no limit."""

SHORTEST_PHASE_MS, LONGEST_PHASE_MS = 50, 5000
"""How long a flapping link is down or up: what is shorter cannot be told apart on a busy machine, what is longer is cut
and healed by hand."""


class Manner(StrEnum):
    """What becomes of a packet that a cut stops."""

    DROP = "drop"
    """Nothing: its sender waits."""
    REJECT = "reject"
    """Its sender is told by ICMP that the port is unreachable; a new TCP connection is refused by it."""
    PROHIBIT = "prohibit"
    """Its sender is told by ICMP that a firewall forbids it."""
    RESET = "reset"
    """TCP connections, old and new, are reset; all else is dropped."""


@dataclass(frozen=True, order=True)
class Link:
    """The way from one end to another, in this direction only: all that `source` sends to `target`.

    The target stops it and answers for it (`manner`); such an answer comes through whatever cut there is.
    """

    source: str
    target: str
    manner: Manner = Manner.DROP

    def __post_init__(self) -> None:
        _two_ends(self.source, self.target)

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}{_shown(self.manner)}"


@dataclass(frozen=True)
class Path:
    """What of a link belongs to one service: packets that have `port` on either side of them, or one protocol at all.

    So `Path("a", "b", "tcp", 50798)` covers both what a sends to b's port 50798, and what a's own port 50798
    answers to b. A connection in either direction dies of it.
    """

    source: str
    target: str
    protocol: Protocol
    port: int | None = None
    manner: Manner = Manner.DROP

    def __post_init__(self) -> None:
        _two_ends(self.source, self.target)
        if self.protocol == "icmp" and self.port is not None:
            raise ValueError("ICMP has no ports")
        if self.port is not None and not 1 <= self.port <= MOST_PORT:
            raise ValueError(f"a port is a number from 1 to {MOST_PORT}, not {self.port}")
        if self.manner is Manner.RESET and self.protocol != "tcp":
            raise ValueError(f"only TCP can be reset, not {self.protocol}")

    def __str__(self) -> str:
        port = "" if self.port is None else f" port {self.port}"
        return f"{self.source} -> {self.target} {self.protocol}{port}{_shown(self.manner)}"


@dataclass(frozen=True, order=True)
class Vanished:
    """A server that is lost to all others: nothing gets in, nothing gets out, whoever the other end is."""

    server: str

    def __str__(self) -> str:
        return f"{self.server} vanished"


@dataclass(frozen=True, order=True)
class Loss:
    """Of what `source` sends to `target`, so many packets in a thousand do not arrive.

    They are drawn from a shuffled deck: of each 1,000 packets in a row exactly these, and never a row that is luckier.
    """

    source: str
    target: str
    permille: int

    def __post_init__(self) -> None:
        _two_ends(self.source, self.target)
        if not 1 <= self.permille <= 1000:  # noqa: PLR2004 - as the message says
            raise ValueError(f"from 0.1 to 100 % of the packets can be lost, not {self.permille / 10:g} %")

    def __str__(self) -> str:
        return f"{self.source} -> {self.target} loses {self.permille / 10:g} %"


@dataclass(frozen=True, order=True)
class Rate:
    """What `source` sends to `target` waits in a queue that lets so much through, Ethernet headers counted.

    The queue takes in 100 ms at that rate, at least 64 KiB; what does not fit is lost.
    """

    source: str
    target: str
    bits_per_s: int

    def __post_init__(self) -> None:
        _two_ends(self.source, self.target)
        if not SLOWEST_BITS_PER_S <= self.bits_per_s <= FASTEST_BITS_PER_S:
            least, most = (f"{bits / 1000:g} kbit/s" for bits in (SLOWEST_BITS_PER_S, FASTEST_BITS_PER_S))
            raise ValueError(f"a rate from {least} to {most} can be proved, not {self.bits_per_s / 1000:g} kbit/s")

    def __str__(self) -> str:
        return f"{self.source} -> {self.target} at {self.bits_per_s / 1000:g} kbit/s"


@dataclass(frozen=True, order=True)
class Delay:
    """What `source` sends to `target` is late, comes twice, or overtakes. Needs a kernel with netem.

    Attributes:
        source, target: who sends, and who receives.
        delay_ms: how late each packet is.
        jitter_ms: how much earlier or later than that, at most.
        duplicated_percent: how many packets of a hundred come twice.
        hurried_percent: how many of a hundred are not delayed, and so overtake the others.
    """

    source: str
    target: str
    delay_ms: int
    jitter_ms: int = 0
    duplicated_percent: int = 0
    hurried_percent: int = 0

    def __post_init__(self) -> None:
        _two_ends(self.source, self.target)
        if not 0 <= self.jitter_ms <= self.delay_ms or (self.delay_ms, self.duplicated_percent) == (0, 0):
            raise ValueError(f"a delay, with jitter at most as long: not {self.delay_ms}±{self.jitter_ms} ms")
        for percent in (self.duplicated_percent, self.hurried_percent):
            if not 0 <= percent <= 100:  # noqa: PLR2004 - as the message says
                raise ValueError(f"from 0 to 100 %, not {percent} %")
        if self.hurried_percent and not self.delay_ms:
            raise ValueError("nothing overtakes where nothing is late")

    def __str__(self) -> str:
        jitter = f"±{self.jitter_ms}" if self.jitter_ms else ""
        twice = f", {self.duplicated_percent} % twice" if self.duplicated_percent else ""
        hurried = f", {self.hurried_percent} % overtake" if self.hurried_percent else ""
        return f"{self.source} -> {self.target} {self.delay_ms}{jitter} ms late{twice}{hurried}"


@dataclass(frozen=True, order=True)
class Flap:
    """A link that is down and up by turns.

    A time down begins with the first packet that comes after the last time up, so a link on which nobody speaks does
    not flap, and one that is used loses at least one packet each time.

    Attributes:
        source, target: the ends; both directions are down together.
        down_ms: how long it is down.
        up_ms: how long it is up then, at least.
        one_way: whether only the way from source to target flaps.
    """

    source: str
    target: str
    down_ms: int
    up_ms: int
    one_way: bool = False

    def __post_init__(self) -> None:
        _two_ends(self.source, self.target)
        for phase_ms in (self.down_ms, self.up_ms):
            if not SHORTEST_PHASE_MS <= phase_ms <= LONGEST_PHASE_MS:
                raise ValueError(f"from {SHORTEST_PHASE_MS} to {LONGEST_PHASE_MS} ms down and up, not {phase_ms} ms")

    def __str__(self) -> str:
        way = "->" if self.one_way else "<->"
        return f"{self.source} {way} {self.target} {self.down_ms} ms down, {self.up_ms} ms up"


Cut: TypeAlias = Link | Path | Vanished
Worsened: TypeAlias = Loss | Rate | Delay | Flap
NetworkFault: TypeAlias = Cut | Worsened


def told(fault: NetworkFault) -> str:
    """One line, for people: what is done to which link."""
    match fault:
        case Link() | Path() | Vanished():
            return f"cut {fault}"
        case Loss():
            return f"loss {fault}"
        case Rate():
            return f"rate {fault}"
        case Delay():
            return f"delay {fault}"
        case Flap():
            return f"flap {fault}"
        case _:
            assert_never(fault)


def ends_of(fault: NetworkFault) -> frozenset[str]:
    """Whose names it holds."""
    return frozenset({fault.server}) if isinstance(fault, Vanished) else frozenset({fault.source, fault.target})


def in_manner(links: Collection[Link], manner: Manner) -> frozenset[Link]:
    """The same links, stopped in another manner: any partition can be made to refuse or to reset."""
    return frozenset(replace(link, manner=manner) for link in links)


def _shown(manner: Manner) -> str:
    return "" if manner is Manner.DROP else f" ({manner.value})"


def _two_ends(source: str, target: str) -> None:
    if source == target:
        raise ValueError(f"a link has two ends, and {source!r} is one")


def one_way(source: str, target: str) -> frozenset[Link]:
    """Target no longer hears source; source still hears target."""
    return frozenset({Link(source, target)})


def cut(one: str, other: str) -> frozenset[Link]:
    """Neither hears the other."""
    return one_way(one, other) | one_way(other, one)


def cut_path(
    one: str, other: str, protocol: Protocol, port: int | None = None, manner: Manner = Manner.DROP
) -> frozenset[Path]:
    """Neither hears the other on this port, or in this protocol; all else between them passes (ROLE-13)."""
    there, back = Path(one, other, protocol, port, manner), Path(other, one, protocol, port, manner)
    return frozenset({there, back})


def isolate(name: str, others: Collection[str]) -> frozenset[Link]:
    """One is cut from all others, which still hear each other."""
    return halves([name], [other for other in others if other != name])


def halves(ones: Collection[str], others: Collection[str]) -> frozenset[Link]:
    """Two sides that do not hear each other, while each side hears itself."""
    return frozenset[Link]().union(*(cut(one, other) for one in ones for other in others))


def bridge(ones: Collection[str], middle: str, others: Collection[str]) -> frozenset[Link]:
    """Two sides that do not hear each other, and one in the middle that hears all and is heard by all."""
    return overlapping([*ones, middle], [middle, *others])


def overlapping(ones: Collection[str], others: Collection[str]) -> frozenset[Link]:
    """Two sides that do not hear each other; whoever stands in both hears all and is heard by all."""
    return halves([one for one in ones if one not in others], [other for other in others if other not in ones])


def ring(names: Sequence[str]) -> frozenset[Link]:
    """Everyone hears a majority, itself included, and no two the same one.

    The names stand in a circle in the order given; each keeps its nearest neighbours on both sides, as many
    as it takes, and is cut both ways from the rest. Up to three names every majority reaches all of the
    circle: nothing is cut. (Jepsen's ring of majorities.)
    """
    count = len(set(names))
    if count != len(names):
        raise ValueError(f"a name stands twice in {list(names)}")
    reach = (count // 2 + 1) // 2  # neighbours kept on each side: with itself a majority or one more
    far = [
        cut(names[i], names[j])
        for i in range(count)
        for j in range(i + 1, count)
        if min(j - i, count - (j - i)) > reach
    ]
    return frozenset[Link]().union(*far)
