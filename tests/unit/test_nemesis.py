"""The nemesis undoes what it did, proves what it claims, and reports every failure."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import pytest

from stubs.wire import ServerName
from testbed.certificates import CertificateFault
from testbed.errors import EngineError, FaultError, MisuseError
from testbed.faults import Certificate, Kill, Network, Pause, Restart, Stop, Target
from testbed.history import History, read
from testbed.nemesis import Nemesis
from testbed.network.applied import Applied, Holding
from testbed.network.lease import LapsedError
from testbed.partitions import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from testbed.bed import Bed

CORE, PORTAL = Target(ServerName.PRIMARY, "core"), Target(ServerName.PRIMARY, "portal")
BECOMES = {"kill": "stopped", "stop": "stopped", "pause": "paused", "resume": "running", "start": "running"}


class FakeServices:
    """Services that obey, except where told not to."""

    def __init__(self) -> None:
        self.state = {"core": "running", "portal": "running"}
        self.done: list[tuple[str, str]] = []
        self.without_effect: set[str] = set()
        self.failing: set[tuple[str, str]] = set()
        self.starts = {"core": 1, "portal": 1}
        self.interrupting: set[tuple[str, str]] = set()
        self.times: dict[str, datetime] = {}

    def at(self, verb: str, _server: ServerName, service: str) -> datetime | None:
        """When the engine did it, if it tells."""
        return self.times.get(f"{verb} {service}")

    def states(self) -> dict[ServerName, dict[str, str]]:
        """What the engine would say."""
        return {ServerName.PRIMARY: dict(self.state)}

    def __getattr__(self, verb: str) -> Any:
        def act(_server: ServerName, service: str) -> None:
            self.done.append((verb, service))
            if (verb, service) in self.interrupting:
                self.interrupting.discard((verb, service))
                raise KeyboardInterrupt
            if (verb, service) in self.failing:
                raise EngineError(f"cannot {verb} {service}")
            if verb in self.without_effect:
                return
            if verb == "restart":
                self.starts[service] += 1
            else:
                self.state[service] = BECOMES[verb]

        return act


class FakeView:
    """The platform view of the one server."""

    def __init__(self, services: FakeServices) -> None:
        self._known = services

    def services(self) -> dict[str, Any]:
        """Its rows."""
        return {service: {"boot": start} for service, start in self._known.starts.items()}


class FakeCertificates:
    """The certificates that are shown, one after the other."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing = False

    def refuse_a_second(self, _server: ServerName) -> None:
        """There is none."""

    def stage(self, _server: ServerName, case: CertificateFault) -> None:
        """Show a wrong one, or fail to."""
        if self.failing:
            raise FaultError("it is not shown")
        self.done.append(case.value)

    def restore(self, _server: ServerName) -> None:
        """Show the one that was installed."""
        self.done.append("installed")


class FakeBed:
    """A bed with nothing but services, a platform view of them, and certificates."""

    def __init__(self) -> None:
        self.name = "bed"
        self.stays = False
        self.services = FakeServices()
        self.certificates = FakeCertificates()
        self.inspectors = {ServerName.PRIMARY: FakeView(self.services)}


@pytest.fixture
def bed() -> FakeBed:
    """One bed."""
    return FakeBed()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the history is."""
    return tmp_path / "history.jsonl"


@pytest.fixture
def nemesis(bed: FakeBed, path: Path) -> Iterator[Nemesis]:
    """A nemesis without patience."""
    with History(path) as history:
        yield Nemesis(cast("Bed", bed), history, within_s=0.05)


@pytest.mark.parametrize(
    ("fault", "state"), [(Kill(PORTAL), "stopped"), (Stop(PORTAL), "stopped"), (Pause(PORTAL), "paused")]
)
def test_a_fault_holds_inside_the_block_and_is_healed_after_it(
    bed: FakeBed, nemesis: Nemesis, fault: Kill | Stop | Pause, state: str
) -> None:
    """Whatever kind it is."""
    with nemesis.under(fault):
        assert bed.services.state["portal"] == state
    assert bed.services.state["portal"] == "running"


EXPIRED, WRONG_HOST = (
    Certificate(ServerName.SECONDARY, case) for case in (CertificateFault.EXPIRED, CertificateFault.WRONG_HOST)
)


def test_one_wrong_certificate_takes_the_place_of_another(bed: FakeBed, nemesis: Nemesis, path: Path) -> None:
    """Never a sound one in between; healed is the second, and what was injected after the first is healed before."""
    nemesis.inject(EXPIRED)
    nemesis.inject(Kill(PORTAL))
    nemesis.exchange(EXPIRED, WRONG_HOST)
    assert bed.certificates.done == ["expired", "wrong-host"]
    nemesis.heal_all()
    assert bed.certificates.done == ["expired", "wrong-host", "installed"]
    told = [(one.fields["fault"], one.fields["state"]) for one in read(path) if one.kind == "fault"]
    first, second, kill = (
        "certificate of secondary expired",
        "certificate of secondary wrong-host",
        "kill primary/portal",
    )
    assert told[4:8] == [(second, "planned"), (first, "healing"), (first, "healed"), (second, "injected")]
    assert told[8:] == [(kill, "healing"), (kill, "healed"), (second, "healing"), (second, "healed")]


def test_a_certificate_that_is_not_shown_is_not_exchanged(bed: FakeBed, nemesis: Nemesis) -> None:
    """Nor for one of another server; nothing is done."""
    nemesis.inject(EXPIRED)
    for old, new in [(WRONG_HOST, EXPIRED), (EXPIRED, Certificate(ServerName.PRIMARY, CertificateFault.EXPIRED))]:
        with pytest.raises(MisuseError, match="cannot give way"):
            nemesis.exchange(old, new)
    assert bed.certificates.done == ["expired"]


def test_a_certificate_that_could_not_be_exchanged_is_healed(bed: FakeBed, nemesis: Nemesis) -> None:
    """Whatever is shown by then."""
    nemesis.inject(EXPIRED)
    bed.certificates.failing = True
    with pytest.raises(FaultError):
        nemesis.exchange(EXPIRED, WRONG_HOST)
    nemesis.heal_all()
    assert bed.certificates.done == ["expired", "installed"]


def test_faults_are_healed_when_the_block_fails(bed: FakeBed, nemesis: Nemesis) -> None:
    """A failing assertion leaves no fault behind."""
    with pytest.raises(AssertionError, match="expectation"), nemesis.under(Kill(CORE), Kill(PORTAL)):
        raise AssertionError("expectation")
    assert set(bed.services.state.values()) == {"running"}


def test_ctrl_c_in_a_block_is_not_lost_to_a_healing_that_fails(bed: FakeBed, nemesis: Nemesis) -> None:
    """What does not start again is told as well."""
    bed.services.without_effect.add("start")
    with pytest.raises(KeyboardInterrupt) as raised, nemesis.under(Kill(CORE), Kill(PORTAL)):
        raise KeyboardInterrupt
    assert len([note for note in raised.value.__notes__ if note.startswith("not undone: ")]) == 2


def test_a_fault_without_effect_is_an_error_and_is_undone(bed: FakeBed, nemesis: Nemesis) -> None:
    """The engine itself must say that the service ended."""
    bed.services.without_effect.add("kill")
    with pytest.raises(FaultError, match="no effect"), nemesis.under(Kill(PORTAL)):
        pytest.fail("the block must not run under a fault that is none")
    assert ("start", "portal") in bed.services.done


@pytest.mark.parametrize(("fault", "verb"), [(Kill(PORTAL), "kill"), (Stop(PORTAL), "stop"), (Pause(PORTAL), "pause")])
def test_a_fault_that_finds_its_effect_there_already_is_an_error(
    bed: FakeBed, nemesis: Nemesis, fault: Kill | Stop | Pause, verb: str
) -> None:
    """What another fault did is no proof of this one."""
    bed.services.state["portal"] = BECOMES[verb]
    with pytest.raises(FaultError, match=f"no effect: primary/portal was {BECOMES[verb]} already"):
        nemesis.inject(fault)
    assert bed.services.done == []


def test_a_restart_is_a_new_start_of_the_same_service(bed: FakeBed, nemesis: Nemesis) -> None:
    """Its platform view must show another one; the engine sees no difference."""
    with nemesis.under(Restart(PORTAL)):
        assert bed.services.starts["portal"] == 2
    assert bed.services.state["portal"] == "running"


def test_a_restart_that_did_not_happen_is_an_error(bed: FakeBed, nemesis: Nemesis) -> None:
    """The same start goes on."""
    bed.services.without_effect.add("restart")
    with pytest.raises(FaultError, match="portal to begin anew"):
        nemesis.inject(Restart(PORTAL))


def test_a_frozen_service_that_does_not_go_on_is_an_error(bed: FakeBed, nemesis: Nemesis) -> None:
    """Like every other fault that outlives its end."""
    nemesis.inject(Pause(PORTAL))
    bed.services.without_effect.add("resume")
    with pytest.raises(FaultError, match="portal to be running"):
        nemesis.heal(Pause(PORTAL))


def test_a_fault_that_outlives_its_end_is_an_error(bed: FakeBed, nemesis: Nemesis) -> None:
    """Healing is proved like injecting."""
    nemesis.inject(Kill(PORTAL))
    bed.services.without_effect.add("start")
    with pytest.raises(FaultError):
        nemesis.heal(Kill(PORTAL))


def test_healing_goes_on_when_one_healing_fails(bed: FakeBed, nemesis: Nemesis) -> None:
    """The other fault is healed, and the failure is reported."""
    nemesis.inject(Kill(CORE))
    nemesis.inject(Kill(PORTAL))
    bed.services.failing.add(("start", "portal"))
    with pytest.raises(ExceptionGroup) as failed:
        nemesis.heal_all()
    assert [str(error) for error in failed.value.exceptions] == ["cannot start portal"]
    assert bed.services.state["core"] == "running"


def test_the_history_tells_when_a_fault_was_planned_injected_and_healed(nemesis: Nemesis, path: Path) -> None:
    """In that order, with when its end was asked for, and with what it does to whom, so that a checker understands."""
    with nemesis.under(Kill(PORTAL)):
        pass
    told = [record.fields for record in read(path) if record.kind == "fault"]
    assert [each["state"] for each in told] == ["planned", "injected", "healing", "healed"]
    assert {each["bed"] for each in told} == {"bed"}
    assert all(each["effects"] == [{"does": "kill", "server": "primary", "service": "portal"}] for each in told)


class FakeLinks:
    """Links that say when they changed, and do nothing."""

    def __init__(self) -> None:
        self.at_ms = 0.0
        self.proofs: list[str] = []

    def applied(self) -> Applied:
        """The next moment."""
        self.at_ms += 10
        return Applied(planned_ms=self.at_ms, committed_ms={"a": self.at_ms + 1, "b": self.at_ms + 1.5})

    def shown(self) -> list[str]:
        """What the proof is said to be."""
        self.proofs.append("in force")
        return ["seen"]

    @contextlib.contextmanager
    def held(self, _faults: object, *, lease_ms: int, on_lapse: Callable[[LapsedError], None]) -> Iterator[Holding]:
        """As the real ones."""
        assert (lease_ms > 0, callable(on_lapse)) == (True, True)
        holding = Holding(injected=self.applied())
        yield holding
        holding.healed = self.applied()


def test_the_history_tells_when_each_server_had_a_network_fault_and_how_it_was_proved(
    bed: FakeBed, nemesis: Nemesis, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned and actual times in milliseconds, how far apart the servers were, and the evidence in words."""
    links = FakeLinks()
    monkeypatch.setattr(bed, "links", links, raising=False)
    monkeypatch.setattr("testbed.nemesis.prove_passing", lambda *_: links.proofs.append("passing"))
    monkeypatch.setattr("testbed.nemesis.prove_in_force", lambda *_: links.shown())
    with nemesis.under(Network(frozenset({Link("a", "b")}))):
        pass
    assert links.proofs == ["passing", "in force", "passing"]
    records = [record for record in read(path) if record.fields.get("fault") == "cut a -> b"]
    states = [record.fields.get("state", record.kind) for record in records]
    assert states == ["planned", "proof", "injected", "healing", "healed"]
    assert records[1].fields["shown"] == ["seen"]
    for record, planned_ms in ((records[2], 10.0), (records[4], 20.0)):
        times = {key: record.fields[key] for key in ("planned_ms", "committed_ms", "skew_ms")}
        committed_ms = {"a": planned_ms + 1, "b": planned_ms + 1.5}
        assert times == {"planned_ms": planned_ms, "committed_ms": committed_ms, "skew_ms": 0.5}


def test_the_history_tells_when_a_network_fault_had_ended_before_its_time(
    bed: FakeBed, nemesis: Nemesis, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between which moments, though the healing failed of another thing as well."""
    fault = Network(frozenset({Link("a", "b")}))

    class Lapsing(FakeLinks):
        @contextlib.contextmanager
        def held(self, faults: Any, *, lease_ms: int, on_lapse: Callable[[LapsedError], None]) -> Iterator[Holding]:
            lapse = LapsedError(faults, held_ms=100.0004, noticed_ms=2200.5)
            with super().held(faults, lease_ms=lease_ms, on_lapse=on_lapse) as holding:
                on_lapse(lapse)
                yield holding
            raise lapse

    def prove(*_: object) -> None:
        if "in force" in links.proofs:
            raise FaultError("not proved to be passing")

    links = Lapsing()
    monkeypatch.setattr(bed, "links", links, raising=False)
    monkeypatch.setattr("testbed.nemesis.prove_passing", prove)
    monkeypatch.setattr("testbed.nemesis.prove_in_force", lambda *_: links.shown())
    with pytest.RaisesGroup(LapsedError, FaultError), nemesis.under(fault):
        assert [record.kind for record in read(path)].count("lapse") == 1, "before the fault is healed"
    (lapse,) = [record.fields for record in read(path) if record.kind == "lapse"]
    assert lapse == {"bed": "bed", "fault": "cut a -> b", "held_ms": 100.0, "noticed_ms": 2200.5}


def test_what_is_started_is_healed_only_when_it_has_begun(bed: FakeBed, path: Path) -> None:
    """How long a process takes to begin is the machine's: whoever asks for it has it waited for, and no other."""
    seen: list[tuple[str, str, str]] = []

    def begun(target: Target) -> None:
        last = read(path)[-1]
        seen.append((str(target), bed.services.state[target.service], last.fields["state"]))

    with History(path) as history:
        nemesis = Nemesis(cast("Bed", bed), history, within_s=0.05, begun=begun)
        for fault in (Kill(PORTAL), Restart(CORE), Pause(PORTAL)):
            with nemesis.under(fault):
                pass
    assert seen == [("primary/portal", "running", "healing"), ("primary/core", "running", "healing")]
