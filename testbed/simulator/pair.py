"""A simulated pair: how its time passes, how it is copied, and what is seen of it. Pure."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, assert_never

from stubs.core.board import Board
from stubs.portal.knowledge import Knowledge
from stubs.portal.moment import Moment
from stubs.resilience import Role, State
from stubs.wire import CoreFacts, PortalFacts, Site
from stubs.wire import Failback as StubFailback
from testbed.schedules.condition import SERVICES, Run
from testbed.simulator.acts import Acts
from testbed.simulator.disk import Disk
from testbed.simulator.items import (
    Accept,
    Begin,
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
)
from testbed.simulator.parts import FRESH_MS, HEARTBEAT_MS, Core, Portal, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.resilience import RoleChanged

P, S = Site.PRIMARY, Site.SECONDARY


class Pair(Acts):
    """Two servers, whose processes start at their phases.

    Args:
        setting: what does not change.
        tell: called with each act and change of role, for a trace.
    """

    def __init__(self, setting: Setting, *, tell: Callable[[int, str], object] | None = None) -> None:
        super().__init__(setting, tell)
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
        state = State(site=site, boot=0, started_at_ms=0, now_ms=0, detection_ms=detection, heartbeat_ms=hb)
        disk = Disk(site)
        moment = Moment(state=state, unmet=(), why="")
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
        other.data = self.data.copied()
        other.watch = self.watch.copied()
        other.ledger = self.ledger.copied()
        return other

    def rest(self) -> None:
        """Only copies of it will go on: keep it small."""
        for portal in self.portals.values():
            portal.disk.rest()

    # Time.

    def run(self, for_ms: int) -> None:
        """Let time pass."""
        end_ms = self.now_ms + for_ms
        queue = self.queue
        while queue and queue[0][0] <= end_ms:
            self.now_ms, _order, item = heapq.heappop(queue)
            self.steps += 1
            self.happen(item)
            if not queue or queue[0][0] > self.now_ms:
                self.watch.look(self)
        self.now_ms = end_ms
        self.watch.look(self)

    def settled(self) -> None:
        """Nothing happens any more: what is so is judged. Backups of the disks are of the first such time."""
        self.watch.settled(self)
        if self.backup is None:
            disks = {site: portal.disk.content() for site, portal in self.portals.items()}
            self.backup = disks, self.ledger.primary

    def happen(self, item: Item) -> None:
        """Something comes to whom it is for."""
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
            case FollowDue() | ToFollower() | FollowerWaited():
                self._come_to_portal(self.portals[S], item)
            case ToFeeder() | FeedDue() | FeederWaited():
                self._come_to_portal(self.portals[P], item)
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

    def _come_to_portal(self, portal: Portal, item: Gossip | ToPortal | Call | PortalWaited | OfData) -> None:
        if portal.paused:
            portal.backlog.append(item)
        elif not portal.alive:
            return
        elif isinstance(item, Gossip):
            self.peer_spoke(portal, item.word)
        elif isinstance(item, FollowDue | ToFollower | FollowerWaited):
            self.at_follower(item)
        elif isinstance(item, ToFeeder | FeedDue | FeederWaited):
            self.at_feeder(item)
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

    # What is seen of it.

    def role_changed(self, portal: Portal, effect: RoleChanged) -> None:
        """A portal begins or ceases to serve."""
        if self.tell is not None:
            self.tell(self.now_ms, f"   {portal.site.value} is {effect.role.value}: {effect.why}")
        begins = effect.role is Role.AVAILABLE
        self.stir()
        self.ledger.afresh |= begins and portal.site is S
        self.watch.role_changed(self, portal.site, begins=begins)

    def work(self, portal: Portal) -> None:
        """A user of a portal changes something."""
        broken = self.ledger.work(portal.disk)
        if broken is not None:
            self.watch.find(self.now_ms, broken)
        if portal.site is P:
            self.changed()

    def sent(self, entries: int) -> None:
        """The primary sends changes."""
        self.watch.sent(self, entries)

    def took(self, entries: int) -> None:
        """The secondary took them over."""
        self.watch.took(self, entries)

    def took_back(self, count: int) -> None:
        """The secondary took its own changes back."""
        if self.tell is not None and count:
            self.tell(self.now_ms, f"   secondary takes {count} changes back")
        self.watch.took_back(self, count)
        self.ledger.take_back()
