"""What is done to a simulated pair: faults and their undoing, of processes, links and disks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs.wire import Site
from testbed.schedules.condition import SERVICES, Run
from testbed.schedules.schedule import Act, Verb
from testbed.simulator.items import Begin, CoreWaited, FeederWaited, FollowerWaited, PortalWaited
from testbed.simulator.ledger import Change, Ledger
from testbed.simulator.parts import HEARTBEAT_MS, Core, Portal
from testbed.simulator.processes import Processes
from testbed.simulator.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.simulator.items import Item
    from testbed.simulator.parts import Setting

EAGER = 2
"""So many changes the users of a portal make, one a heartbeat, after something was done or a role has changed."""


class Acts(Processes):
    """Processes to which things are done.

    Attributes:
        watch: judges what comes of it.
        ledger: what users were told.
        backup: what was on the disks when the pair first settled, and P's changes by then.
        tell: called with each act and change of role, for a trace.
    """

    def __init__(self, setting: Setting, tell: Callable[[int, str], object] | None) -> None:
        super().__init__(setting)
        self.watch = Watch(setting)
        self.ledger = Ledger()
        self.backup: tuple[dict[Site, bytes], tuple[Change, ...]] | None = None
        self.tell = tell

    def happen(self, item: Item) -> None:
        """Something comes to whom it is for."""
        raise NotImplementedError

    def serving(self, site: Site) -> bool:
        """Whether a portal takes log-ins now."""
        portal = self.portals[site]
        return portal.alive and not portal.paused and portal.moment.serves(self.now_ms)

    def stir(self) -> None:
        """Something has happened: users are about to change something wherever they are served."""
        for portal in self.portals.values():
            portal.eager = EAGER

    def act(self, act: Act) -> None:
        """Do it now.

        Raises:
            MisuseError: it does not fit the condition.
        """
        before, self.condition = self.condition, self.condition.after(act)
        if self.tell is not None:
            self.tell(self.now_ms, f"-- {act}")
        self.watch.acted(self, act, before)
        self.stir()
        if act.verb in (Verb.HEAL, Verb.RESTORE):
            self.repeat()
        if act.verb in (Verb.LOSE, Verb.RESTORE):
            for service in ("core", "portal"):
                self._do(Verb.KILL if act.verb is Verb.LOSE else Verb.START, f"{act.target}/{service}")
            if act.verb is Verb.LOSE:
                self.portals[Site(act.target)].disk.lose_power()
        elif act.verb in (Verb.FILL, Verb.EMPTY, Verb.AGE):
            self._do_disk(act.verb, Site(act.target))
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
            if self.serving(portal.site):
                self.ledger.break_off(portal.disk)
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

    def _do_disk(self, verb: Verb, site: Site) -> None:
        disk = self.portals[site].disk
        if verb is not Verb.AGE:
            disk.fill(full=verb is Verb.FILL)
        elif self.backup is not None:
            content, log = self.backup
            copied = self.portals[Site.SECONDARY].disk.store.head()
            disk.become(content[site])
            if site is Site.PRIMARY:
                self.ledger.replaced(log, copied=copied)
            else:
                self.ledger.lost()

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
        for item in sorted(waited, key=lambda one: isinstance(one, PortalWaited | FollowerWaited | FeederWaited)):
            self.happen(item)
        if missed and not clock_first:
            self.tick_portal(portal)

    def _resume_core(self, core: Core) -> None:
        core.paused, missed = False, core.alive and core.due_ms == 0
        waited, core.backlog = core.backlog, []
        for item in sorted(waited, key=lambda one: isinstance(one, CoreWaited)):
            self.happen(item)
        if missed:
            self.tick_core(core)
