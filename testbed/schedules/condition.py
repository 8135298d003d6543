"""What is broken in a pair, and what can be done to it then: faults and their undoing. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from stubs.wire import Site
from testbed.errors import MisuseError
from testbed.schedules.schedule import Act, Verb
from testbed.world import Failback, Side, World

LINK, PATH = "link", "portal path"
WAYS = {(Site.PRIMARY, Site.SECONDARY): "primary to secondary", (Site.SECONDARY, Site.PRIMARY): "secondary to primary"}
"""One direction of the link, by who speaks and who hears."""


class Run(StrEnum):
    """How a process is."""

    RUNS = "runs"
    PAUSED = "paused"
    DOWN = "down"


SERVICES = tuple(f"{site.value}/{service}" for site in Site for service in ("portal", "core"))


@dataclass(frozen=True)
class Condition:
    """What is broken in a pair.

    Attributes:
        services: how each process is.
        cut: the directions of the link that are cut by a fault.
        path_cut: the way between the portals is cut.
        lost: servers that are lost.
        full: servers whose disk takes nothing more.
    """

    services: tuple[Run, ...] = (Run.RUNS,) * 4
    cut: frozenset[tuple[Site, Site]] = frozenset()
    path_cut: bool = False
    lost: frozenset[Site] = frozenset()
    full: frozenset[Site] = frozenset()

    def of(self, service: str) -> Run:
        """How a process is."""
        return self.services[SERVICES.index(service)]

    def open(self, origin: Site, target: Site) -> bool:
        """Whether what one server says reaches the other."""
        return origin is target or not (self.lost or (origin, target) in self.cut)

    @property
    def link_whole(self) -> bool:
        """Both directions carry everything, and both servers are there."""
        return not (self.cut or self.lost)

    @property
    def is_healthy(self) -> bool:
        """Nothing is broken."""
        return self == Condition()

    def after(self, act: Act) -> Condition:  # noqa: C901, PLR0911 - one line for each kind of act
        """What is broken then.

        Raises:
            MisuseError: the act does not fit: a process that is down cannot be killed.
        """
        if act not in (*possible(self), *possible_to_disks(self)):
            raise MisuseError(f"cannot {act}: the pair is not in such a condition")
        match act.verb:
            case Verb.KILL | Verb.STOP:
                return self._with(act.target, Run.DOWN)
            case Verb.PAUSE:
                return self._with(act.target, Run.PAUSED)
            case Verb.RESTART | Verb.START | Verb.RESUME | Verb.RESUME_CLOCK_FIRST:
                return self._with(act.target, Run.RUNS)
            case Verb.CUT:
                return replace(self, path_cut=True) if act.target == PATH else replace(self, cut=_ways(act.target))
            case Verb.HEAL:
                return replace(self, path_cut=False) if act.target == PATH else replace(self, cut=frozenset())
            case Verb.LOSE | Verb.RESTORE:
                lost = act.verb is Verb.LOSE
                run = Run.DOWN if lost else Run.RUNS
                site = Site(act.target)
                services = (
                    run if name.startswith(site.value) else old
                    for name, old in zip(SERVICES, self.services, strict=True)
                )
                lost_now = self.lost | {site} if lost else self.lost - {site}
                return replace(self, services=tuple(services), lost=lost_now)
            case Verb.FILL:
                return replace(self, full=self.full | {Site(act.target)})
            case Verb.EMPTY:
                return replace(self, full=self.full - {Site(act.target)})
            case Verb.AGE:
                return self
            case _:
                raise MisuseError(f"cannot {act}: that is nothing that can be done to a pair alone")

    def _with(self, service: str, run: Run) -> Condition:
        place = SERVICES.index(service)
        return replace(self, services=(*self.services[:place], run, *self.services[place + 1 :]))

    def world(self, *, failback: Failback, unmet: frozenset[str], secondary_served: bool) -> World:
        """The same, as the oracle takes it."""
        primary, secondary = (self._side(site) for site in Site)
        return World(
            primary=primary,
            secondary=secondary,
            primary_to_secondary_cut=not self.open(Site.PRIMARY, Site.SECONDARY),
            secondary_to_primary_cut=not self.open(Site.SECONDARY, Site.PRIMARY),
            portal_path_cut=self.path_cut,
            unmet=unmet,
            failback=failback,
            secondary_served=secondary_served,
        )

    def _side(self, site: Site) -> Side:
        core, portal = (self.of(f"{site.value}/{service}") is Run.RUNS for service in ("core", "portal"))
        return Side(core_up=core, portal_up=portal, lost=site in self.lost)


def possible(condition: Condition) -> tuple[Act, ...]:
    """Everything that can be done now, faults first, always in the same order."""
    faults: list[Act] = []
    undoings: list[Act] = []
    for service in SERVICES:
        site = Site(service.partition("/")[0])
        if site in condition.lost:
            continue
        match condition.of(service):
            case Run.RUNS:
                faults += [Act(verb, service) for verb in (Verb.KILL, Verb.STOP, Verb.PAUSE, Verb.RESTART)]
            case Run.PAUSED:
                verbs = (Verb.RESUME, Verb.RESUME_CLOCK_FIRST) if service.endswith("portal") else (Verb.RESUME,)
                undoings += [Act(verb, service) for verb in verbs]
            case Run.DOWN:
                undoings.append(Act(Verb.START, service))
    for site in Site:
        if site in condition.lost:
            undoings.append(Act(Verb.RESTORE, site.value))
        else:
            faults.append(Act(Verb.LOSE, site.value))
    if condition.cut:
        undoings.append(Act(Verb.HEAL, LINK))
    else:
        faults += [Act(Verb.CUT, target) for target in (LINK, *WAYS.values())]
    (undoings if condition.path_cut else faults).append(Act(Verb.HEAL if condition.path_cut else Verb.CUT, PATH))
    return (*faults, *undoings)


def possible_to_disks(condition: Condition) -> tuple[Act, ...]:
    """Everything that can be done to the disks now."""
    found = [Act(Verb.EMPTY if site in condition.full else Verb.FILL, site.value) for site in Site]
    down = [site for site in Site if condition.of(f"{site.value}/portal") is Run.DOWN]
    return (*found, *(Act(Verb.AGE, site.value) for site in down if site not in condition.full))


def _ways(target: str) -> frozenset[tuple[Site, Site]]:
    return frozenset(way for way, name in WAYS.items() if target in (LINK, name))
