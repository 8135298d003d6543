"""What the nemesis holds: never twice, healed though interrupted, timed by the engine, watched where a bed stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from stubs.wire import ServerName
from testbed.errors import EngineError, FaultError, MissingError, MisuseError
from testbed.faults import Kill, Network, Pause, Stop, Target
from testbed.history import History, read
from testbed.nemesis import Nemesis
from testbed.partitions import Link
from tests.unit.test_nemesis import FakeBed, FakeLinks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbed.bed import Bed

CORE, PORTAL = Target(ServerName.PRIMARY, "core"), Target(ServerName.PRIMARY, "portal")


class FakeUnderstudy:
    """One that only says what became of it."""

    said: list[str]
    starts = True

    def __init__(self, name: str) -> None:
        if not self.starts:
            raise MissingError(f"nobody would heal {name}")
        self.said.append(f"watches {name}")

    def will_stop(self, target: Target) -> None:
        """A stop is asked for."""
        self.said.append(f"stopping {target}")

    def dismiss(self) -> None:
        """It is over."""
        self.said.append("dismissed")


@pytest.fixture
def bed() -> FakeBed:
    """One bed."""
    return FakeBed()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the understudies of this test say."""
    FakeUnderstudy.said = []
    monkeypatch.setattr("testbed.nemesis.Understudy", FakeUnderstudy)
    return FakeUnderstudy.said


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the history is."""
    return tmp_path / "history.jsonl"


@pytest.fixture
def nemesis(bed: FakeBed, path: Path) -> Iterator[Nemesis]:
    """A nemesis without patience."""
    with History(path) as history:
        yield Nemesis(cast("Bed", bed), history, within_s=0.05)


def test_the_same_fault_is_not_injected_twice_and_the_first_holds_on(bed: FakeBed, nemesis: Nemesis) -> None:
    """The inner block must not end what the outer one holds."""
    with nemesis.under(Kill(PORTAL)):
        with pytest.raises(MisuseError, match="kill primary/portal: injected already"), nemesis.under(Kill(PORTAL)):
            pytest.fail("the block must not run")
        with pytest.raises(MisuseError, match="injected already"):
            nemesis.inject(Kill(PORTAL))
        assert bed.services.state["portal"] == "stopped"
    assert bed.services.state["portal"] == "running"


def test_the_same_cut_is_not_injected_twice(bed: FakeBed, nemesis: Nemesis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the network likewise, where the second would find itself in force."""
    monkeypatch.setattr(bed, "links", links := FakeLinks(), raising=False)
    monkeypatch.setattr("testbed.nemesis.prove_passing", lambda *_: links.proofs.append("passing"))
    monkeypatch.setattr("testbed.nemesis.prove_in_force", lambda *_: links.shown())
    cut = Network(frozenset({Link("a", "b")}))
    with nemesis.under(cut):
        with pytest.raises(MisuseError, match="injected already"), nemesis.under(cut):
            pytest.fail("the block must not run")
        assert links.proofs == ["passing", "in force"]


def test_an_interruption_amid_healing_ends_the_healing_first(bed: FakeBed, nemesis: Nemesis, path: Path) -> None:
    """The fault that it hit and the one before it are gone, and the history says so."""
    bed.services.interrupting.add(("start", "portal"))
    with pytest.raises(KeyboardInterrupt), nemesis.under(Kill(CORE), Kill(PORTAL)):
        pass
    assert bed.services.state == {"core": "running", "portal": "running"}
    states = [one.fields["state"] for one in read(path) if one.kind == "fault"]
    assert states.count("healed") == 2
    nemesis.heal_all()


def test_an_interruption_does_not_hide_what_could_not_be_healed(bed: FakeBed, nemesis: Nemesis) -> None:
    """It is noted on it."""
    nemesis.inject(Kill(CORE))
    nemesis.inject(Pause(PORTAL))
    bed.services.interrupting.add(("resume", "portal"))
    bed.services.failing.add(("start", "core"))
    with pytest.raises(KeyboardInterrupt) as raised:
        nemesis.heal_all()
    assert bed.services.state == {"core": "stopped", "portal": "running"}
    assert raised.value.__notes__ == ["not undone: cannot start core"]


def test_a_stop_that_was_interrupted_is_over_before_the_service_is_started(bed: FakeBed, nemesis: Nemesis) -> None:
    """The engine goes on with it for as long as a stop takes, and would end what was started meanwhile."""
    bed.services.interrupting.add(("stop", "portal"))
    with pytest.raises(KeyboardInterrupt), nemesis.under(Stop(PORTAL)):
        pytest.fail("the block must not run")
    assert bed.services.done == [("stop", "portal"), ("kill", "portal"), ("start", "portal")]


def test_the_history_tells_when_a_service_had_a_fault_by_the_engines_clock(
    bed: FakeBed, nemesis: Nemesis, path: Path
) -> None:
    """To the millisecond, not when it was proved; and when it had it no more."""
    later = datetime.now(UTC) + timedelta(seconds=100)
    bed.services.times = {"ended portal": later, "began portal": later + timedelta(milliseconds=250)}
    with nemesis.under(Kill(PORTAL)):
        pass
    told = {one.fields["state"]: one for one in read(path) if one.kind == "fault"}
    (ended_ms,) = told["injected"].fields["committed_ms"].values()
    assert abs(ended_ms - told["planned"].monotonic_ms - 100_000) < 1000
    assert told["healed"].fields["committed_ms"] == {"primary/portal": pytest.approx(ended_ms + 250, abs=2)}
    assert told["injected"].fields["planned_ms"] <= told["planned"].monotonic_ms


def test_an_engine_that_does_not_tell_leaves_no_time(nemesis: Nemesis, path: Path) -> None:
    """Rather than one that is made up."""
    with nemesis.under(Pause(PORTAL)):
        pass
    assert not [one for one in read(path) if "committed_ms" in one.fields]


def test_a_bed_that_stays_is_watched_while_a_fault_holds_that_no_lease_ends(
    bed: FakeBed, nemesis: Nemesis, said: list[str]
) -> None:
    """From before the first until after the last; and it is told of a stop, which may land late."""
    bed.stays = True
    with nemesis.under(Kill(CORE), Stop(PORTAL)):
        assert said == ["watches bed", "stopping primary/portal"]
    assert said[2:] == ["dismissed"]
    with nemesis.under(Kill(CORE)):
        assert said[3:] == ["watches bed"]
    assert said[4:] == ["dismissed"]


def test_a_bed_that_goes_with_its_run_needs_no_watch(nemesis: Nemesis, said: list[str]) -> None:
    """Its janitor removes it."""
    with nemesis.under(Kill(CORE)):
        pass
    assert said == []


def test_a_cut_needs_no_watch(bed: FakeBed, nemesis: Nemesis, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease ends it."""
    bed.stays = True
    monkeypatch.setattr(bed, "links", FakeLinks(), raising=False)
    monkeypatch.setattr("testbed.nemesis.prove_passing", lambda *_: None)
    monkeypatch.setattr("testbed.nemesis.prove_in_force", lambda *_: [])
    with nemesis.under(Network(frozenset({Link("a", "b")}))):
        pass
    assert said == []


def test_what_could_not_be_healed_is_watched_on(bed: FakeBed, nemesis: Nemesis, said: list[str]) -> None:
    """The end of this process heals it, if nobody does before."""
    bed.stays = True
    nemesis.inject(Kill(PORTAL))
    bed.services.failing.add(("start", "portal"))
    with pytest.raises(EngineError):
        nemesis.heal(Kill(PORTAL))
    assert said == ["watches bed"]


def test_without_an_understudy_nothing_is_done(
    bed: FakeBed, nemesis: Nemesis, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that nobody would end is not injected."""
    bed.stays = True
    monkeypatch.setattr(FakeUnderstudy, "starts", False)
    with pytest.raises(MissingError, match="nobody would heal bed"):
        nemesis.inject(Kill(PORTAL))
    assert (bed.services.done, said) == ([], [])
    nemesis.heal_all()


def test_a_fault_that_had_no_effect_is_no_reason_to_watch_on(bed: FakeBed, nemesis: Nemesis, said: list[str]) -> None:
    """Once it is undone."""
    bed.stays = True
    bed.services.without_effect.add("kill")
    with pytest.raises(FaultError), nemesis.under(Kill(PORTAL)):
        pytest.fail("the block must not run")
    assert said == ["watches bed", "dismissed"]
