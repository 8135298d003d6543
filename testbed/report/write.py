"""The report as files of one folder. The only module of the report that touches the disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from testbed.report.page import render
from testbed.report.verdicts import count, exit_status, judge

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.report.verdicts import Judgement, Outcome, Run

SCHEMA = "portal-resilience-testbed/verdicts"
SCHEMA_VERSION = 1
"""Rises when a field of verdicts.json goes or changes its meaning; a new field does not count."""


def write_report(folder: Path, run: Run) -> Path:
    """Write `verdicts.json` and `index.html` into the folder, and return the path of the page.

    The page links whatever else is in the folder by then: junit.xml, history.jsonl, logs. Each file is put in
    place whole, so that a reader never meets half of one.

    Raises:
        OSError: the folder cannot be written.
        MisuseError: an outcome names a rule that does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _put(folder / "verdicts.json", json.dumps(as_json(run), indent=2) + "\n")
    page = folder / "index.html"
    _put(page, render(run, files=other_files(folder)))
    return page


def other_files(folder: Path) -> list[str]:
    """Name every file in the folder but the page itself, relative to it, in order."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if path != "index.html" and not path.endswith(".part"))


def as_json(run: Run) -> dict[str, Any]:
    """Return what `verdicts.json` holds."""
    judgements = judge(run.outcomes)
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "started_at": run.started_at,
        "seconds": run.seconds,
        "facts": dict(run.facts),
        "exit_status": exit_status(run),
        "summary": {verdict.value: number for verdict, number in count(judgements).items()},
        "rules": [_rule(judgement) for judgement in judgements.values()],
        "tests_without_a_rule": [_outcome(outcome) for outcome in run.outcomes if not outcome.rules],
    }


def _rule(judgement: Judgement) -> dict[str, Any]:
    return {
        "id": judgement.rule.id,
        "group": judgement.rule.group,
        "promise": judgement.rule.promise,
        "sources": [source.value for source in judgement.rule.sources],
        "verdict": judgement.verdict.value,
        "reasons": list(judgement.reasons),
        "tests": [_outcome(outcome) for outcome in judgement.evidence],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "nodeid": outcome.nodeid,
        "result": outcome.result.value,
        "seconds": outcome.seconds,
        "message": outcome.message,
        "reason": outcome.reason,
    }


def _put(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", errors="backslashreplace")
    part.replace(path)
