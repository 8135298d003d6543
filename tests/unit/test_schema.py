"""The history's schema: what is written stands in it, and what stands in it is written."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from testbed.history import Record, read
from testbed.recording.schema import KINDS, strange

ROOT = Path(__file__).parents[2]
HISTORIES = sorted((ROOT / "tests" / "unit" / "histories").glob("*.jsonl"))


def kinds_written() -> set[str]:
    """The kinds that the code records, by their written names; operations begin and end by methods of their own."""
    found = {"invoke", "ok", "fail", "info"}
    for path in [*(ROOT / "testbed").rglob("*.py"), *(ROOT / "tests" / "scenarios").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                first = node.args[0]
                if node.func.attr in ("record", "_record") and isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


def test_every_kind_that_is_written_is_documented_and_no_other() -> None:
    """By the names in the source."""
    assert kinds_written() == set(KINDS)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_real_histories_are_as_the_schema_says(path: Path) -> None:
    """Every field of every record."""
    assert {one for record in read(path) for one in strange(record)} == set()


def test_a_strange_record_is_told() -> None:
    """An unknown kind, an unknown field, and one that lacks."""

    def told(kind: str, **fields: object) -> list[str]:
        return strange(Record(kind=kind, at="", monotonic_ms=0, fields=fields))

    assert told("history", schema=1) == []
    assert told("other") == ["no kind is called 'other'"]
    assert told("history", schema=1, more=1) == ["history has no field 'more'"]
    assert told("history") == ["history lacks 'schema'"]
    assert told("missed", why="x", bed="b") == []
