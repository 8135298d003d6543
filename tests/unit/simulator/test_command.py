"""`testbed simulate`: figures, exit codes, and a failing schedule that is kept and run again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from stubs import resilience
from testbed.cli.simulate import simulate
from testbed.errors import MisuseError

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

WALK = ["--faults", "1", "--hurried", "0", "--failback", "automatic", "--seed", "3"]


def test_a_walk_tells_its_figures_and_ends_well() -> None:
    """Every figure is there, and the same seed gives the same ones."""
    one, two = (CliRunner().invoke(simulate, [*WALK, "--json"]) for _ in range(2))
    assert (one.exit_code, two.exit_code) == (0, 0)
    (first,), (second,) = json.loads(one.stdout), json.loads(two.stdout)
    assert first["failures"] == []
    assert first["schedules"] == 42
    assert [first[name] for name in ("runs", "states", "steps")] == [
        second[name] for name in ("runs", "states", "steps")
    ]


def test_a_failing_schedule_is_kept_and_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with 1, with the schedule and its trace; so does the replay, until the defect is gone."""
    kept = tmp_path / "schedule.json"
    monkeypatch.setattr(resilience, "_secondary", lambda _state: None)
    walked = CliRunner().invoke(simulate, [*WALK, "--save", str(kept)])
    assert walked.exit_code == 1
    assert "oracle says" in walked.stdout
    again = CliRunner().invoke(simulate, ["--replay", str(kept)])
    assert again.exit_code == 1
    assert "!!" in again.stdout
    monkeypatch.undo()
    mended = CliRunner().invoke(simulate, ["--replay", str(kept)])
    assert mended.exit_code == 0
    assert "No rule was broken." in mended.stdout


def test_a_defect_is_planted_for_the_walk_and_for_the_replay_alone(tmp_path: Path) -> None:
    """SYNC-4: what the walk finds and saves fails again with the defect, and does not without it."""
    kept, defect = tmp_path / "schedule.json", ["--defect", "losses-untold"]
    walked = CliRunner().invoke(simulate, [*WALK, *defect, "--save", str(kept)])
    assert walked.exit_code == 1
    assert "SYNC-4" in walked.stdout
    assert CliRunner().invoke(simulate, ["--replay", str(kept), *defect]).exit_code == 1
    assert CliRunner().invoke(simulate, ["--replay", str(kept)]).exit_code == 0


def test_a_defect_of_what_is_not_simulated_is_refused() -> None:
    """Clients and platform views are on containers only."""
    ended = CliRunner().invoke(simulate, [*WALK, "--defect", "gives-up-at-once"])
    assert ended.exit_code != 0
    assert isinstance(ended.exception, MisuseError)
