"""A simulated pair: what is done to it, how its time passes, and how it is copied. Pure."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, assert_never

from stubs.core.board import Board
from stubs.portal.knowledge import Knowledge
from stubs.portal.moment import Moment
from stubs.resilience import Role, State
from stubs.wire import CoreFacts, PortalFacts, Site
from stubs.wire import Failback as StubFailback
from testbed.simulator.acts import SERVICES, Act, Run, Verb
from testbed.simulator.parts import (
    FRESH_MS,
    HEARTBEAT_MS,
    Accept,
    Begin,
    Call,
    Core,
    CoreDue,
    CoreWaited,
    Disk,
    Gossip,
    Item,
    KeepAlive,
    Portal,
    PortalDue,
    PortalWaited,
    Setting,
    ToCore,
    ToPortal,
)
from testbed.simulator.processes import Processes
from testbed.simulator.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.resilience import RoleChanged

P, S = Site.PRIMARY, Site.SECONDARY


class Pair(Processes):
    """Two servers, whose processes start at their phases.

    Args:
        setting: what does not change.
        tell: called with each act and change of role, for a trace.
    """

    def __init__(self, setting: Setting, *, tell: Callable[[int, str], object] | None = None) -> None:
        super().__init__(setting)
        self.watch = Watch(setting)
        self.tell = tell
        for site in Site:
            self.portals[site] = self._portal(site)
            self.cores[site] = self._core(site)
        for service, phase_ms in zip(SERVICES, setting.phases_ms, strict=True):
            self.post(phase_ms, Begin(service))

    def _portal(self, site: Site) -> Portal:
        facts = PortalFacts(
            version="12.0",
            central_cti=True,
            failover=True,
            failback=StubFailback(self.setting.failback.value),
            detection_minutes=self.setting.minutes,
            host_domain_name=site.value,
        )
        hb, detection = HEARTBEAT_MS, self.setting.detection_ms
        state = State(site=site, started_at_ms=0, now_ms=0, detection_ms=detection, heartbeat_ms=hb)
        disk = Disk()
        moment = Moment(state=state, boot=0, unmet=(), why="")
        return Portal(site, disk, facts, moment, Knowledge(site, disk))

    def _core(self, site: Site) -> Core:
        ticked = site is P and self.setting.ticked
        facts = CoreFacts(server=site.server, select=True, supports_resiliency=ticked, backs_up_portal=ticked)
        return Core(site, facts, Board(FRESH_MS))

    def copied(self) -> Pair:
        """Another pair that is the same; what happens to either does not touch the other."""
        other = Pair.__new__(Pair)
        other.__dict__.update(self.__dict__)
        other.portals = {site: portal.copied() for site, portal in self.portals.items()}
        other.cores = {site: core.copied() for site, core in self.cores.items()}
        other.lines = {way: line.copied() for way, line in self.lines.items()}
        other.queue = list(self.queue)
        other.watch = self.watch.copied()
        return other

    # Time.

    def run(self, for_ms: int) -> None:
        """Let time pass."""
        end_ms = self.now_ms + for_ms
        queue = self.queue
        while queue and queue[0][0] <= end_ms:
            self.now_ms, _order, item = heapq.heappop(queue)
            self.steps += 1
            self._happen(item)
            self.watch.look(self)
        self.now_ms = end_ms
        self.watch.look(self)

    def serving(self, site: Site) -> bool:
        """Whether a portal takes log-ins now."""
        portal = self.portals[site]
        return portal.alive and not portal.paused and portal.moment.serves(self.now_ms)

    def _happen(self, item: Item) -> None:
        match item:
            case PortalDue() | CoreDue():
                self._due(item)
            case Begin(service):
                if self.condition.of(service) is not Run.DOWN:
                    self._begin(service)
            case Gossip(site) | ToPortal(site) | Call(site) | PortalWaited(site):
                self._come_to_portal(self.portals[site], item)
            case KeepAlive(site):
                self._come_to_core(self.cores[site], item)
            case Accept(_, site) | ToCore(_, site) | CoreWaited(_, site):
                self._come_to_core(self.cores[site], item)
            case _:
                assert_never(item)

    def _due(self, item: PortalDue | CoreDue) -> None:
        one: Portal | Core = self.portals[item.site] if isinstance(item, PortalDue) else self.cores[item.site]
        if not one.alive or one.boot != item.boot:
            return
        if one.paused:
            one.due_ms = 0  # missed
        elif one.due_ms > self.now_ms:
            self.post(one.due_ms - self.now_ms, item)
        elif isinstance(one, Portal):
            self.tick_portal(one)
        else:
            self.tick_core(one)

    def _come_to_portal(self, portal: Portal, item: Gossip | ToPortal | Call | PortalWaited) -> None:
        if portal.paused:
            portal.backlog.append(item)
        elif not portal.alive:
            return
        elif isinstance(item, Gossip):
            self.peer_spoke(portal, item.word)
        else:
            self.at_portal(item)

    def _come_to_core(self, core: Core, item: KeepAlive | Accept | ToCore | CoreWaited) -> None:
        if core.paused:
            core.backlog.append(item)
        elif not core.alive:
            return
        elif isinstance(item, KeepAlive):
            self.core_told(core, item.words)
        else:
            self.at_core(core, item)

    # What is done to it.

    def act(self, act: Act) -> None:
        """Do it now.

        Raises:
            MisuseError: it does not fit the condition.
        """
        before, self.condition = self.condition, self.condition.after(act)
        if self.tell is not None:
            self.tell(self.now_ms, f"-- {act}")
        self.watch.acted(self, act, before)
        if act.verb in (Verb.HEAL, Verb.RESTORE):
            self.repeat()
        if act.verb in (Verb.LOSE, Verb.RESTORE):
            for service in ("core", "portal"):
                self._do(Verb.KILL if act.verb is Verb.LOSE else Verb.START, f"{act.target}/{service}")
        elif act.target in SERVICES:
            self._do(act.verb, act.target)
        self.watch.look(self)

    def _do(self, verb: Verb, service: str) -> None:
        site, name = Site(service.partition("/")[0]), service.partition("/")[2]
        if verb is Verb.START:
            self._begin(service)
        elif name == "portal":
            self._do_portal(verb, self.portals[site])
        else:
            self._do_core(verb, self.cores[site])
        if verb is Verb.RESTART:
            self.post(HEARTBEAT_MS, Begin(service))

    def _do_portal(self, verb: Verb, portal: Portal) -> None:
        if verb is Verb.PAUSE:
            portal.paused = True
        elif verb in (Verb.RESUME, Verb.RESUME_CLOCK_FIRST):
            self._resume_portal(portal, clock_first=verb is Verb.RESUME_CLOCK_FIRST)
        elif verb is not Verb.KILL and portal.works:
            self.leave_portal(portal, restart=verb is Verb.RESTART)
        else:
            self.end_portal(portal)

    def _do_core(self, verb: Verb, core: Core) -> None:
        if verb is Verb.PAUSE:
            core.paused = True
        elif verb is Verb.RESUME:
            self._resume_core(core)
        else:
            if verb is Verb.STOP and core.works:
                self.beat(core, farewell=True)
            self.end_core(core)

    def _begin(self, service: str) -> None:
        site, _, name = service.partition("/")
        one: Portal | Core = self.portals[Site(site)] if name == "portal" else self.cores[Site(site)]
        if one.alive:
            return
        if isinstance(one, Portal):
            self.begin_portal(one)
        else:
            self.begin_core(one)
        if self.condition.of(service) is Run.PAUSED:
            one.paused = True

    def _resume_portal(self, portal: Portal, *, clock_first: bool) -> None:
        """It goes on; what waited in its sockets is read before a wait counts as too long."""
        portal.paused, missed = False, portal.alive and portal.due_ms == 0
        waited, portal.backlog = portal.backlog, []
        if missed and clock_first:
            self.tick_portal(portal)
        for item in sorted(waited, key=lambda one: isinstance(one, PortalWaited)):
            self._happen(item)
        if missed and not clock_first:
            self.tick_portal(portal)

    def _resume_core(self, core: Core) -> None:
        core.paused, missed = False, core.alive and core.due_ms == 0
        waited, core.backlog = core.backlog, []
        for item in sorted(waited, key=lambda one: isinstance(one, CoreWaited)):
            self._happen(item)
        if missed:
            self.tick_core(core)

    # What is seen of it.

    def role_changed(self, portal: Portal, effect: RoleChanged) -> None:
        """A portal begins or ceases to serve."""
        if self.tell is not None:
            self.tell(self.now_ms, f"   {portal.site.value} is {effect.role.value}: {effect.why}")
        self.watch.role_changed(self, portal.site, begins=effect.role is Role.AVAILABLE)

    def followed(self) -> None:
        """The secondary took the primary's changes over."""
        self.watch.followed(self)
