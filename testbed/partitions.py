"""Network faults as data: who must not hear whom. Pure: values, and functions from names to sets of values.

A name is a server's, a client pod's, or any other end that has an address on the topology's network. Nothing
here knows addresses, and nothing acts; `testbed.network.links` applies these values, and undoes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Protocol: TypeAlias = Literal["tcp", "udp"]


@dataclass(frozen=True, order=True)
class Link:
    """The way from one end to another, in this direction only: all that `source` sends to `target`."""

    source: str
    target: str

    def __post_init__(self) -> None:
        _two_ends(self.source, self.target)

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


@dataclass(frozen=True, order=True)
class Path:
    """What of a link belongs to one service: packets that have `port` on either side of them.

    So `Path("a", "b", "tcp", 50798)` covers both what a sends to b's port 50798, and what a's own port 50798
    answers to b. A connection in either direction dies of it.
    """

    source: str
    target: str
    protocol: Protocol
    port: int

    def __post_init__(self) -> None:
        _two_ends(self.source, self.target)

    def __str__(self) -> str:
        return f"{self.source} -> {self.target} {self.protocol} port {self.port}"


@dataclass(frozen=True, order=True)
class Vanished:
    """A server that is lost to all others: nothing gets in, nothing gets out, whoever the other end is."""

    server: str

    def __str__(self) -> str:
        return f"{self.server} vanished"


NetworkFault: TypeAlias = Link | Path | Vanished


def _two_ends(source: str, target: str) -> None:
    if source == target:
        raise ValueError(f"a link has two ends, and {source!r} is one")


def one_way(source: str, target: str) -> frozenset[Link]:
    """Target no longer hears source; source still hears target."""
    return frozenset({Link(source, target)})


def cut(one: str, other: str) -> frozenset[Link]:
    """Neither hears the other."""
    return one_way(one, other) | one_way(other, one)


def cut_path(one: str, other: str, protocol: Protocol, port: int) -> frozenset[Path]:
    """Neither hears the other on this port; all else between them passes (ROLE-13)."""
    return frozenset({Path(one, other, protocol, port), Path(other, one, protocol, port)})


def isolate(name: str, others: Collection[str]) -> frozenset[Link]:
    """One is cut from all others, which still hear each other."""
    return halves([name], [other for other in others if other != name])


def halves(ones: Collection[str], others: Collection[str]) -> frozenset[Link]:
    """Two sides that do not hear each other, while each side hears itself."""
    return frozenset[Link]().union(*(cut(one, other) for one in ones for other in others))


def bridge(ones: Collection[str], middle: str, others: Collection[str]) -> frozenset[Link]:
    """Two sides that do not hear each other, and one in the middle that hears all and is heard by all."""
    return halves([one for one in ones if one != middle], [other for other in others if other != middle])


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
