"""Judges a history again, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from testbed import checkers
from testbed.checkers import Outcome
from testbed.cli.common import as_json, show
from testbed.errors import MisuseError
from testbed.history import read

if TYPE_CHECKING:
    from testbed.checkers import Judgement

EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 2}
"""Nothing that could be judged is no success."""


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--strict", is_flag=True, help="End with 1 if any checker cannot tell.")
@as_json
def recheck(*, file: str, strict: bool, json_: bool) -> None:
    """Judge a history (history.jsonl of a report) by every checker. Needs no engine.

    Ends with 0 if something was judged and no rule was broken, 1 if one was, 2 if nothing could be judged.
    """
    try:
        records = read(Path(file))
    except OSError as error:
        raise MisuseError(f"cannot read {file}: {error}") from error
    judgement = checkers.judge(records)
    show(as_values(judgement), json_=json_, text=lambda: as_text(judgement))
    code = EXIT_CODES[judgement.outcome]
    code = 1 if code == 0 and strict and judgement.unknown else code
    if code:
        raise click.exceptions.Exit(code)


def as_values(judgement: Judgement) -> dict[str, Any]:
    """A judgement as JSON values."""
    return {"outcome": judgement.outcome.value, **judgement.values()}


def as_text(judgement: Judgement) -> str:
    """A judgement for people: a line for each checker, its evidence below it unless it passed."""
    lines = []
    for one in judgement.verdicts:
        lines.append(f"{one.outcome.value:8}{one.checker:20}{' '.join(one.rules)}")
        if one.outcome is not Outcome.PASS:
            lines += [f"        {line}" for line in one.evidence]
    return "\n".join([*lines, "", *judgement.figures()])
