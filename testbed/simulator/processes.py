"""What the processes of a pair do with what arrives: `stubs.portal.runtime` and `stubs.core.__main__` without threads.

The decisions are the stubs' own: the machine, readiness, what counts as news, the board; so are data and disk (`data`,
`disk`). A portal that serves stores a change of its users at some of its heartbeats. Nothing is configured while a pair
is simulated, so that no portal falls asleep (CFG-11).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stubs import readiness, resilience
from stubs.events import Close, CoreDown, CoreUp, PeerHeard, Tick
from stubs.portal.knowledge import Knowledge
from stubs.portal.moment import Moment, is_news
from stubs.resilience import Role, State
from stubs.wire import CoreWord, Site
from testbed.simulator.data import Data
from testbed.simulator.items import (
    CoreDue,
    Gossip,
    KeepAlive,
    PortalDue,
    ToCore,
    ToPortal,
)
from testbed.simulator.parts import FRESH_MS, HEARTBEAT_MS, TIMING, Core, Portal

if TYPE_CHECKING:
    from stubs.events import Event
    from stubs.resilience import RoleChanged
    from stubs.wire import PortalFacts, PortalStatus


class Processes(Data):
    """Portals and cores at work."""

    def role_changed(self, portal: Portal, effect: RoleChanged) -> None:
        """A portal begins or ceases to serve."""
        raise NotImplementedError

    def work(self, portal: Portal) -> None:
        """A user of a portal changes something."""
        raise NotImplementedError

    # A portal.

    def begin_portal(self, portal: Portal) -> None:
        """A new process with what the disk kept."""
        portal.boot += 1
        portal.serial = 0
        portal.alive, portal.paused = True, False
        portal.disk.begin_again()
        portal.knowledge = Knowledge(portal.site, portal.disk)
        portal.moment = self._begun(portal)
        self._settle(portal)
        for core in Site:
            self.call(self.lines[portal.site, core])
        self.begin_data(portal)
        portal.due_ms = self.now_ms
        self.post(0, PortalDue(portal.site, portal.boot))

    def _begun(self, portal: Portal) -> Moment:
        state = State(
            site=portal.site,
            boot=portal.boot,
            started_at_ms=self.now_ms,
            now_ms=self.now_ms,
            detection_ms=self.setting.detection_ms,
            heartbeat_ms=HEARTBEAT_MS,
        )
        return Moment(state=state, unmet=(), why="just started")

    def end_portal(self, portal: Portal) -> None:
        """Its process is no more."""
        portal.alive = portal.paused = False
        portal.backlog.clear()
        self.drop_portal(portal.site)
        self.drop_data(portal)

    def leave_portal(self, portal: Portal, *, restart: bool) -> None:
        """It says good-bye, and ends."""
        self.react(portal, Close(at_ms=self.now_ms, restart=restart))
        self.end_portal(portal)

    def tick_portal(self, portal: Portal) -> None:
        """Its heartbeat is due."""
        if portal.eager and portal.moment.serves(self.now_ms):
            portal.eager -= 1
            self.work(portal)
        self.react(portal, Tick(at_ms=self.now_ms))
        self.post(HEARTBEAT_MS, PortalDue(portal.site, portal.boot))

    def react(self, portal: Portal, event: Event) -> None:
        """As the reactor does with an event: who speaks has the next heartbeat later."""
        if self._take(portal, event) or isinstance(event, Tick):
            self._speak(portal)
            portal.due_ms = self.now_ms + HEARTBEAT_MS

    def core_lost(self, portal: Portal, core: Site) -> None:
        """The line to a core that answered is gone."""
        if core is portal.site:
            self.react(portal, CoreDown(at_ms=self.now_ms, orderly=False))

    def core_spoke(self, portal: Portal, core: Site, word: CoreWord) -> None:
        """A core told what it knows."""
        portal.knowledge.learn_core(word.facts)
        facts = self._facts(portal)
        if readiness.unmet(portal.knowledge.known(facts)) != portal.moment.unmet or portal.state.ready is None:
            self._settle(portal)
        for status in word.portals:
            self.peer_spoke(portal, status)
        if core is portal.site:
            down = CoreDown(at_ms=self.now_ms, orderly=True)
            if self._take(portal, down if word.farewell else CoreUp(at_ms=self.now_ms)):
                self._speak(portal)

    def peer_spoke(self, portal: Portal, status: PortalStatus) -> None:
        """The other portal's word came, by whatever way."""
        known = portal.state.peer
        if status.site is not portal.site.other or not status.newer_than(known.status if known else None):
            return
        learnt = known is None or known.status.facts != status.facts
        if learnt:
            portal.knowledge.learn_peer(status.facts)
        if self._take(portal, PeerHeard(at_ms=self.now_ms, status=status)):
            self._speak(portal)
        if learnt:
            self._settle(portal)  # it stands in the reactor's queue, behind the word itself

    def _take(self, portal: Portal, event: Event) -> bool:
        before = portal.moment.state
        after, effects = resilience.step(before, event)
        for effect in effects:
            if effect.role is Role.AVAILABLE:
                portal.disk.own_begins()
            self.role_changed(portal, effect)
        portal.moment = Moment(state=after, unmet=portal.moment.unmet, why="")  # half of the time that `replace` takes
        return is_news(before, after, effects)

    def _speak(self, portal: Portal) -> None:
        portal.serial += 1
        word = portal.moment.word(serial=portal.serial, head=portal.disk.store.head(), facts=self._facts(portal))
        other = portal.site.other
        self.datagram(portal.site, Gossip(other, word), to=other, between_portals=True)
        for core in Site:
            line = self.lines[portal.site, core]
            if line.open:
                self.send(line, ToCore(portal.site, core, line.number, word))

    def _settle(self, portal: Portal) -> None:
        unmet, settled = portal.knowledge.meaning(self._facts(portal), at_ms=self.now_ms, timing=TIMING)
        portal.moment = replace(portal.moment, unmet=unmet)
        self.react(portal, settled)

    def _facts(self, portal: Portal) -> PortalFacts:
        select = portal.knowledge.select
        if portal.facts.select is not select:
            portal.facts = replace(portal.facts, select=select)
        return portal.facts

    # A core.

    def begin_core(self, core: Core) -> None:
        """A new process that knows nothing of the portals."""
        core.boot += 1
        core.alive, core.paused = True, False
        core.board = type(core.board)(FRESH_MS)
        core.due_ms = self.now_ms
        self.post(0, CoreDue(core.site, core.boot))

    def end_core(self, core: Core) -> None:
        """Its process is no more."""
        core.alive = core.paused = False
        core.backlog.clear()
        self.drop_core(core)

    def tick_core(self, core: Core) -> None:
        """Its heartbeat is due."""
        self.beat(core)
        self.post(HEARTBEAT_MS, CoreDue(core.site, core.boot))

    def beat(self, core: Core, *, farewell: bool = False) -> None:
        """It tells the other core, and the portals that are logged in."""
        other = core.site.other
        known = core.board.fresh(self.now_ms)
        self.datagram(core.site, KeepAlive(other, core.board.told_here(self.now_ms)), to=other)
        word = CoreWord(facts=core.facts, portals=known, farewell=farewell)
        for portal, number in core.lines.items():
            line = self.lines[portal, core.site]
            self.send(line, ToPortal(portal, core.site, number, word))
        core.due_ms = self.now_ms + HEARTBEAT_MS

    def core_told(self, core: Core, words: tuple[PortalStatus, ...]) -> None:
        """The other core's keep-alive came."""
        heard = [core.board.hear(word, self.now_ms, here=False) for word in words]
        if any(heard):
            self.beat(core)
