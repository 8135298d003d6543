"""A run by a schedule: whatever becomes of it, what was written is judged, and the result says what failed."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from testbed.campaign import run as runs
from testbed.campaign.results import Outcome
from testbed.campaign.returning import NeverBackError
from testbed.campaign.run import run, topology_of
from testbed.errors import FaultError, MisuseError
from testbed.history import SystemClock, read
from testbed.recording.schema import strange
from testbed.schedules.schedule import Schedule, Step, Verb
from testbed.topology import Topology
from testbed.world import Failback
from tests.unit.checkers.telling import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.campaign.results import Result
    from testbed.history import History

SCHEDULE = Schedule(
    detection_minutes=1.5, failback=Failback.AUTOMATIC, steps=(Step(1, Verb.KILL, "primary/core"),), until_ms=2
)
DEFECT = "secondary:secondary-never-yields"


class Play:
    """What a run is made of, each piece made up; what fails is chosen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.step: Exception | None = None
        self.client: Exception | None = None
        self.wrong: tuple[str, ...] = ()
        self.serving: tuple[str, ...] = ()
        self.healed = 0
        self.path = folder / "history.jsonl"
        nemesis = SimpleNamespace(heal_all=self._heal)
        monkeypatch.setattr(runs, "Nemesis", lambda _bed, _history, **_how: nemesis)
        monkeypatch.setattr(runs, "Actor", lambda *_of: SimpleNamespace(do=self._do, end_manual_failback=int))
        monkeypatch.setattr(runs, "tell_bed", lambda _bed, history: history.record("bed", **FACTS))
        monkeypatch.setattr(runs, "observed", self._observed)
        monkeypatch.setattr(runs, "Crowd", self._crowd)
        monkeypatch.setattr(runs, "recover", lambda *_of, **_how: (self.wrong, 1.5))
        monkeypatch.setattr(runs, "facts_of", lambda _bed: SimpleNamespace(within_ms=1))

    def __call__(self, *defects: str) -> Result:
        """Run it."""
        bed = SimpleNamespace(name="b", topology=topology_of(SCHEDULE, defects=defects))
        return run(cast("Bed", bed), SCHEDULE, self.path)

    def _heal(self) -> None:
        self.healed += 1

    def _do(self, _step: Step) -> None:
        if self.step is not None:
            raise self.step

    @contextlib.contextmanager
    def _observed(self, _bed: Bed, history: History) -> Iterator[None]:
        """Both portals are watched; what they told is written also where the run failed."""
        since_ms = SystemClock().monotonic_ms()
        history.record("observed", bed="b", state="begins")
        try:
            yield
        finally:
            for server in self.serving:
                history.record("role", bed="b", server=server, role="Available", since_ms=since_ms, why="")
            history.record("observed", bed="b", state="ends")

    @contextlib.contextmanager
    def _crowd(self, *_of: object, **_how: object) -> Iterator[object]:
        yield SimpleNamespace(begin=SystemClock().monotonic_ms)
        if self.client is not None:
            raise ExceptionGroup("clients", [self.client])


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Play:
    """A run in which nothing fails."""
    return Play(monkeypatch, tmp_path)


def test_what_the_liveness_phase_finds_fails_the_run(play: Play) -> None:
    """However content the checkers are."""
    play.wrong = ("nobody came back",)
    result = play()
    assert (result.wrong, result.recovered_s, result.outcome) == (("nobody came back",), 1.5, Outcome.FAIL)
    assert result.broken == {"liveness"}


@pytest.mark.parametrize("failure", [FaultError("no effect"), ExceptionGroup("two", [FaultError("no effect")])])
def test_where_the_testbed_failed_the_run_is_judged_as_far_as_it_went(play: Play, failure: Exception) -> None:
    """It is no verdict on the pair; the history says why, with Python's own account."""
    play.step = failure
    result = play()
    assert (result.failed, result.wrong, result.recovered_s) == (("no effect",), (), None)
    assert result.outcome is Outcome.BROKEN
    assert play.healed == 1
    records = read(play.path)
    (told,) = [one for one in records if one.kind == "breakdown"]
    assert told.fields["why"] == "no effect"
    assert "Traceback" in told.fields["trace"]
    assert [found for one in records for found in strange(one) if one.kind != "bed"] == []


def test_a_rule_that_was_broken_before_the_testbed_failed_is_a_broken_rule(play: Play) -> None:
    """ROLE-11: what is written says so."""
    play.step, play.serving = FaultError("no effect"), ("primary", "secondary")
    result = play()
    assert (result.failed, result.outcome) == (("no effect",), Outcome.FAIL)
    assert result.broken == {"one portal"}


def test_a_client_that_crashes_is_the_testbeds_failure_and_no_broken_rule(play: Play) -> None:
    """Whatever it crashed by; its kind is told, and what the run came to before."""
    play.client = ValueError("of no use")
    result = play()
    assert (result.failed, result.outcome) == (("ValueError: of no use",), Outcome.BROKEN)
    assert result.recovered_s == 1.5


def test_a_service_that_never_comes_back_is_the_pairs_failure(play: Play) -> None:
    """Also beside a failure of the testbed."""
    play.step = ExceptionGroup("both", [NeverBackError("the primary/portal never came back"), FaultError("no effect")])
    result = play()
    assert result.wrong == ("the primary/portal never came back",)
    assert result.failed == ("no effect",)
    assert result.outcome is Outcome.FAIL
    assert result.broken == {"liveness"}


def test_what_is_planted_stands_in_history_and_result(play: Play) -> None:
    """Nobody takes it for the run of a sound pair."""
    result = play(DEFECT)
    assert result.defects == (DEFECT,)
    (told,) = [one for one in read(play.path) if one.kind == "planted"]
    assert told.fields == {"bed": "b", "defects": [DEFECT]}


def test_a_schedule_runs_on_a_pair_that_has_what_is_planted() -> None:
    """Beside its own pace and settings; and what there is not is refused before anything starts."""
    wanted = topology_of(SCHEDULE, defects=[DEFECT])
    assert wanted.defects == (DEFECT,)
    assert wanted.primary.detection_minutes == 1.5
    assert topology_of(SCHEDULE).defects == Topology().defects == ()
    with pytest.raises(MisuseError, match="no defect is called 'nonsense'"):
        topology_of(SCHEDULE, defects=["primary:nonsense"])
