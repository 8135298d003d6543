"""Defects on a pair of servers, found by the judge in a run by a schedule: exit code 1, and the right rule.

Where the variable TESTBED_KEEP_HISTORIES names a folder all courses are run, and their histories are kept there.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from testbed.defects import DEFECTS, SEEN_BY
from testbed.schedules.schedule import written
from tests.defects.courses import COURSES, SCHEDULES
from tests.program import Ended, run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from testbed.schedules.schedule import Schedule

KEEP = os.environ.get("TESTBED_KEEP_HISTORIES")

SOME = ("prompts-without-end",)
"""What is run each time; of the others histories are kept and judged again, and `make soak` runs them all."""

WITHIN_S = 300.0
"""How long a run, and the reduction of one, may take, in seconds."""

UNUSED = frozenset({"proof", "navigation", "phase"})
"""Kinds of records that no checker reads."""


def replayed(schedule: Schedule, folder: Path, *options: str) -> Ended:
    """Act it out."""
    folder.mkdir()
    file = folder / "given.json"
    file.write_text(written(schedule), encoding="utf-8")
    return run("replay", str(file), "--report", str(folder / "report"), "--json", *options, within_s=WITHIN_S)


def failed(found: dict[str, Any]) -> dict[str, set[str]]:
    """The rules of each checker that failed."""
    return {one["checker"]: set(one["rules"]) for one in found["verdicts"] if one["outcome"] == "fail"}


def finds(name: str, found: dict[str, Any]) -> set[str]:
    """The checkers that failed by a rule that the defect breaks."""
    return {checker for checker, rules in failed(found).items() if rules & set(DEFECTS[name].breaks)}


def keep(history: Path, name: str, folder: Path) -> None:
    """Pack a history, without what no checker reads."""
    lines = history.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not any(f'"kind": "{kind}"' in line for kind in UNUSED)]
    (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress("".join(kept).encode(), mtime=0))


def chosen() -> Iterable[str]:
    """The defects whose courses are run."""
    return COURSES if KEEP else SOME


@pytest.mark.parametrize("name", chosen())
def test_a_run_with_a_defect_fails_by_a_rule_that_it_breaks(name: str, tmp_path: Path) -> None:
    """Exit code 1, some checker that finds it and each that is said to, and what was planted."""
    place, schedule = COURSES[name]
    ended = replayed(schedule, tmp_path / "run", "--defect", f"{place}:{name}")
    assert ended.code == 1, ended
    assert ended.json["defects"] == [f"{place}:{name}"]
    found = finds(name, ended.json)
    assert found, ended.json
    assert found >= set(SEEN_BY.get(name, ())), ended.json
    assert f"--defect {place}:{name}" in ended.err
    if KEEP:
        keep(tmp_path / "run" / "report" / "history.jsonl", name, Path(KEEP))


@pytest.mark.parametrize("name", SCHEDULES if KEEP else ["two failovers"])
def test_the_same_run_without_a_defect_passes(name: str, tmp_path: Path) -> None:
    """So what is found with a defect is the defect's."""
    ended = replayed(SCHEDULES[name], tmp_path / "run")
    assert ended.code == 0, ended
