"""Does the steps of a schedule to a bed: faults by the nemesis, settings and directory as their administrator. Acts."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from stubs.wire import ServerName, Site
from testbed import faults, settings, topology
from testbed.campaign.returning import RUNS_S, expected_back
from testbed.certificates import CertificateFault
from testbed.configure import configure, restart_portals
from testbed.errors import FaultError, MisuseError, RefusedError
from testbed.recording.observer import tell_configured
from testbed.schedules.condition import LINK, PATH, WAYS
from testbed.schedules.schedule import Verb
from testbed.schedules.trouble import DOMAIN, FAILBACK, FAILOVER, SETTINGS
from testbed.waiting import wait_until
from testbed.world import Failback

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed
    from testbed.faults import Fault
    from testbed.history import History
    from testbed.nemesis import Nemesis
    from testbed.schedules.schedule import Step

T = TypeVar("T")

TRIES = 3
"""So often an administrator logs in, whose session ends when another one's begins (whoever reads the losses, say)."""

_ENDS: dict[Verb, type[faults.Kill | faults.Stop | faults.Pause]] = {
    Verb.KILL: faults.Kill,
    Verb.STOP: faults.Stop,
    Verb.PAUSE: faults.Pause,
}
_WORSE = "worse"


class Actor:
    """Does one step after the other.

    Args:
        bed: to which bed.
        nemesis: that bed's, which waits for what it starts (`until_answering`).
        history: gets a line for each step.
    """

    def __init__(self, bed: Bed, nemesis: Nemesis, history: History) -> None:
        self._bed, self._nemesis, self._history = bed, nemesis, history
        self._in_force: dict[str, Fault] = {}
        self._changed: set[str] = set()
        self.failback = Failback(bed.topology.primary.failback)

    def do(self, step: Step) -> None:
        """Do a step; what it does is proved when this returns.

        Raises:
            NeverBackError: it needs a service that was started, and does not run.
            FaultError, EngineError, MisuseError, NotInTimeError: it could not be done.
        """
        fields: dict[str, Any] = {"at_ms": step.at_ms, "act": step.act, "target": step.target, "value": step.value}
        self._history.record("step", state="begins", **fields)
        self._do(step)
        self._history.record("step", state="ends", **fields)

    def heal_all(self) -> None:
        """Mend all that is broken.

        Raises:
            ExceptionGroup, FaultError, EngineError, NotInTimeError: of what could not be mended.
        """
        self._nemesis.heal_all()
        self._in_force.clear()
        for setting in [one for key, one in SETTINGS.items() if key in self._changed]:
            self._configure(setting.site, f"{setting.key}={setting.usual}")

    def restart_portals(self) -> None:
        """Restart both portals, as an administrator does who wants P to serve again (ROLE-8).

        Raises:
            NeverBackError: one does not answer, or did not come back.
            FaultError: one does not answer any more.
        """
        tell_configured(self._bed, self._history, state="begins")
        self._restart(*Site)
        tell_configured(self._bed, self._history, state="ends")

    def end_manual_failback(self) -> None:
        """Set failback to automatic, if it is not: whoever judges then knows where the pair settles.

        With manual failback that depends on who served before, which no history says of a time of restarts.

        Raises:
            NeverBackError, FaultError: as `restart_portals`.
        """
        if self.failback is Failback.MANUAL:
            self._configure(Site.PRIMARY, f"{FAILBACK}={Failback.AUTOMATIC.value}")

    def _do(self, step: Step) -> None:  # noqa: C901, PLR0912 - one branch for each kind of act
        match step.act:
            case Verb.KILL | Verb.STOP | Verb.PAUSE:
                target = self._target(step.target)
                if step.act is Verb.STOP:
                    self._until_it_runs(target)
                self._inject(step.target, _ENDS[step.act](target))
            case Verb.RESTART:
                target = self._target(step.target)
                self._until_it_runs(target)
                self._inject(step.target, faults.Restart(target))
                self._heal(step.target)
            case Verb.SLOW:
                self._restart_slowly(self._target(step.target), int(step.value))
            case Verb.START | Verb.RESUME | Verb.RESUME_CLOCK_FIRST:
                self._heal(step.target)
            case Verb.LOSE:
                self._inject(step.target, faults.Lose(ServerName(step.target)))
            case Verb.RESTORE:
                self._restore(step.target)
            case Verb.CUT | Verb.LOSS | Verb.RATE | Verb.FLAP:
                self._inject(_WORSE if step.act is not Verb.CUT else _link(step.target), self._of_link(step))
            case Verb.HEAL:
                self._heal(_link(step.target))
            case Verb.MEND:
                self._heal(_WORSE)
            case Verb.CERTIFICATE:
                fault = faults.Certificate(ServerName(step.target), CertificateFault(step.value))
                self._inject(f"certificate {step.target}", fault)
            case Verb.INSTALL:
                self._heal(f"certificate {step.target}")
            case Verb.CONFIGURE:
                self._configure(Site(step.target), step.value)
            case Verb.ENTER:
                self._enter(Site(step.target), step.value)
            case Verb.FILL | Verb.EMPTY | Verb.AGE:
                raise MisuseError(
                    f"cannot {step}: of disks only the simulator's schedules can be (testbed simulate --replay)"
                )

    def _inject(self, name: str, fault: Fault) -> None:
        self._in_force[name] = fault
        self._nemesis.inject(fault)

    def _heal(self, name: str) -> None:
        fault = self._in_force.pop(name, None)
        if fault is not None:
            self._nemesis.heal(fault)

    def _restore(self, site: str) -> None:
        """A server that is back has begun with all its services, those included that were down before it was lost."""
        self._heal(site)
        for name in [name for name in self._in_force if name.startswith(f"{site}/")]:
            self._heal(name)

    def _of_link(self, step: Step) -> Fault:
        if step.target == PATH:
            return faults.cut_portal_path(*self._bed.pair)
        one_way = step.target != LINK
        ways = {name: way for way, name in WAYS.items()}
        source, target = (self._bed.server(site) for site in ways.get(step.target, tuple(Site)))
        match step.act:
            case Verb.LOSS:
                return faults.loss(source, target, float(step.value), one_way=one_way)
            case Verb.RATE:
                return faults.rate(source, target, int(step.value), one_way=one_way)
            case Verb.FLAP:
                return faults.flap(source, target, down_ms=int(step.value), up_ms=int(step.value), one_way=one_way)
            case _:
                return faults.one_way(source, target) if one_way else faults.cut(source, target)

    def _target(self, text: str) -> faults.Target:
        site, _slash, service = text.partition("/")
        return getattr(self._bed.server(site), service)  # type: ignore[no-any-return]

    def _until_it_runs(self, target: faults.Target) -> None:
        """What has just been started would die of a signal without a word."""

        def look() -> str:
            view = self._bed.inspectors[target.server].services()
            return str(view[target.service]["state"]) if view else ""

        with expected_back(target):
            running = ("Available", "Starting")
            wait_until(look, lambda seen: seen in running, within_s=RUNS_S, what=f"{target} to run")

    def _restart_slowly(self, target: faults.Target, by_ms: int) -> None:
        """The restart is over when the service answers; so starts are not slow any more only after that."""
        self._until_it_runs(target)
        with self._nemesis.under(faults.SlowStart(target, by_ms)), self._nemesis.under(faults.Restart(target)):
            pass

    def _configure(self, site: Site, assignment: str) -> None:
        """Save a setting; when this returns it is in effect, and what follows from it has begun."""
        key, _equals, value = assignment.partition("=")
        changes = settings.parse([assignment.format(hostname=self._bed.server(site.value).hostname)])
        tell_configured(self._bed, self._history, state="begins")
        self._until_answering()
        _again(lambda: configure(self._bed, site, changes))
        if key in settings.ON_PAGES:
            # With both restarted P serves (ROLE-12); of P's alone S might make a failover.
            self._restart(*([site] if key == DOMAIN.key else Site))
        if key == FAILBACK:
            self.failback = Failback(value)
        elif value == SETTINGS[key].other:
            self._changed.add(key)
        else:
            self._changed.discard(key)
        self._until_answering()
        unmet = {*topology.unmet(self._bed.topology), *(SETTINGS[one].unmet for one in self._changed)}
        told: dict[str, Any] = {"unmet": sorted(unmet), "failback": self.failback.value}
        tell_configured(self._bed, self._history, state="ends", **told)

    def _restart(self, *sites: Site) -> None:
        self._until_answering()
        with expected_back(f"the portals of {' and '.join(sites)}"):
            _again(lambda: restart_portals(self._bed, sites))

    def _until_answering(self) -> None:
        """Cores and portals answer: what has just been started takes no order. With failover off S's is stopped."""
        off = FAILOVER.key in self._changed
        for site in Site:
            inspector = self._bed.inspectors[site]
            stopped = off and site is Site.SECONDARY
            look: Callable[[], object] = inspector.dormant_boot if stopped else inspector.resilience
            what = f"the {site.value}'s portal to {'stop by itself' if stopped else 'answer'}"
            with expected_back(f"the {site.value}'s portal"):
                wait_until(look, lambda seen: seen is not None, within_s=RUNS_S, what=what)
            with expected_back(f"the {site.value}'s core"):
                wait_until(inspector.redirect, bool, within_s=RUNS_S, what=f"the {site.value}'s core to answer")

    def _enter(self, site: Site, name: str) -> None:
        """Add an entry to the system directory; whoever does not serve refuses."""
        entry = {"name": name, "number": "100"}
        op = self._history.invoke(
            "change",
            client="administrator",
            user=self._bed.topology.administrator.name,
            server=site.value,
            collection="directory",
            item=None,
            fields=entry,
        )
        try:
            stored = self._bed.inspectors[site].administer("POST", "directory", entry)
        except RefusedError as error:
            self._history.complete(op, "fail", status=error.status, error=error.code, item=None, items=[])
        except FaultError as error:
            self._history.complete(op, "info", status=None, error=str(error), item=None, items=[])
        else:
            is_stored = isinstance(stored, dict) and stored.get("name") == name and "id" in stored
            item, status = (stored, 201) if is_stored else (None, None)
            self._history.complete(op, "ok" if is_stored else "fail", status=status, error=None, item=item, items=[])


def _link(target: str) -> str:
    return PATH if target == PATH else LINK


def _again(act: Callable[[], T]) -> T:
    """What an administrator's act comes to, tried again if another administrator's log-in ended the session."""
    for _ in range(TRIES - 1):
        try:
            return act()
        except RefusedError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
    return act()
