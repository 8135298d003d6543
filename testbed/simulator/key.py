"""When two moments of a simulated pair are the same: all that decides what follows, without the time itself. Pure.

Times count as ages, and no more once they are older than what the machine asks for; serial numbers count as ranks. The
exact key also holds what is under way and when each timer is due: a pair that comes back to a key goes round from there
on. The coarse key leaves that out: two settled pairs that differ only in the phase of their heartbeats count as one. So
do those that differ in what an old word said: no decision reads that any more. And how many changes the secondary lacks
does not count, as whatever is done next makes some more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs.lines import Hello
from stubs.portal.conversation import Batch
from stubs.resilience import Role, willing
from stubs.wire import Site
from testbed.simulator.items import (
    Accept,
    Call,
    CoreDue,
    CoreWaited,
    FeedDue,
    FeederWaited,
    FollowDue,
    FollowerWaited,
    Gossip,
    Item,
    KeepAlive,
    OfData,
    PortalDue,
    PortalWaited,
    ToCore,
    ToFeeder,
    ToFollower,
    ToPortal,
    spoken,
)
from testbed.simulator.parts import FRESH_MS, HEARTBEAT_MS

if TYPE_CHECKING:
    from collections.abc import Hashable

    from stubs.wire import PortalStatus
    from testbed.simulator.pair import Pair
    from testbed.simulator.parts import Core, Line, Portal


LATEST = 30
"""Of what waits for a paused process: what comes in about three heartbeats."""

OLD = "old"
"""Whatever was said so long ago that nothing follows from it."""


def exact(pair: Pair) -> Hashable:
    """All that decides what follows."""
    key = _Key(pair, coarse=False)
    return (*_parts(key), key.queue())


def ages(pair: Pair) -> Hashable:
    """A small part of the exact key, of what takes longest to come round: without it the rest need not be looked at."""
    now_ms = pair.now_ms
    lines = tuple((line.open, min(now_ms - line.heard_ms, FRESH_MS)) for line in pair.lines.values())
    peers = [portal.state.peer for portal in pair.portals.values() if portal.alive]
    heard = tuple(peer and min(now_ms - peer.heard_at_ms, pair.setting.detection_ms) for peer in peers)
    return (*lines, heard, *(portal.state.role for portal in pair.portals.values()))


def coarse(pair: Pair) -> Hashable:
    """All that decides where a settled pair goes from here."""
    return (*_parts(_Key(pair, coarse=True)), pair.condition, pair.watch.served, pair.watch.calm)


def _parts(key: _Key) -> tuple[Hashable, ...]:
    pair = key.pair
    portals = tuple(key.portal(portal) for portal in pair.portals.values())
    cores = tuple(key.core(core) for core in pair.cores.values())
    return (portals, cores, tuple(key.line(line) for line in pair.lines.values()), key.data())


class _Key:
    """Makes the key of one moment."""

    def __init__(self, pair: Pair, *, coarse: bool) -> None:
        self.pair = pair
        self._coarse = coarse
        self._now_ms = pair.now_ms
        self._ranks: dict[tuple[Site, int, int], int] = {}
        self._claims = {site: (one.boot, one.state.claim) for site, one in pair.portals.items() if one.alive}
        self._quiet = _is_quiet(pair)
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
        current = self.current(word.site, (word.boot, word.claim)), self.current(word.site.other, word.heard_claim)
        return (rank, word.site, word.serving, word.willing, word.farewell, word.hears_peer, *current)

    def current(self, site: Site, claim: tuple[int, int]) -> bool:
        """Whether a claim is a portal's present one; of earlier ones nothing follows any more."""
        return self._claims.get(site) == claim

    def portal(self, portal: Portal) -> Hashable:
        """A portal's machine and disk."""
        disk, state = portal.disk, portal.state
        kept = (disk.full, disk.durable is None)
        if not portal.alive:
            return kept
        detection_ms, peer = state.detection_ms, state.peer
        known = self._peer(portal)
        unheard = peer is None or peer.claimed_at_ms is None
        started = self.age(state.started_at_ms, 2 * detection_ms) if unheard else None
        frozen = self.age(state.now_ms, state.frozen_ms)
        lost = self.age(state.core_lost_at_ms, detection_ms)
        core = (state.core_up, 1 if self._coarse and lost is None else lost)
        long_ms = detection_ms if portal.site is Site.PRIMARY else 2 * HEARTBEAT_MS
        claims = state.role is Role.STARTING and willing(state)
        willing_for = self.age(state.willing_since_ms, long_ms) if claims else None
        own = (
            willing_for,
            state.role,
            state.ready,
            state.farewell,
            portal.moment.unmet,
            portal.paused,
            portal.due_ms == 0,
        )
        synced = self._quiet or self.age(portal.synced_ms, FRESH_MS)
        data = None if self._coarse else (portal.eager, synced, disk.own_began)
        backlog = self._waiting(portal.backlog)
        return (kept, data, known, started, frozen, core, willing_for, own, backlog)

    def _peer(self, portal: Portal) -> Hashable:
        """What a portal knows of the other one."""
        detection_ms, peer = portal.state.detection_ms, portal.state.peer
        if peer is None:
            return None
        heard_ms = max(peer.heard_at_ms, portal.state.started_at_ms)
        heard = (self.age(heard_ms, detection_ms), self.age(peer.heard_at_ms, FRESH_MS))
        news = peer.heard_at_ms > portal.state.role_since_ms
        claimed, deaf = self.age(peer.claimed_at_ms, detection_ms), self.age(peer.deaf_since_ms, detection_ms)
        current = self.current(portal.site.other, peer.claim)
        if self._coarse and all((*heard, claimed is None or claimed)):
            return (OLD, news, claimed, current)
        return (self.word(peer.status), heard, news, claimed, deaf, current)

    def core(self, core: Core) -> Hashable:
        """What a core knows."""
        if not core.alive:
            return None
        words = []
        for word, heard_ms, here in core.board.known():
            old = self.age(heard_ms, FRESH_MS)
            words.append((OLD if self._coarse and old else self.word(word), old, here))
        backlog = self._waiting(core.backlog)
        return (core.paused, core.due_ms == 0, tuple(sorted(core.lines)), tuple(words), backlog)

    def _waiting(self, backlog: list[Item]) -> Hashable:
        """What waits for a process that is paused: more of the same each heartbeat, which makes no difference.

        What came earlier than the latest of it is the same whenever the pair is looked at between two acts. Coarse: the
        last word of each portal, and whether changes wait.
        """
        if not self._coarse:
            return tuple(dict.fromkeys(self.item(item) for item in backlog[-LATEST:]))
        last = {word.site: word for word in sorted(spoken(backlog), key=lambda word: (word.boot, word.serial))}
        changes = any(
            isinstance(item, ToFollower) and isinstance(item.word, Batch) and item.word.entries for item in backlog
        )
        return (tuple(self.word(last.get(site)) for site in Site), changes) if backlog else None

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

    def data(self) -> Hashable:
        """How the data of the two compare, and how the line between them is."""
        pair, line = self.pair, self.pair.data
        ledger, head = pair.ledger, pair.portals[Site.SECONDARY].disk.store.head()
        lag = min(len(ledger.primary) - head, 1)
        kept = (bool(ledger.own), ledger.former is None, line.open)
        if self._coarse:
            return kept
        if self._quiet:
            return (lag, *kept)
        heard = self.age(line.heard_ms, FRESH_MS), self.age(line.fed_heard_ms, FRESH_MS)
        same = line.fed == line.number, line.after == head, line.asked == head, line.began_after == head
        held = tuple(self.item(item) for item in line.held)
        return (lag, *kept, line.calling, bool(line.fed), line.waits, *same, *heard, held)

    def queue(self) -> Hashable:
        """What is under way, and when it comes."""
        return tuple(
            (at_ms - self._now_ms, self.item(item, void=False))
            for at_ms, _order, item in sorted(self.pair.queue)
            if not ((self._quiet and isinstance(item, OfData)) or self._void(item))
        )

    def item(self, item: Item, *, void: bool | None = None) -> Hashable:  # noqa: PLR0911 - one line for each kind
        """What comes, without its numbers; `void`: whether nothing will come of it, if that is known."""
        name, void = type(item), self._void(item) if void is None else void
        match item:
            case Gossip(site, word):
                return (name, site, self.word(word))
            case KeepAlive(site, words):
                return (name, site, tuple(self.word(word) for word in words))
            case ToCore(portal, core, _, said):
                return (name, portal, core, self.word(said), void)
            case ToPortal(portal, core, _, told):
                heard = () if told is None else tuple(self.word(word) for word in told.portals)
                return (name, portal, core, told and told.farewell, heard, void)
            case Accept(portal, core) | Call(portal, core) | PortalWaited(portal, core) | CoreWaited(portal, core):
                return (name, portal, core, void)
            case ToFeeder() | ToFollower():
                entries = len(item.word.entries) if isinstance(item.word, Batch) else 0
                return (name, type(item.word), entries, void)
            case FollowDue() | FeedDue() | FollowerWaited() | FeederWaited():
                return (name, void)
            case _:
                return (name, item[0])

    def _void(self, item: Item) -> bool:  # noqa: PLR0911 - one line for each kind
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
            case FollowDue(boot):
                return not pair.portals[Site.SECONDARY].alive or pair.portals[Site.SECONDARY].boot != boot
            case ToFollower(number) | FollowerWaited(number):
                return number != pair.data.number or not (pair.data.open or pair.data.calling)
            case ToFeeder(number, word):
                return number != (pair.data.number if isinstance(word, Hello) else pair.data.fed)
            case FeederWaited(number):
                return number != pair.data.fed
            case FeedDue(number, wait):
                return not pair.data.waits or (number, wait) != (pair.data.fed, pair.data.wait)
            case _:
                return False


def _is_quiet(pair: Pair) -> bool:
    """Whether the secondary asks and is answered with nothing, is refused, or calls in vain, again and again.

    That goes round at a pace of its own, and touches nothing else: where it stands makes no difference.
    """
    line = pair.data
    if pair.portals[Site.PRIMARY].trouble or not (line.open or line.fed or line.held):
        return True
    talks = line.open and line.fed == line.number and not line.held
    soon = max(pair.now_ms - line.heard_ms, pair.now_ms - line.fed_heard_ms) < 2 * HEARTBEAT_MS
    return talks and soon and line.after == line.asked == len(pair.ledger.primary)


def _words(pair: Pair) -> list[PortalStatus]:
    """Every word of a portal that anybody holds or that is under way to a process that works."""
    found = [portal.state.peer.status for portal in pair.portals.values() if portal.state.peer is not None]
    items = [item for _at_ms, _order, item in pair.queue]
    items += [item for line in pair.lines.values() for _one, _other, item in line.held]
    for core in pair.cores.values():
        found += [word for word, _heard_ms, _here in core.board.known()]
    return found + spoken(items)
