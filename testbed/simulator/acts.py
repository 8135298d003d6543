"""What can be done to a simulated pair: faults and their undoing, as data. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from stubs.wire import Site
from testbed.errors import MisuseError
from testbed.world import Failback, Side, World


class Verb(StrEnum):
    """What is done."""

    KILL = "kill"
    STOP = "stop"
    PAUSE = "pause"
    RESTART = "restart"
    LOSE = "lose"
    CUT = "cut"
    START = "start"
    RESUME = "resume"
    RESUME_CLOCK_FIRST = "resume, clock first"
    """As resume, but the process meets that its heartbeat is due before it reads what waited for it."""

    RESTORE = "restore"
    HEAL = "heal"


FAULTS = (Verb.KILL, Verb.STOP, Verb.PAUSE, Verb.RESTART, Verb.LOSE, Verb.CUT)
"""The six fault kinds of a pair; everything else undoes one."""

LINK, PATH = "link", "portal path"
WAYS = {(Site.PRIMARY, Site.SECONDARY): "primary to secondary", (Site.SECONDARY, Site.PRIMARY): "secondary to primary"}
"""One direction of the link, by who speaks and who hears."""


class Act(NamedTuple):
    """One thing done to one target."""

    verb: Verb
    target: str

    @property
    def is_fault(self) -> bool:
        """Whether it breaks something; else it undoes that."""
        return self.verb in FAULTS

    def __str__(self) -> str:
        return f"{self.verb.value} {self.target}"


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
    """

    services: tuple[Run, ...] = (Run.RUNS,) * 4
    cut: frozenset[tuple[Site, Site]] = frozenset()
    path_cut: bool = False
    lost: frozenset[Site] = frozenset()

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

    def after(self, act: Act) -> Condition:
        """What is broken then.

        Raises:
            MisuseError: the act does not fit: a process that is down cannot be killed.
        """
        if act not in possible(self):
            raise MisuseError(f"cannot {act}: the pair is not in such a condition (simulator)")
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


def _ways(target: str) -> frozenset[tuple[Site, Site]]:
    return frozenset(way for way, name in WAYS.items() if target in (LINK, name))
