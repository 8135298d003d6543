"""The report as one HTML page that needs nothing beside it: no script, no network. Pure: returns text."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from testbed.readings import resting_on
from testbed.report.text import printable
from testbed.report.verdicts import Verdict, count, exit_status, judge
from testbed.rules import GROUPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.report.verdicts import Run

MARKS = {Verdict.FAIL: "✗", Verdict.UNKNOWN: "?", Verdict.PASS: "✓", Verdict.NOT_TESTED: "·"}
"""A sign for each verdict, so that no reader depends on its colour."""


def environment() -> Environment:
    """What the templates of the reports are rendered in."""
    made = Environment(
        autoescape=True,
        loader=PackageLoader("testbed.report", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["printable"] = printable
    made.filters["href"] = lambda path: "./" + quote(path, errors="surrogateescape")
    return made


def render(run: Run, *, files: Sequence[str] = ()) -> str:
    """Return the page.

    Args:
        run: what happened.
        files: other files of the report's folder, relative to it, to be linked.
    """
    judgements = judge(run.outcomes)
    groups = [
        (identity, title, [one for one in judgements.values() if one.rule.group == identity])
        for identity, title in GROUPS.items()
    ]
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            run=run,
            groups=groups,
            counts=count(judgements),
            doubtful=[one for one in judgements.values() if one.verdict in {Verdict.FAIL, Verdict.UNKNOWN}],
            others=[outcome for outcome in run.outcomes if not outcome.rules],
            marks=MARKS,
            readings={identity: resting_on(identity) for identity in judgements},
            files=files,
            status=exit_status(run),
        )
    )
