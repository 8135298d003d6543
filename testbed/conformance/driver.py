"""Lets scenarios happen to a client, and takes down what the servers saw. Judges nothing itself; waits for states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from stubs.wire import Site
from testbed import faults
from testbed.certificates import CertificateFault
from testbed.conformance import acts, keeping
from testbed.conformance.acts import Act, Taken
from testbed.conformance.judgement import ENOUGH, how_ended, is_settled
from testbed.conformance.results import Row, rows_of, unknown_rows
from testbed.conformance.scenarios import NOT_OF, Injury, Kind, State, Step
from testbed.errors import BedError, NotInTimeError
from testbed.history import SystemClock
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from testbed.bed import Bed
    from testbed.conformance.attempts import Attempts
    from testbed.conformance.command import Client
    from testbed.conformance.keeping import Items
    from testbed.conformance.scenarios import Scenario
    from testbed.faults import Fault
    from testbed.nemesis import Nemesis
    from testbed.sightings import Sighting
    from testbed.watch import Watch

LEADS_S = 30.0
"""How long a fault may take to lead to its state, in seconds, beyond the detection time: a slow machine needs it."""

EVERY_S = 0.05
"""Pause between two looks at what the servers saw, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done to whom.

    Attributes:
        scenarios: what to do.
        kind: what the client is taken for.
        within_s: how long it may take to do what it must, in seconds.
        command: the program with its arguments and placeholders; empty: the client runs already.
        address: the client's address; any, if left out.
    """

    scenarios: tuple[Scenario, ...]
    kind: Kind
    within_s: float
    command: tuple[str, ...] = ()
    address: str | None = None


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
        self._kind, self._within_s, self._address = plan.kind, plan.within_s, plan.address
        self._passwords = {user.name: user.password for user in bed.topology.users}
        self._clock = SystemClock()

    def connects(self) -> bool:
        """Wait until the client is logged in at the primary; whether it was seen at all."""
        primary, secondary = (server.portal_server.name for server in self._bed.pair)
        self._give_time(lambda: acts.is_at(self._seen(), primary, secondary))
        return bool(self._seen())

    def scenario(self, scenario: Scenario) -> list[Row]:
        """Let a scenario happen, from normal running to normal running; the verdicts.

        Raises:
            FaultError, EngineError, NotInTimeError: the testbed failed, not the client.
        """
        rows: list[Row] = []
        began_at = self._now()
        try:
            for place, step in enumerate(scenario.steps):
                ended = self._client.ended()
                if ended is not None:
                    rows += unknown_rows(scenario, scenario.steps[place:], self._kind, how_ended(ended))
                    break
                rows += rows_of(scenario, step, self._kind, self._step(step, since=began_at))
        finally:
            self._nemesis.heal_all()
        self._bed.wait_until_settled(every_s=EVERY_S)
        if self._client.ended() is None:
            self.connects()
        return rows

    def _step(self, step: Step, *, since: str) -> Act:
        source, target = (self._bed.server(site).portal_server.name for site in (step.source, step.target))
        dies = Injury.PORTAL_KILLED in step.injects or Injury.PORTAL_STOPPED in step.injects
        began_at, before = self._now(), self._seen()
        act = Act(source=source, target=target, before=before, during=(), began_at=began_at)
        tried, began_ms = self._attempts.at(source), self._clock.monotonic_ms()
        kept = self._bring_about(step)
        act, serving_ms = replace(act, serving_at=self._now()), self._clock.monotonic_ms()
        if step.state is State.NORMAL:
            self._bed.wait_until_settled(every_s=EVERY_S)
            act = replace(act, taken=self._taken(since))

        def look() -> Act:
            now_ms = self._clock.monotonic_ms()
            return replace(
                act,
                during=tuple(one for one in self._seen() if one.at >= began_at),
                watched_s=(now_ms - serving_ms) / 1000,
                tried=self._attempts.at(source) - tried if dies else None,
                dead_s=(now_ms - began_ms) / 1000 if dies else 0.0,
                taken=self._made_again(act.taken, kept),
                ended=self._client.ended(),
            )

        self._give_time(lambda: self._is_over(step, look()))
        return look()

    def _bring_about(self, step: Step) -> dict[str, Items]:
        """Inject what the step injects, and wait for the state that this leads to; or heal everything.

        Returns:
            What the secondary kept just before the healing took it back, by user.
        """
        if step.injects:
            for injury in step.injects:
                self._nemesis.inject(self._fault(injury))
            self._leads_to(step.state)
            return {}
        kept = self._kept(Site.SECONDARY, self._passwords)
        self._nemesis.heal_all()
        self._leads_to(step.state, meanwhile=lambda: kept.update(self._kept(Site.SECONDARY, self._passwords)))
        return kept

    def _is_over(self, step: Step, act: Act) -> bool:
        """Whether a step has shown what it can show; one that is not judged brings the client to its target."""
        checks = [check for check, _rules in step.checks if check not in NOT_OF[self._kind]]
        if not checks:
            # Logged in, and what a client does at once after that is done: it is read before it is taken back.
            return len(acts.served(act.during, act.target)) > ENOUGH
        return all(is_settled(check, self._kind, act) for check in checks)

    def _give_time(self, done: Callable[[], bool]) -> None:
        """Wait until it is so, the client has ended, or its time is over."""
        try:
            wait_until(
                lambda: done() or self._client.ended() is not None,
                bool,
                within_s=self._within_s,
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
            case Injury.UNKNOWN_CA:
                return faults.certificate(bed.secondary.portal_server, CertificateFault.UNKNOWN_CA)
            case _:
                assert_never(injury)

    def _taken(self, since: str) -> tuple[Taken, ...] | None:
        """What the secondary's portal took back since then; `None` if it does not say."""
        try:
            page = self._bed.inspectors[Site.SECONDARY].administer("GET", "resiliency")
        except BedError:
            return None
        return tuple(
            Taken(collection=one["collection"], owner=one["owner"], item=one["id"], what=one["what"])
            for one in page["discarded"]["changes"]
            if acts.ms_since(one["made_at"], since) >= 0
        )

    def _made_again(self, taken: tuple[Taken, ...] | None, before: Mapping[str, Items]) -> tuple[Taken, ...] | None:
        if not taken:
            return taken
        now = self._kept(Site.PRIMARY, dict.fromkeys(one.owner for one in taken))
        return tuple(replace(one, is_there=keeping.is_there(one, before, now)) for one in taken)

    def _kept(self, site: Site, owners: Iterable[str]) -> dict[str, Items]:
        return keeping.read(self._bed.inspectors[site], self._passwords, owners)

    def _seen(self) -> tuple[Sighting, ...]:
        return tuple(one for one in self._watch.look() if self._address in (None, one.client))

    def _now(self) -> str:
        return self._clock.wall().isoformat(timespec="milliseconds")


def after(scenarios: Sequence[Scenario], kind: Kind, why: str) -> list[Row]:
    """The verdicts on scenarios that did not take place."""
    return [row for scenario in scenarios for row in unknown_rows(scenario, scenario.steps, kind, why)]
