"""The nemesis undoes what it did, proves what it claims, and reports every failure."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import pytest

from stubs.wire import ServerName
from testbed.errors import EngineError, FaultError
from testbed.faults import Kill, Network, Pause, Restart, Stop, Target
from testbed.history import History, read
from testbed.nemesis import Nemesis
from testbed.network.applied import Applied, Holding
from testbed.partitions import Link

if TYPE_CHECKING:
    from collections.abc import Iterator
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

    def states(self) -> dict[ServerName, dict[str, str]]:
        """What the engine would say."""
        return {ServerName.PRIMARY: dict(self.state)}

    def __getattr__(self, verb: str) -> Any:
        def act(_server: ServerName, service: str) -> None:
            self.done.append((verb, service))
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


class FakeBed:
    """A bed with nothing but services, and a platform view of them."""

    def __init__(self) -> None:
        self.services = FakeServices()
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


def test_faults_are_healed_when_the_block_fails(bed: FakeBed, nemesis: Nemesis) -> None:
    """A failing assertion leaves no fault behind."""
    with pytest.raises(AssertionError, match="expectation"), nemesis.under(Kill(CORE), Kill(PORTAL)):
        raise AssertionError("expectation")
    assert set(bed.services.state.values()) == {"running"}


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
    """In that order."""
    with nemesis.under(Kill(PORTAL)):
        pass
    states = [record.fields["state"] for record in read(path) if record.kind == "fault"]
    assert states == ["planned", "injected", "healed"]


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
    def held(self, _faults: object, *, lease_ms: int) -> Iterator[Holding]:
        """As the real ones."""
        assert lease_ms > 0
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
    assert [record.fields.get("state", record.kind) for record in records] == ["planned", "proof", "injected", "healed"]
    assert records[1].fields["shown"] == ["seen"]
    for record, planned_ms in ((records[2], 10.0), (records[3], 20.0)):
        times = {key: record.fields[key] for key in ("planned_ms", "committed_ms", "skew_ms")}
        committed_ms = {"a": planned_ms + 1, "b": planned_ms + 1.5}
        assert times == {"planned_ms": planned_ms, "committed_ms": committed_ms, "skew_ms": 0.5}
