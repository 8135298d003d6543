"""Every rule at a glance: promise, source, readings, tests, last verdict. Pure: values in, text or plain data out."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from testbed.errors import MisuseError
from testbed.evidence import by_rule
from testbed.readings import resting_on
from testbed.report.verdicts import Verdict
from testbed.report.write import SCHEMA, SCHEMA_VERSION
from testbed.rules import GROUPS, RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from testbed.evidence import NamedTest

WIDTH = 110
"""Characters a line, at most."""

NOT_RUN = "not run yet"

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """What a report says.

    Attributes:
        at: when the run began, ISO 8601.
        verdicts: by rule.
    """

    at: str
    verdicts: Mapping[str, Verdict]


def last_run(report: Any) -> LastRun:
    """Read what `verdicts.json` holds.

    Raises:
        MisuseError: it is of another form.
    """
    try:
        if (report["schema"], report["schema_version"]) != (SCHEMA, SCHEMA_VERSION):
            raise MisuseError(f"its schema is {report['schema']} {report['schema_version']}")
        verdicts = {row["id"]: Verdict(row["verdict"]) for row in report["rules"]}
        return LastRun(at=str(report["started_at"]), verdicts=verdicts)
    except (KeyError, TypeError, ValueError) as error:
        raise MisuseError(f"it is of another form ({error!r})") from error


def rows(wanted: Iterable[str], tests: Sequence[NamedTest] | None, last: LastRun | None) -> list[Row]:
    """All about each of these rules, as plain data.

    Args:
        wanted: ids of rules.
        tests: all tests; `None` if nobody knows them.
        last: the last run, if there was one. Its verdicts may be of other tests than these: they carry its date.
    """
    named = by_rule(tests or ())
    return [_row(identity, None if tests is None else named.get(identity, []), last) for identity in wanted]


def _row(identity: str, tests: Sequence[NamedTest] | None, last: LastRun | None) -> Row:
    one = RULES[identity]
    return {
        "id": one.id,
        "group": GROUPS[one.group],
        "promise": one.promise,
        "sources": [source.value for source in one.sources],
        "held_in": one.held_in,
        "readings": [{"name": name, "text": reading.text} for name, reading in resting_on(identity).items()],
        "tests": None
        if tests is None
        else [{"nodeid": test.nodeid, "line": test.line, "promise": test.promise} for test in tests],
        "verdict": None if last is None else last.verdicts.get(identity, Verdict.NOT_TESTED).value,
        "verdict_at": None if last is None else last.at,
    }


def listing(found: Sequence[Row], *, width: int = WIDTH) -> str:
    """All rules, group by group: the promise, and one line about what it stands on."""
    lines: list[str] = []
    for title in dict.fromkeys(row["group"] for row in found):
        lines.append(title)
        for row in found:
            if row["group"] == title:
                lines += _promise(row, width) + _wrapped(_facts(row), width, " " * 13)
        lines.append("")
    return "\n".join([*lines, *_summary(found)])


def full(found: Sequence[Row], *, width: int = WIDTH) -> str:
    """These rules with every reading and every test."""
    blocks = []
    for row in found:
        lines = [*_promise(row, width, indent=""), f"  source   {_sources(row)}", f"  verdict  {_verdict(row)}"]
        for reading in row["readings"]:
            lines += _wrapped(f"“{reading['name']}”: {reading['text']}", width, "  reading  ")
        for test in row["tests"] or ():
            lines.append(f"  test     {test['nodeid']}")
            lines += _wrapped(test["promise"], width, " " * 13)
        if not row["tests"]:
            lines.append(f"  test     {_count(row)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _promise(row: Row, width: int, indent: str = "  ") -> list[str]:
    return _wrapped(row["promise"], width, f"{indent}{row['id']:<9}  ")


def _facts(row: Row) -> str:
    names = ", ".join(f"“{reading['name']}”" for reading in row["readings"])
    readings = f"; readings {names}" if names else ""
    return f"{_verdict(row)}; {_count(row)}; {_sources(row)}{readings}"


def _verdict(row: Row) -> str:
    return NOT_RUN if row["verdict"] is None else f"{row['verdict']} ({row['verdict_at']})"


def _count(row: Row) -> str:
    if row["tests"] is None:
        return "tests unknown"
    number = len(row["tests"])
    return "no test" if not number else f"{number} test" if number == 1 else f"{number} tests"


def _sources(row: Row) -> str:
    held = f" (in {row['held_in']})" if row["held_in"] else ""
    return ", ".join(row["sources"]).lower() + held


def _summary(found: Sequence[Row]) -> list[str]:
    verdicts = [row["verdict"] or NOT_RUN for row in found]
    counted = ", ".join(
        f"{verdicts.count(verdict)} {verdict}" for verdict in [*Verdict, NOT_RUN] if verdict in verdicts
    )
    return [f"{len(found)} rules: {counted}"]


def _wrapped(text: str, width: int, start: str) -> list[str]:
    """The text in lines of that width; the first begins with `start`, the others as deep."""
    return textwrap.wrap(text, width, initial_indent=start, subsequent_indent=" " * len(start))
