"""A pair of servers in virtual time: two real state machines, two real boards, and links that can be cut.

Only the wiring of processes and sockets is made up. It follows `stubs.portal.runtime` and `stubs.core.__main__`: every
service speaks at each heartbeat and at once when something changed, portals hear each other directly and through the
cores, a TCP connection needs both directions and notices a silent end after `SILENCE_MS`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stubs import readiness
from stubs.core.board import Board
from stubs.events import Close, CoreDown, CoreUp, FailoverNow, PeerHeard, Settled, Tick
from stubs.portal.knowledge import Knowledge
from stubs.portal.moment import Moment
from stubs.resilience import Role, State, step, willing
from stubs.wire import CoreFacts, Failback, PortalFacts, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.events import Event
    from stubs.wire import PortalStatus

HEARTBEAT_MS = 50
DETECTION_MS = 400
SILENCE_MS = 6 * HEARTBEAT_MS
SETTLE_MS = 2 * DETECTION_MS + SILENCE_MS + 6 * HEARTBEAT_MS
"""After this long without a change nothing happens any more."""

P, S = Site.PRIMARY, Site.SECONDARY

Way = tuple[Site, Site]


@dataclass
class MemoryNotes:
    """Keeps a portal's notes, as its store would."""

    notes: dict[str, str] = field(default_factory=dict)

    def remembered(self, key: str) -> str | None:
        """What was kept under a key."""
        return self.notes.get(key)

    def remember(self, key: str, value: str) -> None:
        """Keep it."""
        self.notes[key] = value


@dataclass
class CorePart:
    """One core: runs, is frozen or is down."""

    up: bool = True
    frozen: bool = False
    board: Board = field(default_factory=lambda: Board(SILENCE_MS))

    @property
    def works(self) -> bool:
        """Whether it does anything now."""
        return self.up and not self.frozen


@dataclass
class PortalPart:
    """One portal: its machine while the process lives, and what it keeps on disk."""

    site: Site
    facts: PortalFacts
    notes: MemoryNotes = field(default_factory=MemoryNotes)
    state: State | None = None
    moment: Moment | None = None
    knowledge: Knowledge | None = None
    boot: int = 0
    serial: int = 0
    frozen: bool = False
    backlog: deque[Callable[[], None]] = field(default_factory=deque)

    @property
    def works(self) -> bool:
        """Whether it does anything now."""
        return self.state is not None and not self.frozen


@dataclass
class Connection:
    """A portal's CTI link to a core; when something last went over it."""

    heard_ms: int


class Pair:
    """Two servers, as faults see them.

    Args:
        failback: automatic or manual (ROLE-8).
        ticked: whether the line from P to S backs the portal up (CFG-7).
    """

    def __init__(self, *, failback: Failback = Failback.AUTOMATIC, ticked: bool = True) -> None:
        self.now_ms = 1_000
        self._ticked = ticked
        facts = PortalFacts(
            version="12.0",
            central_cti=True,
            failover=True,
            failback=failback,
            detection_minutes=3.0,
            host_domain_name="name",
            select=True,
        )
        self.cores = {site: CorePart() for site in Site}
        self.portals = {site: PortalPart(site, facts) for site in Site}
        self.connections: dict[Way, Connection] = {}
        self.cut: set[Way] = set()
        self.portal_path_cut = False
        self.history: list[tuple[int, Site, Role]] = []
        self.overlaps: list[tuple[int, Site]] = []
        self.restless_ms = 0
        self._flight: deque[Callable[[], None]] = deque()
        for site in Site:
            self.start_portal(site)

    # What a test does to it.

    def run(self, for_ms: int) -> None:
        """Let time pass."""
        end = self.now_ms + for_ms
        while self.now_ms < end:
            self._round()

    def settle(self) -> None:
        """Let so much time pass that nothing more happens."""
        self.run(SETTLE_MS)

    def cut_ways(self, *ways: Way) -> None:
        """From now on nothing goes these ways."""
        self.cut |= set(ways)

    def cut_portal_path(self) -> None:
        """The portals do not hear each other directly."""
        self.portal_path_cut = True

    def heal_ways(self) -> None:
        """All ways are open again."""
        self.cut.clear()
        self.portal_path_cut = False
        self.restless_ms = self.now_ms

    def lose_server(self, site: Site) -> None:
        """Portal and core are gone, and nobody reaches the address."""
        self.cut_ways((site, site.other), (site.other, site))
        self.kill_portal(site)
        self.kill_core(site)

    def heal(self) -> None:
        """Everything runs and hears everything again."""
        self.heal_ways()
        for site in Site:
            self.heal_core(site)
            self.cores[site].frozen = False
            if self.portals[site].state is None:
                self.start_portal(site)
            self.thaw_portal(site)

    def start_portal(self, site: Site) -> None:
        """A new process with what the disk kept."""
        portal = self.portals[site]
        portal.boot += 1_000_000 + self.now_ms
        portal.serial = 0
        portal.frozen = False
        portal.backlog.clear()
        portal.knowledge = Knowledge(site, portal.notes)
        portal.state = State(
            boot=portal.boot,
            site=site,
            started_at_ms=self.now_ms,
            now_ms=self.now_ms,
            detection_ms=DETECTION_MS,
            heartbeat_ms=HEARTBEAT_MS,
        )
        portal.moment = Moment(state=portal.state, unmet=(), why="")
        self._settled(portal)

    def kill_portal(self, site: Site) -> None:
        """SIGKILL: the connections break, nothing is said."""
        self.portals[site].state = None
        for core in Site:
            self._hang_up(site, core, told=True)
        self._deliver()

    def stop_portal(self, site: Site) -> None:
        """SIGTERM: it says good-bye first."""
        self._leave(site, restart=False)

    def restart_portal(self, site: Site) -> None:
        """An orderly restart: good-bye as one who returns, and back at once."""
        self._leave(site, restart=True)
        self.start_portal(site)

    def fail_over_now(self) -> None:
        """The administrator's button on the primary."""
        self._take(P, FailoverNow(at_ms=self.now_ms))
        self._deliver()

    def freeze_portal(self, site: Site) -> None:
        """It does nothing, and what arrives waits in its sockets."""
        self.portals[site].frozen = True

    def thaw_portal(self, site: Site, *, clock_first: bool = False) -> None:
        """It goes on, and first meets what waited, or, if its clock is first, that its heartbeat is due."""
        portal = self.portals[site]
        if not portal.frozen:
            return
        portal.frozen = False
        if clock_first:
            self._take(site, Tick(at_ms=self.now_ms))
        self._flight.extend(portal.backlog)
        portal.backlog.clear()
        self._deliver()

    def stop_core(self, site: Site) -> None:
        """It says good-bye to its own portal and ends."""
        if self.cores[site].works and (site, site) in self.connections:
            self._send(site, lambda: self._take(site, CoreDown(at_ms=self.now_ms, orderly=True)))
        self.kill_core(site)

    def kill_core(self, site: Site) -> None:
        """SIGKILL: the connections break."""
        self.cores[site].up = False
        for portal in Site:
            self._hang_up(portal, site, told=True)
        self._deliver()

    def freeze_core(self, site: Site) -> None:
        """It does nothing; its connections are found silent."""
        self.cores[site].frozen = True

    def heal_core(self, site: Site) -> None:
        """It runs again, if it did not."""
        if not self.cores[site].up:
            self.start_core(site)

    def start_core(self, site: Site) -> None:
        """A new process that knows nothing of the portals."""
        self.cores[site] = CorePart()

    def roles(self) -> tuple[Role | None, Role | None]:
        """What both portals are; `None`: no process that works."""
        primary, secondary = (self.role(site) for site in (P, S))
        return primary, secondary

    def role(self, site: Site) -> Role | None:
        """What a portal is; `None`: no process that works."""
        portal = self.portals[site]
        return portal.state.role if portal.state is not None and portal.works else None

    def redirects(self) -> bool:
        """Whether S's portal sends its callers to P, as `stubs.portal.runtime` would."""
        portal = self.portals[S]
        if portal.state is None or not portal.works or portal.state.role is Role.AVAILABLE:
            return False
        peer = portal.state.peer
        return peer is not None and peer.status.serving and self.now_ms - peer.heard_at_ms < SILENCE_MS

    def link_whole(self) -> bool:
        """Whether both directions between the servers carry everything."""
        return not self.cut

    # How time passes.

    def _round(self) -> None:
        for site in Site:
            self._beat_portal(site)
            self.now_ms += HEARTBEAT_MS // 4
            self._beat_core(site)
            self.now_ms += HEARTBEAT_MS // 4
        self.now_ms += HEARTBEAT_MS % 4
        self._connect()

    def _beat_portal(self, site: Site) -> None:
        if self.portals[site].works:
            self._take(site, Tick(at_ms=self.now_ms))
            self._speak(site)
        self._deliver()

    def _beat_core(self, site: Site) -> None:
        core = self.cores[site]
        if not core.works:
            return
        known = core.board.fresh(self.now_ms)
        for word in core.board.told_here(self.now_ms):
            self._keep_alive(site, word)
        for portal in Site:
            if (portal, site) in self.connections:
                self._tell(portal, site, known)
        self._deliver()

    def _open(self, origin: Site, target: Site) -> bool:
        return origin is target or (origin, target) not in self.cut

    # Links.

    def _connect(self) -> None:
        """Portals call their cores; a connection that was silent too long is given up by either end."""
        for portal in Site:
            for core in Site:
                connection = self.connections.get((portal, core))
                both = self._open(portal, core) and self._open(core, portal)
                if connection is None:
                    if both and self.portals[portal].works and self.cores[core].works:
                        self.connections[portal, core] = Connection(self.now_ms)
                elif both and self.portals[portal].works and self.cores[core].works:
                    connection.heard_ms = self.now_ms
                elif self.now_ms - connection.heard_ms >= SILENCE_MS:
                    self._hang_up(portal, core, told=True)
        self._deliver()

    def _hang_up(self, portal: Site, core: Site, *, told: bool) -> None:
        if self.connections.pop((portal, core), None) is None or not told:
            return
        if self.cores[core].up:
            self.cores[core].board.part(portal)
        if portal is core and self.portals[portal].state is not None:
            self._send(portal, lambda: self._take(portal, CoreDown(at_ms=self.now_ms, orderly=False)))

    def _tell(self, portal: Site, core: Site, known: tuple[PortalStatus, ...]) -> None:
        if not (self._open(core, portal) and self._open(portal, core)):
            return

        def arrive() -> None:
            self._learn_core(portal, core)
            for word in known:
                self._hear(portal, word)
            if portal is core:
                self._take(portal, CoreUp(at_ms=self.now_ms))

        self._send(portal, arrive)

    def _keep_alive(self, origin: Site, word: PortalStatus) -> None:
        target = self.cores[origin.other]
        if target.works and self._open(origin, origin.other) and target.board.hear(word, self.now_ms, here=False):
            self._flight.append(lambda: self._beat_core(origin.other))

    def _send(self, target: Site, arrive: Callable[[], None]) -> None:
        portal = self.portals[target]
        if portal.state is None:
            return
        boot = portal.boot

        def unless_gone() -> None:
            if portal.state is not None and portal.boot == boot:
                arrive()

        (portal.backlog if portal.frozen else self._flight).append(unless_gone)

    def _deliver(self) -> None:
        while self._flight:
            self._flight.popleft()()

    # A portal, as `stubs.portal.runtime` runs it.

    def _take(self, site: Site, event: Event) -> None:
        portal = self.portals[site]
        if portal.state is None:
            return
        before = portal.state
        portal.state, effects = step(before, event)
        after = portal.state
        for effect in effects:
            self.history.append((self.now_ms, site, effect.role))
            settled = self.now_ms - self.restless_ms > 2 * HEARTBEAT_MS
            if self.roles() == (Role.AVAILABLE, Role.AVAILABLE) and self.link_whole() and settled:
                self.overlaps.append((self.now_ms, site))
        if effects or after.closing != before.closing or willing(after) != willing(before):
            self._speak(site)

    def _speak(self, site: Site) -> None:
        portal = self.portals[site]
        if portal.state is None or portal.moment is None:
            return
        portal.serial += 1
        portal.moment = replace(portal.moment, state=portal.state)
        word = portal.moment.word(serial=portal.serial, head=0, facts=portal.facts)
        if self._open(site, site.other) and not self.portal_path_cut:
            self._send(site.other, lambda: self._hear(site.other, word))
        for core in Site:
            if (site, core) in self.connections and self._open(site, core) and self._open(core, site):
                self._hear_at_core(core, word)

    def _hear_at_core(self, site: Site, word: PortalStatus) -> None:
        core = self.cores[site]
        if core.works and core.board.hear(word, self.now_ms):
            self._flight.append(lambda: self._beat_core(site))

    def _hear(self, site: Site, word: PortalStatus) -> None:
        portal = self.portals[site]
        if portal.state is None or portal.knowledge is None or word.site is site:
            return
        known = portal.state.peer
        if known is None or (word.newer_than(known.status) and known.status.facts != word.facts):
            portal.knowledge.learn_peer(word.facts)
            self._settled(portal)
        self._take(site, PeerHeard(at_ms=self.now_ms, status=word))

    def _learn_core(self, site: Site, core: Site) -> None:
        portal = self.portals[site]
        if portal.knowledge is not None:
            backs_up = self._ticked and core is P
            facts = CoreFacts(server=core.server, select=True, supports_resiliency=True, backs_up_portal=backs_up)
            portal.knowledge.learn_core(facts)
            if portal.state is not None and portal.state.ready is None:
                self._settled(portal)

    def _settled(self, portal: PortalPart) -> None:
        assert portal.knowledge is not None
        unmet = readiness.unmet(portal.knowledge.known(portal.facts))
        ready = not unmet if portal.knowledge.complete else None
        failback = portal.knowledge.primary(portal.facts).failback
        settled = Settled(at_ms=self.now_ms, ready=ready, failback=failback, detection_ms=DETECTION_MS)
        self._take(portal.site, settled)

    def _leave(self, site: Site, *, restart: bool) -> None:
        if self.portals[site].works:
            self._take(site, Close(at_ms=self.now_ms, restart=restart))
            self._deliver()
        self.kill_portal(site)
