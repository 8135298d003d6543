"""From the faults and settings of a history to what was up, connected and configured, piece by piece of time. Pure.

Between the moment in which a fault is asked for and the one in which it is proved, nobody can say what holds; so too
while a fault is in force whose effect on the roles no rule tells. Such a piece has no world, and is not judged. With a
bad link there are several worlds (`testbed.checkers.effects`), and what holds in each of them is judged. What no role
depends on (a certificate, the way to clients) begins no new piece.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from testbed.checkers.effects import LINK, able, counting, worlds_with
from testbed.checkers.facts import SITES
from testbed.oracle import Role, Settled, settle
from testbed.recording.effects import Effect
from testbed.recording.stretches import Stretch
from testbed.world import Failback, World

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from testbed.checkers.facts import Facts
    from testbed.history import Record


@dataclass
class Times:
    """One injection of a fault.

    Attributes:
        effects: what it does.
        planned_ms: when it was asked for.
        injected_ms: when it was proved to hold; until its end, if it never was.
        healing_ms: when its end was asked for; never, if it was not.
        healed_ms: when its end was proved; never, if it was not.
    """

    effects: tuple[Effect, ...]
    planned_ms: float
    injected_ms: float = math.inf
    healing_ms: float = math.inf
    healed_ms: float = math.inf

    def hits(self, server: str, service: str, does: Collection[str]) -> bool:
        """Whether it does something of that kind to a service, or to its whole server."""
        return any(one.does in does and one.server == server and one.service in (service, None) for one in self.effects)

    def held(self, *, sure: bool) -> Stretch:
        """When it was in force for sure; or else when it may have been."""
        begin_ms, end_ms = (self.injected_ms, self.healing_ms) if sure else (self.planned_ms, self.healed_ms)
        return Stretch(begin_ms=begin_ms, end_ms=max(begin_ms, end_ms))


def times_of(records: Sequence[Record]) -> list[Times]:
    """Every injection of a history, in order."""
    found: list[Times] = []
    current: dict[str, Times] = {}
    for record in records:
        if record.kind != "fault":
            continue
        name, at_ms = record.fields["fault"], record.monotonic_ms
        match record.fields["state"]:
            case "planned":
                times = current[name] = Times(Effect.all_of(record), at_ms)
                found.append(times)
            case "injected" if name in current:
                current[name].injected_ms = at_ms
            case "healing" if name in current:
                current[name].healing_ms = at_ms
            case "healed" if name in current:
                times = current.pop(name)
                times.healed_ms = at_ms
                times.healing_ms = min(times.healing_ms, at_ms)
            case _:
                pass
    return found


class Holds(NamedTuple):
    """What holds at a moment.

    Attributes:
        worlds: what is up, connected and configured, each way that is possible; none: nobody can say.
        within_ms: after so long without a change all must have settled.
        able: whether each site's core and portal run; `None`: nobody can say.
        steady: nothing on the link between the two is changing, nor wrong in a way of which no rule speaks.
        ready: no prerequisite of resilience is unmet; `None`: this is changing.
    """

    worlds: tuple[World, ...]
    within_ms: float
    able: tuple[tuple[str, bool | None], ...]
    steady: bool
    ready: bool | None


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A time in which conditions did not change.

    Attributes:
        begin_ms: since when.
        end_ms: until when; the last one's is endless.
        holds: what held.
        served: whether S may have served alone before, each way that is possible; it counts with manual failback only.
        expected: where it settles, each way that is possible; none without a world.
    """

    begin_ms: float
    end_ms: float
    holds: Holds
    served: frozenset[bool]
    expected: tuple[Settled, ...]

    @property
    def within_ms(self) -> float:
        """After so long it must have settled."""
        return self.holds.within_ms

    @cached_property
    def settled(self) -> Stretch | None:
        """The time in which all must be as it stays; `None`: it ended before that, or nobody can say."""
        begin_ms = self.begin_ms + self.within_ms
        return Stretch(begin_ms=begin_ms, end_ms=self.end_ms) if self.expected and begin_ms < self.end_ms else None

    def serves(self, site: str) -> bool | None:
        """Whether a portal is to serve once all is settled; `None`: nobody can say."""
        said = {getattr(one, site) is Role.AVAILABLE for one in self.expected}
        return said.pop() if len(said) == 1 else None

    @property
    def somebody(self) -> bool:
        """Whether somebody is to serve, whoever it is."""
        return bool(self.expected) and all(Role.AVAILABLE in (one.primary, one.secondary) for one in self.expected)

    @property
    def in_step(self) -> bool:
        """Whether changes are to travel once all is settled (SYNC-1)."""
        return bool(self.expected) and all(one.sync_runs for one in self.expected)


@dataclass
class _Condition:
    """What holds at a moment, as it is put together from the records."""

    facts: Facts
    settings: dict[str, Any]
    configuring: bool = False
    pending: dict[str, tuple[Effect, ...]] = field(default_factory=dict)
    in_force: dict[str, tuple[Effect, ...]] = field(default_factory=dict)

    def take(self, record: Record) -> bool:
        """Take a record in; whether anything may have changed."""
        if record.kind == "configured":
            return self._configure(record)
        if record.kind != "fault":
            return False
        name, effects = record.fields["fault"], counting(Effect.all_of(record))
        if not effects:
            return False
        match record.fields["state"]:
            case "planned":
                self.pending[name] = effects
            case "healing":
                self.pending[name] = self.in_force.pop(name, effects)
            case "injected":
                self.pending.pop(name, None)
                self.in_force[name] = effects
            case "healed":
                self.pending.pop(name, None)
                self.in_force.pop(name, None)
            case _:
                return False
        return True

    def _configure(self, record: Record) -> bool:
        self.configuring = record.fields["state"] == "begins"
        if not self.configuring:
            self.settings.update({key: record.fields[key] for key in self.settings if key in record.fields})
        return True

    def holds(self) -> Holds:
        pending, in_force = _all(self.pending), _all(self.in_force)
        unknown = self.configuring or bool((pending or in_force) and not self.facts.plain)
        unmet = frozenset(self.settings["unmet"])
        worlds: tuple[World, ...] = ()
        if not (pending or self.configuring):
            world = World(unmet=unmet, failback=Failback(self.settings["failback"]))
            worlds = worlds_with(world, in_force, plain=self.facts.plain)
        longer_ms: float = self.settings["detection_ms"] - self.facts.detection_ms
        return Holds(
            worlds=worlds,
            within_ms=self.facts.within_ms + max(0.0, longer_ms),
            able=tuple((site, None if unknown else able(site, in_force=in_force, pending=pending)) for site in SITES),
            steady=not any(one.does in LINK for one in pending) and not any(one.does == "path" for one in in_force),
            ready=None if self.configuring else not unmet,
        )


def _all(effects: Mapping[str, tuple[Effect, ...]]) -> list[Effect]:
    return [one for several in effects.values() for one in several]


def pieces(facts: Facts, records: Sequence[Record]) -> list[Piece]:
    """The pieces of a story, without a gap; the first begins with it."""
    found: list[Piece] = []
    served = frozenset({False})
    for begin_ms, end_ms, holds, restarted in _spans(facts, records):
        # On a bad link whoever serves may change, and change back.
        before = frozenset({False, True}) if restarted or len(holds.worlds) > 1 else served
        expected = [settle(replace(world, secondary_served=was)) for world in holds.worlds for was in sorted(before)]
        piece = Piece(
            begin_ms=begin_ms, end_ms=end_ms, holds=holds, served=before, expected=tuple(dict.fromkeys(expected))
        )
        found.append(piece)
        if piece.settled is not None:
            served = frozenset(one.secondary_alone for one in expected)
        elif holds.worlds or end_ms - begin_ms >= facts.detection_ms:
            served = frozenset({False, True})
        else:  # a change on its way: whoever served alone still does, until what comes of it counts
            served = before
    return found


def _spans(facts: Facts, records: Sequence[Record]) -> Iterator[tuple[float, float, Holds, bool]]:
    """Begin, end and what holds in each time without a change; and whether a portal was restarted at its begin."""
    condition = _Condition(
        facts, {"unmet": facts.unmet, "failback": facts.failback, "detection_ms": facts.detection_ms}
    )
    begin_ms, restarted, now = records[0].monotonic_ms, False, condition.holds()
    for record in records:
        if not condition.take(record):
            continue
        before, now = now, condition.holds()
        again = record.kind == "configured" or any(one.does == "restart" for one in Effect.all_of(record))
        if now != before:
            yield begin_ms, record.monotonic_ms, before, restarted
            begin_ms, restarted = record.monotonic_ms, again
        else:
            restarted = restarted or again
    yield begin_ms, math.inf, now, restarted


def clocks(several: Sequence[Piece]) -> list[tuple[Stretch, float]]:
    """The times in which one and the same site had to serve if nobody else did, each with its bound in ms.

    They may go on across pieces, so that an outage counts from its begin whatever else happens meanwhile. P's runs
    while its core and portal do and the link is as it is; S's moreover only while P's are down for sure and resilience
    is ready: a P that comes back and dies again is a new loss of contact, for which S has its time (ROLE-10).
    """
    found: list[tuple[Stretch, float]] = []
    for runs in (_primary_able, _secondary_alone):
        began: Piece | None = None
        for piece in several:
            if began is not None and not runs(piece.holds):
                found.append((Stretch(begin_ms=began.begin_ms, end_ms=piece.begin_ms), began.within_ms))
                began = None
            if began is None and runs(piece.holds):
                began = piece
        if began is not None:
            found.append((Stretch(begin_ms=began.begin_ms, end_ms=math.inf), began.within_ms))
    return found


def _primary_able(holds: Holds) -> bool:
    return holds.steady and dict(holds.able)["primary"] is True


def _secondary_alone(holds: Holds) -> bool:
    able_now = dict(holds.able)
    return holds.steady and holds.ready is True and able_now == {"primary": False, "secondary": True}
