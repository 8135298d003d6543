"""`testbed random` and `testbed replay`, as far as they go without an engine."""

from __future__ import annotations

import contextlib
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from testbed import checkers, cli
from testbed.campaign.results import Result
from testbed.checkers import Judgement, Verdict
from testbed.cli import randomly as commands
from testbed.cli.randomly import randomly, replay
from testbed.errors import MisuseError
from testbed.schedules.schedule import read
from testbed.schedules.shrinking import Ended, Shrunk

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.schedules.schedule import Schedule
    from testbed.topology import Topology


def test_a_schedule_can_be_drawn_and_only_shown() -> None:
    """Byte for byte the same from the same seed; and what is shown can be replayed."""
    one, two = (CliRunner().invoke(randomly, ["--seed", "5", "--minutes", "1", "--draw-only"]) for _ in range(2))
    assert (one.exit_code, one.stdout) == (0, two.stdout)
    assert read(one.stdout).seed == 5


def test_an_old_history_is_never_written_over(tmp_path: Path) -> None:
    """Before anything is started."""
    (tmp_path / "history.jsonl").write_text("old")
    ended = CliRunner().invoke(randomly, ["--seed", "5", "--report", str(tmp_path)])
    assert isinstance(ended.exception, MisuseError)
    assert "holds the history" in str(ended.exception)
    assert (tmp_path / "history.jsonl").read_text() == "old"


def verdict(outcome: checkers.Outcome) -> Verdict:
    """What one checker says."""
    return Verdict(checker="roles", rules=("ROLE-5",), outcome=outcome, evidence=("because",))


class Stage:
    """`testbed random` and `testbed replay` without containers: what a run comes to is made up."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.outcome, self.failed = checkers.Outcome.PASS, tuple[str, ...]()
        self.topologies: list[Topology] = []
        self.said_before: list[str] = []
        self._folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys
        monkeypatch.setattr(commands, "run", self._run)
        monkeypatch.setattr(commands, "reduced", self._reduced)
        monkeypatch.setattr(commands, "own_bed", self._own_bed)

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr, all of it."""
        self._monkeypatch.setattr(sys, "argv", ["testbed", *words, "--report", str(self._folder)])
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        else:
            code = 0
        said = self._capsys.readouterr()
        return code, "".join(self.said_before[:1]) + said.out, "".join(self.said_before[1:]) + said.err

    def _own_bed(self, topology: Topology, *, kind: str) -> contextlib.AbstractContextManager[str]:
        self.topologies.append(topology)
        return contextlib.nullcontext(kind)

    def _run(self, _bed: object, schedule: Schedule, path: Path, **_how: object) -> Result:
        return Result(
            schedule=schedule,
            history=str(path),
            wrong=(),
            failed=self.failed,
            judgement=Judgement(verdicts=(verdict(self.outcome),), rto_ms=None, changes_lost=None),
            counts=Counter(),
            recovered_s=1.0,
            seconds=2.0,
        )

    def _reduced(self, _bed: object, result: Result, *_of: object, **_how: object) -> Shrunk:
        said = self._capsys.readouterr()
        self.said_before = [said.out, said.err]
        return Shrunk(schedule=replace(result.schedule, steps=()), failed=3, reruns=3, runs=9, ended=Ended.MINIMAL)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Stage:
    """One in which nothing is wrong."""
    return Stage(tmp_path, monkeypatch, capsys)


def test_a_run_that_passes_ends_with_0_and_shrinks_nothing(stage: Stage) -> None:
    """And says nothing of how to repeat it but the seed."""
    code, out, err = stage("random", "--seed", "5", "--shrink-for", "1m")
    assert code == 0
    assert out.splitlines()[-1].startswith("pass; ")
    assert err == "seed 5\n"
    assert stage.said_before == []


def test_a_run_that_fails_ends_with_1_and_the_line_that_repeats_it(stage: Stage) -> None:
    """With the verdict, the evidence, and what was planted."""
    stage.outcome = checkers.Outcome.FAIL
    planted = ["--defect", "secondary:secondary-never-yields", "--defect", "clients:redirect-ignored"]
    code, out, err = stage("random", "--seed", "5", "--minutes", "0.5", *planted)
    assert code == 1
    assert "because" in out
    assert out.splitlines()[-1].startswith("fail; ")
    assert f"again: testbed random --seed 5 --minutes 0.5 {' '.join(planted)}" in err.splitlines()
    assert "planted defect: clients:redirect-ignored: " in err
    assert stage.topologies[0].defects == tuple(planted[1::2])


def test_a_verdict_is_told_before_anything_is_shrunk(stage: Stage, tmp_path: Path) -> None:
    """Whoever has no time for that has it, and the line that repeats it; what is left can be replayed as wrong."""
    stage.outcome = checkers.Outcome.FAIL
    defect = ["--defect", "secondary:secondary-never-yields"]
    code, out, err = stage("random", "--seed", "5", "--shrink-for", "1m", *defect)
    assert code == 1
    before_out, before_err = stage.said_before
    assert before_out.splitlines()[-1].startswith("fail; ")
    assert f"again: testbed random --seed 5 --minutes 5 {' '.join(defect)}" in before_err.splitlines()
    assert "real (3 of 3 re-runs failed, 100%); reduced in 9 runs" in out
    assert err.splitlines()[-1] == f"what is left of it: testbed replay {tmp_path / 'shrunk.json'} {' '.join(defect)}"


def test_what_programs_read_is_one_document_and_the_verdict_is_told_before_it(stage: Stage) -> None:
    """On stderr, for who watches."""
    stage.outcome = checkers.Outcome.FAIL
    code, out, _err = stage("random", "--seed", "5", "--shrink-for", "1m", "--json")
    assert code == 1
    found = json.loads(out)
    assert (found["outcome"], found["shrunk"]["minimal"], found["defects"]) == ("fail", True, [])
    before_out, before_err = stage.said_before
    assert before_out == ""
    assert "fail; " in before_err


def test_what_could_not_be_judged_is_no_pass(stage: Stage) -> None:
    """Exit code 1, with a clear line; there is nothing to shrink."""
    stage.outcome = checkers.Outcome.UNKNOWN
    code, _out, err = stage("random", "--seed", "5", "--shrink-for", "1m")
    assert code == 1
    assert "again: testbed random --seed 5 --minutes 5" in err.splitlines()
    assert err.splitlines()[-1].startswith("testbed: roles could not be judged, though this schedule gives")
    assert stage.said_before == []


def test_a_failure_of_the_testbed_is_no_verdict(stage: Stage) -> None:
    """Exit code 2, why in one line, and the way to repeat it; what was written is judged and told all the same."""
    stage.failed = ("no effect",)
    code, out, err = stage("random", "--seed", "5")
    assert code == 2
    assert out.splitlines()[-1].startswith("testbed failed; ")
    assert err.splitlines()[-2:] == [
        "again: testbed random --seed 5 --minutes 5",
        "testbed: the testbed itself failed: no effect",
    ]


def test_a_defect_that_there_is_not_is_refused(stage: Stage) -> None:
    """Before anything is started or written."""
    code, _out, err = stage("random", "--seed", "5", "--defect", "primary:nonsense")
    assert code == 2
    assert "no defect is called 'nonsense'" in err
    assert stage.topologies == []


def test_a_file_that_is_no_schedule_is_refused(tmp_path: Path) -> None:
    """Before anything is started."""
    (tmp_path / "no.json").write_text("{}")
    ended = CliRunner().invoke(replay, [str(tmp_path / "no.json")])
    assert isinstance(ended.exception, MisuseError)
    assert "no schedule" in str(ended.exception)
