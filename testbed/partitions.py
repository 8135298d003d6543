"""Network faults as data: who must not hear whom, or how badly. Pure: values, and functions from names to sets of them.

A name is a server's, a client pod's, or any other end that has an address on the topology's network. Nothing
here knows addresses, and nothing acts; `testbed.network.links` applies these values, and undoes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

from testbed.bad_links import Delay, Flap, Loss, Rate, two_ends

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Protocol: TypeAlias = Literal["tcp", "udp", "icmp"]

MOST_PORT = 65535


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
        two_ends(self.source, self.target)

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
        two_ends(self.source, self.target)
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
