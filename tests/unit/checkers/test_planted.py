"""Histories of real runs in which a defect was planted, judged again: the judge finds it, by a rule that it breaks.

They were recorded by `tests/defects/test_judged.py`, with TESTBED_KEEP_HISTORIES naming this folder.
"""

from __future__ import annotations

import functools
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testbed.checkers import CHECKERS, Outcome, judge
from testbed.defects import DEFECTS, SEEN_BY
from testbed.history import read
from testbed.recording.schema import strange
from tests.defects.courses import COURSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.history import Record

FOLDER = Path(__file__).parents[1] / "histories" / "planted"

AREAS = {"roles", "sync", "redirect", "sessions", "meetings", "clients"}
"""The areas of defects of which the judge has to find some."""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Record, ...]]:
    """A history as it was recorded, by the name of the defect."""

    @functools.cache
    def unpacked(name: str) -> tuple[Record, ...]:
        path = tmp_path_factory.mktemp("planted") / f"{name}.jsonl"
        path.write_bytes(gzip.decompress((FOLDER / f"{name}.jsonl.gz").read_bytes()))
        return read(path)

    return unpacked


def test_every_claim_has_its_history_and_every_history_its_claim() -> None:
    """Defects of each of these areas; of each for which there is a course that shows it on containers."""
    assert {path.name.removesuffix(".jsonl.gz") for path in FOLDER.iterdir()} == set(SEEN_BY)
    assert set(SEEN_BY) == set(COURSES)
    assert {DEFECTS[name].area for name in SEEN_BY} >= AREAS


@pytest.mark.parametrize("name", SEEN_BY)
def test_the_judge_finds_what_was_planted_and_names_its_rule(
    name: str, history: Callable[[str], tuple[Record, ...]]
) -> None:
    """Each checker that is said to find it fails, and judges by a rule that the defect breaks."""
    records = history(name)
    (told,) = [record for record in records if record.kind == "planted"]
    assert [each.partition(":")[2] for each in told.fields["defects"]] == [name]
    failed = {one.checker: one.rules for one in judge(records).verdicts if one.outcome is Outcome.FAIL}
    assert SEEN_BY[name]
    for checker in SEEN_BY[name]:
        assert set(failed.get(checker, ())) & set(DEFECTS[name].breaks), f"{checker} does not find it: {failed}"


def test_only_checkers_are_said_to_find_anything() -> None:
    """By their names."""
    assert {checker for several in SEEN_BY.values() for checker in several} <= {each.name for each in CHECKERS}


@pytest.mark.parametrize("name", SEEN_BY)
def test_what_is_kept_is_as_the_schema_says(name: str, history: Callable[[str], tuple[Record, ...]]) -> None:
    """Every field of every record."""
    assert {one for record in history(name) for one in strange(record)} == set()
