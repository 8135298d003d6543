"""The verdicts of a run as a table for a terminal. Pure: returns text, prints nothing."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from testbed.report.verdicts import Verdict, count, judge
from testbed.rules import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testbed.report.verdicts import Judgement, Run

_COLOURS = {Verdict.FAIL: 31, Verdict.UNKNOWN: 33, Verdict.PASS: 32, Verdict.NOT_TESTED: 2}


def table(run: Run, *, width: int = 110, colour: bool = False) -> str:
    """Return the verdicts, group by group, what failed or stayed unknown and why, and a summary.

    Args:
        run: what happened.
        width: bound on the length of a line, in characters.
        colour: paint the verdicts with ANSI escapes, which do not count as characters here.
    """
    judgements = judge(run.outcomes)
    lines = [
        *_verdicts(judgements, width, colour=colour),
        *_reasons(judgements, width),
        summary(run),
    ]
    return "\n".join(lines) + "\n"


def summary(run: Run) -> str:
    """Return one line: how many rules have which verdict, over how many tests and seconds."""
    counts = count(judge(run.outcomes))
    rules = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
    return f"rules: {rules}; {_plural(len(run.outcomes))} in {run.seconds:.1f} s"


def printable(text: str) -> str:
    """Return the text without colours and without anything else that a terminal would act on; lines stay."""
    uncoloured = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    return "".join(c if c.isprintable() or c == "\n" else " " for c in uncoloured)


def one_line(text: str) -> str:
    """Return the text likewise, on one line."""
    return " ".join(printable(text).split())


def _verdicts(judgements: Mapping[str, Judgement], width: int, *, colour: bool) -> Iterator[str]:
    for group, title in GROUPS.items():
        yield title
        for judgement in judgements.values():
            if judgement.rule.group == group:
                yield _row(judgement, width, colour=colour)
        yield ""


def _row(judgement: Judgement, width: int, *, colour: bool) -> str:
    verdict = f"{judgement.verdict:<10}"
    number = len(judgement.evidence)
    start = f"  {judgement.rule.id:<8}  {verdict}  {_plural(number) if number else '-':>9}  "
    row = start + shorten(judgement.rule.promise, width - len(start))
    painted = f"\x1b[{_COLOURS[judgement.verdict]}m{verdict}\x1b[0m"
    return row.replace(verdict, painted, 1) if colour else row


def _reasons(judgements: Mapping[str, Judgement], width: int) -> Iterator[str]:
    open_ones = [one for one in judgements.values() if one.verdict in {Verdict.FAIL, Verdict.UNKNOWN}]
    for judgement in open_ones:
        yield f"{judgement.rule.id} {judgement.verdict}"
        for outcome in judgement.evidence:
            if outcome.result != "passed":
                yield shorten(f"  {outcome.result}: {one_line(outcome.nodeid)}", width)
                if outcome.said:
                    yield shorten(f"    {one_line(outcome.said)}", width)
    if open_ones:
        yield ""


def shorten(text: str, width: int) -> str:
    """Cut a text to the width, at a word unless that loses more than half, with an ellipsis for the rest."""
    if len(text) <= width:
        return text
    indent = text[: len(text) - len(text.lstrip())]
    cut = indent + textwrap.shorten(text.strip(), width - len(indent), placeholder=" …")
    return cut if len(cut) > width / 2 else text[: width - 1] + "…"


def _plural(number: int) -> str:
    return f"{number} test" if number == 1 else f"{number} tests"
