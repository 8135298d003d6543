"""The table of the walk: every single fault, every pair of faults, and the order in which they are visited. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from testbed.faults import Fault, Kill, Pause, Stop, cut, cut_portal_path, lose, one_way
from testbed.world import Failback, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed


class How(StrEnum):
    """The ways in which a service ends."""

    KILLED = "killed"
    STOPPED = "stopped"
    FROZEN = "frozen"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One fault of the table.

    Attributes:
        name: what it hits.
        is_service: it is a service that ends, in one of several ways.
        is_of_primary: P or a service of it.
        breaks_link: the cores no longer hear each other as they should.
        make: the fault.
        seen: how the world looks with it.
    """

    name: str
    is_service: bool = False
    is_of_primary: bool = False
    breaks_link: bool = False
    make: Callable[[Bed, How], Fault]
    seen: Callable[[World], World]


_ENDS: dict[How, type[Kill | Stop | Pause]] = {How.KILLED: Kill, How.STOPPED: Stop, How.FROZEN: Pause}

CAUSES = (
    Cause(
        name="P's core",
        is_service=True,
        is_of_primary=True,
        make=lambda bed, how: _ENDS[how](bed.primary.core),
        seen=lambda world: replace(world, primary=replace(world.primary, core_up=False)),
    ),
    Cause(
        name="P's portal",
        is_service=True,
        is_of_primary=True,
        make=lambda bed, how: _ENDS[how](bed.primary.portal),
        seen=lambda world: replace(world, primary=replace(world.primary, portal_up=False)),
    ),
    Cause(
        name="P lost",
        is_of_primary=True,
        breaks_link=True,
        make=lambda bed, _how: lose(bed.primary),
        seen=lambda world: replace(world, primary=replace(world.primary, lost=True)),
    ),
    Cause(
        name="S's core",
        is_service=True,
        make=lambda bed, how: _ENDS[how](bed.secondary.core),
        seen=lambda world: replace(world, secondary=replace(world.secondary, core_up=False)),
    ),
    Cause(
        name="S's portal",
        is_service=True,
        make=lambda bed, how: _ENDS[how](bed.secondary.portal),
        seen=lambda world: replace(world, secondary=replace(world.secondary, portal_up=False)),
    ),
    Cause(
        name="S lost",
        breaks_link=True,
        make=lambda bed, _how: lose(bed.secondary),
        seen=lambda world: replace(world, secondary=replace(world.secondary, lost=True)),
    ),
    Cause(
        name="link cut",
        breaks_link=True,
        make=lambda bed, _how: cut(bed.primary, bed.secondary),
        seen=lambda world: replace(world, primary_to_secondary_cut=True, secondary_to_primary_cut=True),
    ),
    Cause(
        name="P to S cut",
        breaks_link=True,
        make=lambda bed, _how: one_way(bed.primary, bed.secondary),
        seen=lambda world: replace(world, primary_to_secondary_cut=True),
    ),
    Cause(
        name="S to P cut",
        breaks_link=True,
        make=lambda bed, _how: one_way(bed.secondary, bed.primary),
        seen=lambda world: replace(world, secondary_to_primary_cut=True),
    ),
    Cause(
        name="portal path cut",
        make=lambda bed, _how: cut_portal_path(bed.primary, bed.secondary),
        seen=lambda world: replace(world, portal_path_cut=True),
    ),
)
NAMED = {cause.name: cause for cause in CAUSES}

LEFT_OUT = {
    ("P's core", "P lost"): "a lost server has no core left that could end",
    ("P's portal", "P lost"): "a lost server has no portal left that could end",
    ("S's core", "S lost"): "a lost server has no core left that could end",
    ("S's portal", "S lost"): "a lost server has no portal left that could end",
    ("link cut", "P to S cut"): "a link that is cut both ways is cut this way already",
    ("link cut", "S to P cut"): "a link that is cut both ways is cut this way already",
}
"""Pairs of faults that cannot both be made, and why. What is merely redundant is walked: two one-way cuts, say."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One state of the walk.

    Attributes:
        causes: the faults in force, each with how a service ended.
        failback: how P gets its users back.
        is_passed: it only leads to the next one, and is judged elsewhere.
    """

    causes: tuple[tuple[str, How], ...] = ()
    failback: Failback = Failback.AUTOMATIC
    is_passed: bool = False

    @property
    def name(self) -> str:
        """What holds, in words."""
        parts = [f"{name} {how}" if NAMED[name].is_service else name for name, how in self.causes]
        return ("P waits + " if self.failback is Failback.MANUAL else "") + (" + ".join(parts) or "no fault")

    @property
    def hits_primary(self) -> bool:
        """Whether a fault is P's own."""
        return any(NAMED[name].is_of_primary for name, _how in self.causes)

    def world(self, *, secondary_served: bool) -> World:
        """What the oracle is asked about, given the state before."""
        world = World(failback=self.failback, secondary_served=secondary_served)
        for name, _how in self.causes:
            world = NAMED[name].seen(world)
        return world

    def faults(self, bed: Bed) -> dict[Fault, Cause]:
        """The faults that make it."""
        return {NAMED[name].make(bed, how): NAMED[name] for name, how in self.causes}


Leg: TypeAlias = tuple[Visit, ...]
"""Visits that have to follow each other, as the past counts."""


def _visit(*names: str) -> Visit:
    """A state with ways to end that vary along the table, so that each service meets each of them."""
    hows, places = list(How), [list(NAMED).index(name) for name in names]
    turns = (places[-1], places[0] + places[-1] // len(hows))
    return Visit(causes=tuple((name, hows[turn % len(hows)]) for name, turn in zip(names, turns, strict=False)))


PAIRS = tuple(itertools.combinations(NAMED, 2))

ROWS = tuple(
    (_visit(first), *(_visit(*pair) for pair in PAIRS if pair[0] == first and pair not in LEFT_OUT)) for first in NAMED
)
"""Every single fault, followed by the pairs that it opens: one fault differs from one state to the next."""


def _while_primary_waits(cause: Cause, how: How) -> Leg:
    dead = Visit(causes=(("P's portal", How.KILLED),), failback=Failback.MANUAL, is_passed=True)
    back = Visit(failback=Failback.MANUAL, is_passed=True)
    return dead, back, Visit(causes=((cause.name, how),), failback=Failback.MANUAL)


WAITING = tuple(_while_primary_waits(cause, how) for cause, how in zip(CAUSES, itertools.cycle(How), strict=False))
"""Manual failback: every single fault while P waits for the administrator (ROLE-8)."""


def routes(count: int) -> list[list[Leg]]:
    """The rows, dealt out to so many walkers that have about as far to go."""
    dealt: list[list[Leg]] = [[] for _ in range(count)]
    for row in sorted(ROWS, key=len, reverse=True):
        min(dealt, key=len).extend((visit,) for visit in row)
    return dealt


ALL = tuple(visit for leg in (*ROWS, *WAITING) for visit in leg if not visit.is_passed)
"""All states that are judged."""
