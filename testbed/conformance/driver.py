"""Lets scenarios happen to a client, and takes down what the servers saw. Judges nothing itself; waits for states."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from stubs.wire import Site
from testbed import faults
from testbed.certificates import CertificateFault
from testbed.conformance import acts, keeping
from testbed.conformance.acts import WATCHED_S, Act, Taken
from testbed.conformance.judgement import ENOUGH, how_ended, is_settled
from testbed.conformance.results import Row, rows_of, unknown_rows
from testbed.conformance.scenarios import NOT_OF, WRONG, Injury, State, Step
from testbed.errors import BedError, NotInTimeError
from testbed.faults import Certificate
from testbed.history import SystemClock
from testbed.undo import Undo
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from testbed.bed import Bed
    from testbed.conformance.attempts import Attempts
    from testbed.conformance.command import Client
    from testbed.conformance.keeping import Items
    from testbed.conformance.plan import Plan
    from testbed.conformance.scenarios import Kind, Scenario
    from testbed.faults import Fault
    from testbed.nemesis import Nemesis
    from testbed.recording.sightings import Sighting
    from testbed.recording.watch import Watch

LEADS_S = 30.0
"""How long a fault may take to lead to its state, in seconds, beyond the detection time: a slow machine needs it."""

FURTHER_S = 1.0
"""How long a client is watched with each wrong certificate but the first, in seconds (reading "long enough")."""

EVERY_S = 0.05
"""Pause between two looks at what the servers saw, in seconds."""


CERTIFICATES = {
    Injury.UNKNOWN_CA: CertificateFault.UNKNOWN_CA,
    Injury.WRONG_HOST: CertificateFault.WRONG_HOST,
    Injury.EXPIRED: CertificateFault.EXPIRED,
}
"""How each wrong certificate of a scenario is staged."""


class Driver:
    """Drives one client.

    Args:
        bed: where.
        nemesis: of that bed.
        watch: what its servers see; begun before the client.
        attempts: what they did not see, counted.
        client: whether it still runs.
        plan: what it is taken for, and how long it may take.
    """

    def __init__(  # noqa: PLR0913 - what a run is made of
        self, bed: Bed, nemesis: Nemesis, watch: Watch, attempts: Attempts, client: Client, *, plan: Plan
    ) -> None:
        self._bed, self._nemesis, self._watch = bed, nemesis, watch
        self._attempts, self._client = attempts, client
        self._plan, self._kind, self._address = plan, plan.kind, plan.address
        self._shown: Certificate | None = None
        self._passwords = {user.name: user.password for user in bed.topology.users}
        self._clock = SystemClock()

    def connects(self, *, within_s: float) -> bool:
        """Wait until the client is logged in at the primary; whether it was seen at all.

        Args:
            within_s: how long, in seconds.
        """
        primary, secondary = (server.portal_server.name for server in self._bed.pair)
        self._give_time(lambda: acts.is_at(self._seen(), primary, secondary), within_s=within_s)
        return bool(self._seen())

    def instead(self) -> str | None:
        """What was seen of the client at the primary, instead of a log-in that holds there; `None`: it is logged in."""
        primary, secondary = (server.portal_server.name for server in self._bed.pair)
        seen = self._seen()
        return None if acts.is_at(seen, primary, secondary) else acts.what_came(seen, primary)

    def scenario(self, scenario: Scenario, rows: list[Row]) -> None:
        """Let a scenario happen, from normal running to normal running.

        Args:
            scenario: which.
            rows: gets the verdicts, each as soon as it is known.

        Raises:
            FaultError, EngineError, NotInTimeError: the testbed failed, not the client.
        """
        began_at, steps = self._now(), scenario.steps_for(self._kind)
        self._shown = None
        with Undo() as undo:
            undo.callback(self._nemesis.heal_all)
            for place, step in enumerate(steps):
                ended = self._client.ended()
                if ended is not None:
                    rows += unknown_rows(scenario, steps[place:], self._kind, how_ended(ended))
                    break
                rows += rows_of(scenario, step, self._kind, self._step(step, since=began_at))
        self._bed.wait_until_settled(every_s=EVERY_S)
        if self._client.ended() is None:
            self.connects(within_s=self._plan.within_s)

    def _step(self, step: Step, *, since: str) -> Act:
        source, target = (self._bed.server(site).portal_server.name for site in (step.source, step.target))
        dies = Injury.PORTAL_KILLED in step.injects or Injury.PORTAL_STOPPED in step.injects
        further = self._shown is not None
        act = Act(
            source=source,
            target=target,
            before=self._seen(),
            during=(),
            began_at=self._now(),
            certificate=next((WRONG[injury] for injury in step.injects if injury in WRONG), ""),
            watch_s=FURTHER_S if further else WATCHED_S,
        )
        tried, began_ms = self._attempts.at(source), self._clock.monotonic_ms()
        kept = self._bring_about(step)
        act, serving_ms = replace(act, serving_at=self._now()), self._clock.monotonic_ms()
        # Until now the certificate before was shown: what a client did with that one is judged already.
        since_at = act.serving_at if further and act.serving_at else act.began_at
        if step.state is State.NORMAL:
            self._bed.wait_until_settled(every_s=EVERY_S)
            act = replace(act, taken=self._taken(since))

        def look() -> Act:
            now_ms = self._clock.monotonic_ms()
            return replace(
                act,
                during=tuple(one for one in self._seen() if one.at >= since_at),
                watched_s=(now_ms - serving_ms) / 1000,
                tried=self._attempts.at(source) - tried if dies else None,
                dead_s=(now_ms - began_ms) / 1000 if dies else 0.0,
                taken=self._made_again(act.taken, kept),
                ended=self._client.ended(),
            )

        self._give_time(lambda: self._is_over(step, look()), within_s=self._plan.within_s)
        return look()

    def _bring_about(self, step: Step) -> dict[str, Items]:
        """Inject what the step injects, and wait for the state that this leads to; or heal everything.

        Returns:
            What the secondary kept just before the healing took it back, by user.
        """
        if step.injects:
            for injury in step.injects:
                self._inject(self._fault(injury))
            self._leads_to(step.state)
            return {}
        kept = self._kept(Site.SECONDARY, self._users())
        self._nemesis.heal_all()
        self._leads_to(step.state, meanwhile=lambda: kept.update(self._kept(Site.SECONDARY, self._users())))
        return kept

    def _inject(self, fault: Fault) -> None:
        """A wrong certificate takes the place of the one before."""
        if isinstance(fault, Certificate) and self._shown is not None:
            self._nemesis.exchange(self._shown, fault)
        else:
            self._nemesis.inject(fault)
        if isinstance(fault, Certificate):
            self._shown = fault

    def _is_over(self, step: Step, act: Act) -> bool:
        """Whether a step has shown what it can show; one that is not judged brings the client to its target."""
        checks = [check for check, _rules in step.checks if check not in NOT_OF[self._kind]]
        if not checks:
            # Logged in, and what a client does at once after that is done: it is read before it is taken back.
            return len(acts.served(act.during, act.target)) > ENOUGH
        return all(is_settled(check, self._kind, act) for check in checks)

    def _give_time(self, done: Callable[[], bool], *, within_s: float) -> None:
        """Wait until it is so, the client has ended, or its time is over."""
        try:
            wait_until(
                lambda: done() or self._client.ended() is not None,
                bool,
                within_s=within_s,
                what="the client",
                every_s=EVERY_S,
            )
        except NotInTimeError:
            return  # a verdict, and no error: whoever judges sees what it has not done

    def _leads_to(self, state: State, *, meanwhile: Callable[[], object] = lambda: None) -> None:
        wanted = {
            State.FAILOVER: (False, True),
            State.STAND_ALONE: (True, True),
            State.NORMAL: (True, False),
        }[state]
        topology = self._bed.topology
        detection_s = topology.primary.detection_minutes * 60 * topology.time_scale

        def look() -> tuple[bool, ...]:
            meanwhile()
            return tuple(self._bed.inspectors[site].portal_row().get("state") == "Available" for site in Site)

        wait_until(
            look,
            lambda serves: serves == wanted,
            within_s=LEADS_S + 2 * detection_s,
            what=f"{self._bed.name} to be in {state.value} (the primary serves, the secondary serves)",
        )

    def _fault(self, injury: Injury) -> Fault:
        bed = self._bed
        match injury:
            case Injury.PORTAL_KILLED:
                return faults.Kill(bed.primary.portal)
            case Injury.PORTAL_STOPPED:
                return faults.Stop(bed.primary.portal)
            case Injury.LINK_CUT:
                return faults.split(bed.side(Site.PRIMARY), bed.side(Site.SECONDARY))
            case Injury.UNKNOWN_CA | Injury.WRONG_HOST | Injury.EXPIRED:
                return faults.certificate(bed.secondary.portal_server, CERTIFICATES[injury])
            case _:
                assert_never(injury)

    def _taken(self, since: str) -> tuple[Taken, ...] | None:
        """What the secondary's portal took back of this client's users since then; `None`: nobody says, or of whom."""
        users = self._users()
        try:
            page = self._bed.inspectors[Site.SECONDARY].administer("GET", "resiliency")
        except BedError:
            return None
        return keeping.taken(page["discarded"]["changes"], since=since, owners=users) if users else None

    def _made_again(self, taken: tuple[Taken, ...] | None, before: Mapping[str, Items]) -> tuple[Taken, ...] | None:
        if not taken:
            return taken
        now = self._kept(Site.PRIMARY, dict.fromkeys(one.owner for one in taken))
        return tuple(replace(one, is_there=keeping.is_there(one, before, now)) for one in taken)

    def _kept(self, site: Site, owners: Iterable[str]) -> dict[str, Items]:
        return keeping.read(self._bed.inspectors[site], self._passwords, owners)

    def _users(self) -> list[str]:
        """Who the client has logged in as. What others do beside it is not held against it."""
        return acts.users(self._seen())

    def _seen(self) -> tuple[Sighting, ...]:
        return tuple(one for one in self._watch.look() if self._address in (None, one.client))

    def _now(self) -> str:
        return self._clock.wall().isoformat(timespec="milliseconds")


def after(scenarios: Sequence[Scenario], kind: Kind, why: str) -> list[Row]:
    """The verdicts on scenarios that did not take place."""
    return [row for one in scenarios for row in unknown_rows(one, one.steps_for(kind), kind, why)]
