"""The result of a run of `testbed conform` as one HTML page that needs nothing beside it. Pure: returns text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.conformance.results import by_rule, count, exit_status, in_the_dark
from testbed.conformance.told import names_line
from testbed.report.page import MARKS, environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.conformance.results import Result


def render(result: Result, *, strict: bool = False, files: Sequence[str] = ()) -> str:
    """The page: every rule and every scenario, each with its evidence, and what is wrong with the run as such.

    Args:
        result: of the run.
        strict: whether any unknown ends it with 1.
        files: other files of the report's folder, relative to it, to be linked.
    """
    wrong = [
        *filter(None, [result.broken, result.trouble]),
        *(f"nothing could be judged in {name}" for name in in_the_dark(result.rows)),
        *(f"not seen: {why}" for why in result.missed),
    ]
    names = {} if result.no_names is None else {"names": names_line(result.no_names)}
    return (
        environment()
        .get_template("conform.html.j2")
        .render(
            result=result,
            counts=count(result.rows),
            judgements=by_rule(result.rows),
            wrong=wrong,
            facts={**result.facts, **names},
            marks=MARKS,
            files=files,
            status=exit_status(result, strict=strict),
        )
    )
