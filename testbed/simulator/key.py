"""When two moments of a simulated pair are the same: all that decides what follows, without the time itself. Pure.

Times count as ages, and no more once they are older than what the machine asks for; serial numbers count as ranks. The
exact key also holds what is under way and when each timer is due: a pair that comes back to a key goes round from there
on. The coarse key leaves that out: two settled pairs that differ only in the phase of their heartbeats count as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs.wire import CoreWord, PortalStatus, Site
from testbed.simulator.parts import (
    FRESH_MS,
    HEARTBEAT_MS,
    Accept,
    Call,
    CoreDue,
    CoreWaited,
    Gossip,
    Item,
    KeepAlive,
    PortalDue,
    PortalWaited,
    ToCore,
    ToPortal,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from testbed.simulator.pair import Pair
    from testbed.simulator.parts import Core, Line, Portal


def exact(pair: Pair) -> Hashable:
    """All that decides what follows."""
    key = _Key(pair, coarse=False)
    return (*_parts(key), key.queue())


def coarse(pair: Pair) -> Hashable:
    """All that decides where a settled pair goes from here."""
    return (*_parts(_Key(pair, coarse=True)), pair.condition, pair.watch.served, pair.watch.calm)


def _parts(key: _Key) -> tuple[Hashable, ...]:
    pair = key.pair
    portals = tuple(key.portal(portal) for portal in pair.portals.values())
    cores = tuple(key.core(core) for core in pair.cores.values())
    return (portals, cores, tuple(key.line(line) for line in pair.lines.values()))


class _Key:
    """Makes the key of one moment."""

    def __init__(self, pair: Pair, *, coarse: bool) -> None:
        self.pair = pair
        self._coarse = coarse
        self._now_ms = pair.now_ms
        self._ranks: dict[tuple[Site, int, int], int] = {}
        if not coarse:
            spoken = {(word.site, word.boot, word.serial) for word in _words(pair)}
            self._ranks = {one: rank for rank, one in enumerate(sorted(spoken))}

    def age(self, at_ms: int | None, cap_ms: int) -> int | None:
        """How old, up to a cap; coarse: whether that old."""
        if at_ms is None:
            return None
        old_ms = min(self._now_ms - at_ms, cap_ms)
        return int(old_ms >= cap_ms) if self._coarse else old_ms

    def word(self, word: PortalStatus | None) -> Hashable:
        """A portal's word; which of two came later."""
        if word is None:
            return None
        rank = self._ranks.get((word.site, word.boot, word.serial), 0)
        return (rank, word.site, word.serving, word.willing, word.farewell, word.hears_peer)

    def portal(self, portal: Portal) -> Hashable:
        """A portal's machine and disk."""
        disk, state = portal.disk, portal.state
        lag = min(self.pair.portals[Site.PRIMARY].disk.head - disk.head, 2)
        kept = (bool(lag) and not self._coarse, disk.own > 0, self.age(disk.followed_ms, FRESH_MS))
        if not portal.alive:
            return kept
        detection_ms, peer = state.detection_ms, state.peer
        known: Hashable = None
        if peer is not None:
            heard = (
                self.age(max(peer.heard_at_ms, state.started_at_ms), detection_ms),
                self.age(peer.heard_at_ms, FRESH_MS),
            )
            news = peer.heard_at_ms > state.role_since_ms
            claimed, deaf = self.age(peer.claimed_at_ms, detection_ms), self.age(peer.deaf_since_ms, detection_ms)
            known = (self.word(peer.status), heard, news, claimed, deaf)
        unheard = peer is None or peer.claimed_at_ms is None
        started = self.age(state.started_at_ms, 2 * detection_ms) if unheard else None
        undecided_ms = max(0, state.undecided_until_ms - self._now_ms)
        frozen = self.age(state.now_ms, state.frozen_ms)
        core = (state.core_up, self.age(state.core_lost_at_ms, detection_ms))
        own = (state.role, state.ready, state.farewell, portal.moment.unmet, portal.paused, portal.due_ms == 0)
        backlog = self._waiting(portal.backlog)
        return (kept, known, started, undecided_ms, frozen, core, own, backlog)

    def core(self, core: Core) -> Hashable:
        """What a core knows."""
        if not core.alive:
            return None
        words = tuple(
            (self.word(word), self.age(heard_ms, FRESH_MS), here) for word, heard_ms, here in core.board.known()
        )
        backlog = self._waiting(core.backlog)
        return (core.paused, core.due_ms == 0, tuple(core.lines), words, backlog)

    def _waiting(self, backlog: list[Item]) -> Hashable:
        """What waits for a process that is paused: more of the same each heartbeat, which makes no difference."""
        return None if self._coarse else tuple(dict.fromkeys(self.item(item) for item in backlog))

    def line(self, line: Line) -> Hashable:
        """A line, and how long it has been silent."""
        if self._coarse:
            return (line.up, line.open)
        fresh_ms, core = FRESH_MS, self.pair.cores[line.core]
        heard = (self.age(line.heard_ms, fresh_ms), self.age(line.core_heard_ms, fresh_ms))
        began = self.age(line.began_ms, HEARTBEAT_MS)
        known = core.lines.get(line.portal) == line.number
        held = tuple(self.item(item) for _one, _other, item in line.held)
        return (line.open, line.calling, line.up, line.spoke, heard, began, known, held)

    def queue(self) -> Hashable:
        """What is under way, and when it comes."""
        return tuple(
            (at_ms - self._now_ms, self.item(item))
            for at_ms, _order, item in sorted(self.pair.queue)
            if not self._void(item)
        )

    def item(self, item: Item) -> Hashable:
        """What comes, without its numbers."""
        name = type(item).__name__
        match item:
            case Gossip(site, word):
                return (name, site, self.word(word))
            case KeepAlive(site, words):
                return (name, site, tuple(self.word(word) for word in words))
            case ToCore(portal, core, _, said):
                return (name, portal, core, self.word(said), self._void(item))
            case ToPortal(portal, core, _, told):
                heard = () if told is None else tuple(self.word(word) for word in told.portals)
                return (name, portal, core, told and told.farewell, heard, self._void(item))
            case Accept(portal, core) | Call(portal, core) | PortalWaited(portal, core) | CoreWaited(portal, core):
                return (name, portal, core, self._void(item))
            case _:
                return (name, item[0])

    def _void(self, item: Item) -> bool:
        """Whether nothing will come of it, as it belongs to a call or a start that is over."""
        pair = self.pair
        match item:
            case ToPortal(portal, core, number) | Call(portal, core, number) | PortalWaited(portal, core, number):
                return pair.lines[portal, core].number != number
            case ToCore(portal, core, number) | CoreWaited(portal, core, number):
                return number not in (pair.lines[portal, core].number, pair.cores[core].lines.get(portal))
            case PortalDue(site, boot):
                return not pair.portals[site].alive or pair.portals[site].boot != boot
            case CoreDue(site, boot):
                return not pair.cores[site].alive or pair.cores[site].boot != boot
            case _:
                return False


def _words(pair: Pair) -> list[PortalStatus]:
    """Every word of a portal that anybody holds or that is under way to a process that works."""
    found = [portal.state.peer.status for portal in pair.portals.values() if portal.state.peer is not None]
    items = [item for _at_ms, _order, item in pair.queue]
    items += [item for line in pair.lines.values() for _one, _other, item in line.held]
    for core in pair.cores.values():
        found += [word for word, _heard_ms, _here in core.board.known()]
    for item in items:
        match item:
            case Gossip(_, word):
                found.append(word)
            case KeepAlive(_, words):
                found += words
            case ToCore(word=PortalStatus() as word):
                found.append(word)
            case ToPortal(word=CoreWord() as told):
                found += told.portals
            case _:
                pass
    return found
