"""What one bed lived through, taken from the records of a history. Pure; judges nothing.

A story begins with a record of kind `bed` and ends with the next one of the same bed, or with the history.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from testbed.checkers.account import Account, account_of
from testbed.checkers.answers import Asked, answers_of
from testbed.checkers.changes import Change, changes_of
from testbed.checkers.conditions import Piece, Times, pieces, times_of
from testbed.checkers.facts import SITES, Facts
from testbed.checkers.silences import ENDS_PORTAL, LOOK_MS, in_words, unexplained
from testbed.checkers.stock import Stock, stock_of
from testbed.oracle import Role
from testbed.recording.stretches import RoleRecord, Stretch, joined, without

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from testbed.history import Record
    from testbed.oracle import Settled


@dataclass(frozen=True)
class Story:
    """One bed, from its installation or reset to the next.

    Attributes:
        facts: what the bed is, as its first record says.
        records: all that happened, in order; nothing that was seen after a fault had ended before its time.
        cut_short: why that is not all there was to judge; empty: it is.
    """

    facts: Facts
    records: tuple[Record, ...]
    cut_short: str = ""

    @property
    def name(self) -> str:
        """Of the bed."""
        return self.facts.bed

    @property
    def begin_ms(self) -> float:
        """When it began."""
        return self.records[0].monotonic_ms

    @property
    def end_ms(self) -> float:
        """The last moment that was recorded."""
        return self.records[-1].monotonic_ms

    @cached_property
    def by_kind(self) -> Mapping[str, Sequence[Record]]:
        """The records of each kind, in order."""
        found: dict[str, list[Record]] = defaultdict(list)
        for record in self.records:
            found[record.kind].append(record)
        return found

    def of(self, kind: str) -> Sequence[Record]:
        """The records of a kind, in order."""
        return self.by_kind.get(kind, ())

    @cached_property
    def watched(self) -> list[Stretch]:
        """When somebody looked at the servers."""
        found, began = [], None
        for record in self.of("observed"):
            if record.fields["state"] == "begins":
                began = record.monotonic_ms
            elif began is not None:
                found.append(Stretch(begin_ms=began, end_ms=record.monotonic_ms))
                began = None
        if began is not None:  # the writer was killed: until when both portals had been looked at, nobody wrote
            last = max((one.monotonic_ms for kind in ("role", "sync") for one in self.of(kind)), default=began)
            found.append(Stretch(begin_ms=began, end_ms=max(began, last - LOOK_MS)))
        return found

    @cached_property
    def blind(self) -> Mapping[str, Sequence[Stretch]]:
        """By site, the times in which its portal may have changed its role unseen, though somebody looked."""
        told = [one.fields for one in self.of("missed") if _told_when(one)]
        return {
            site: joined(
                Stretch(begin_ms=one["from_ms"], end_ms=one["until_ms"])
                for one in told
                if one.get("server") in (site, None)
            )
            for site in SITES
        }

    @cached_property
    def seen(self) -> list[Stretch]:
        """When the servers were watched and nothing was missed: role changes of that time are known, of no other."""
        return without(self.watched, [stretch for several in self.blind.values() for stretch in several])

    @cached_property
    def roles_told(self) -> bool:
        """Whether both portals were watched, and told their roles: else whoever is silent may have served."""
        return bool(self.watched) and {record.fields["server"] for record in self.of("role")} == set(SITES)

    @cached_property
    def roles_missed(self) -> list[str]:
        """Why not every change of role is known; empty: each is, as far as the servers were seen."""
        found = [] if self.watched else ["nobody watched the roles of the portals"]
        if self.watched and not self.roles_told:
            found.append("not both portals told their roles")
        missed = [one for one in self.of("missed") if one.fields.get("what") == "roles" and not _told_when(one)]
        return found + [str(one.fields["why"]) for one in missed] + [in_words(one) for one in unexplained(self)]

    def judged(self, line: str) -> list[str]:
        """What was judged, where that rests on roles: with the times that were not, as nobody knows them."""
        unseen = [
            f"not the time {one}, in which changes of the {site}'s role were missed"
            for site in SITES
            for one in self.blind[site]
        ]
        return [line, *unseen]

    @cached_property
    def pieces(self) -> list[Piece]:
        """The conditions of the bed, one after the other."""
        telling = [one for one in self.records if one.kind in ("fault", "configured")]
        return pieces(self.facts, [self.records[0], *telling])

    def piece_at(self, at_ms: float) -> Piece:
        """The condition of the bed at a moment."""
        return self.pieces[max(bisect.bisect_right(self._begins, at_ms) - 1, 0)]

    @cached_property
    def _begins(self) -> list[float]:
        return [piece.begin_ms for piece in self.pieces]

    def expected(self, begin_ms: float, end_ms: float | None = None) -> tuple[Settled, ...]:
        """What must hold all that time, each way that is possible; none where not all is settled, or nobody can say.

        Args:
            begin_ms: from when.
            end_ms: until when; left out, at that moment.
        """
        piece = self.piece_at(begin_ms)
        settled = piece.settled
        if settled is None or begin_ms < settled.begin_ms or (end_ms or begin_ms) > settled.end_ms:
            return ()
        return piece.expected

    def surely_served(self, site: str) -> list[Stretch]:
        """When a portal took log-ins, by its own record; no longer than it is certain to have lived."""
        return self._served(site, sure=True)

    def possibly_served(self, site: str) -> list[Stretch]:
        """When a portal may have taken log-ins: at no other time did it."""
        return self._served(site, sure=False)

    def _served(self, site: str, *, sure: bool) -> list[Stretch]:
        own, record = self.facts.portal_servers[site], RoleRecord()
        record.learn(
            {"role": one.fields["role"], "at_ms": one.fields["since_ms"], "why": one.fields["why"]}
            for one in self.of("role")
            if one.fields["server"] == site
        )
        ends = [
            times.planned_ms if sure else times.injected_ms
            for times in self.times
            if times.hits(own, "portal", ENDS_PORTAL)
        ]
        if sure:  # what began between the plan and the end of it has ended as well; a restarted one goes on
            ends += [times.injected_ms for times in self.times if times.hits(own, "portal", ENDS_PORTAL - {"restart"})]
            ends += [one["from_ms"] for one in unexplained(self) if one["server"] == site]
        frozen = [times.held(sure=not sure) for times in self.times if times.hits(own, "portal", {"pause"})]
        grace_ms = self.facts.heartbeat_ms if sure else 0
        found = without(
            record.serving(dead_by_ms=ends),
            [Stretch(begin_ms=one.begin_ms, end_ms=one.end_ms + grace_ms) for one in frozen],
        )
        return without(found, self.blind[site]) if sure else joined([*found, *self.blind[site]])

    @cached_property
    def changes(self) -> Sequence[Change]:
        """All changes that users asked for, in order."""
        return changes_of(self.facts, self.by_kind)

    @cached_property
    def answers(self) -> Sequence[Asked]:
        """Every answer that clients recorded, in order."""
        return tuple(answers_of(self.facts, self.records))

    @cached_property
    def stock(self) -> Stock:
        """What the servers held at the end."""
        return stock_of(self.by_kind)

    @cached_property
    def account(self) -> Account:
        """What became of the acknowledged changes."""
        return account_of(self.changes, self.stock)

    @cached_property
    def out_of_turn(self) -> frozenset[int]:
        """The operations by which S acknowledged what it gave up at failback, though it must not have served then."""
        found = []
        for one in self.account.let_go:
            expected = self.expected(one.begin_ms, one.end_ms)
            if expected and all(each.secondary is not Role.AVAILABLE for each in expected):
                found.append(one.op)
        return frozenset(found)

    @cached_property
    def times(self) -> list[Times]:
        """Every injection of a fault, in order."""
        return times_of(self.of("fault"))


def _told_when(missed: Record) -> bool:
    return missed.fields.get("what") == "roles" and {"from_ms", "until_ms"} <= missed.fields.keys()


def stories(records: Sequence[Record]) -> list[Story]:
    """The stories of a history. A record that names no bed belongs to the one that began last."""
    begun: list[tuple[Facts, list[Record]]] = []
    current: dict[str | None, list[Record]] = {None: []}
    for record in records:
        if record.kind == "bed":
            facts = Facts.of(record)
            current[None] = current[facts.bed] = [record]
            begun.append((facts, current[None]))
        elif (own := current.get(record.fields.get("bed"))) is not None:
            own.append(record)
    return [_story(_with_new_names(facts, own), own) for facts, own in begun]


def _story(facts: Facts, records: Sequence[Record]) -> Story:
    """Where a fault ended before its time, what came after proves nothing; a breakdown is told of the whole."""
    lapse = min((one for one in records if one.kind == "lapse"), key=lambda one: one.fields["held_ms"], default=None)
    if lapse is not None:
        held_ms = lapse.fields["held_ms"]
        why = f"{lapse.fields['fault']} ended before its time: nothing after {held_ms:.0f} ms proves anything"
        begun, *others = records
        return Story(facts, (begun, *(one for one in others if one.monotonic_ms <= held_ms)), why)
    broken = next((one for one in records if one.kind == "breakdown"), None)
    return Story(facts, tuple(records), "" if broken is None else f"the testbed itself failed: {broken.fields['why']}")


def _with_new_names(facts: Facts, records: Sequence[Record]) -> Facts:
    """The facts with the host names that were set later: a name leads to one server, whenever it is used."""
    new = [one.fields.get("hosts", {}) for one in records if one.kind == "configured"]
    return msgspec.structs.replace(
        facts, hosts={name: server for each in (facts.hosts, *new) for name, server in each.items()}
    )
