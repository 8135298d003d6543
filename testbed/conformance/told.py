"""The result of a run of `testbed conform` as a table for people and as JUnit for pipelines. Pure: returns text."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from testbed.conformance.results import by_rule, count, decisive, exit_status, in_the_dark
from testbed.report.text import one_line, printable, shorten
from testbed.report.verdicts import Verdict

if TYPE_CHECKING:
    from testbed.conformance.results import Result, Row

WIDTH = 110
"""Characters a line, at most."""


def table(result: Result, *, strict: bool = False) -> str:
    """Every verdict with its evidence, scenario by scenario and by rule, what is wrong with the run, and a summary."""
    lines = [f"{one_line(result.client)} ({result.kind.value}) at {result.topology}"]
    if result.no_names is not None:
        lines.append(names_line(result.no_names))
    for name in dict.fromkeys(row.scenario for row in result.rows):
        lines.append(name)
        lines += [line for row in result.rows if row.scenario == name for line in _row(row)]
    lines += _rules(result)
    if result.missed:
        lines += ["not seen: " + one_line(why) for why in result.missed]
    if result.trouble is not None:
        lines += [one_line(result.trouble)]
        lines += [f"  its stderr: {one_line(line)}" for line in (result.ended.said if result.ended else ())]
    lines += [f"nothing could be judged in {name}" for name in in_the_dark(result.rows)]
    if result.broken is not None:
        lines.append(one_line(result.broken))
    counts = ", ".join(f"{number} {verdict}" for verdict, number in count(result.rows).items())
    lines.append(f"{counts}; {result.seconds:.1f} s; exit {exit_status(result, strict=strict)}")
    return "\n".join(lines)


def names_line(why_not: str) -> str:
    """Whether the servers' names resolve for the client, in a line."""
    if why_not:
        return f"the servers' names do not resolve for the client ({one_line(why_not)}): it needs TESTBED_HOSTS"
    return "the servers' names resolve for the client, and for nobody else"


def _rules(result: Result) -> list[str]:
    judgements = by_rule(result.rows)
    lines = ["by rule"] if judgements else []
    for one in judgements:
        first, others = decisive(one), len(one.evidence) - 1
        more = f" (and {others} more)" if others else ""
        start = f"  {one.rule.id:<12} {one.verdict:<8} "
        said = f"{first.nodeid}: {one_line(first.said)}"
        lines.append(start + shorten(said, WIDTH - len(start) - len(more)) + more)
    return lines


def _row(row: Row) -> list[str]:
    start = f"  {row.check:<12} {row.verdict:<8} {' '.join(row.rules) or '-':<16} "
    return textwrap.wrap(one_line(row.evidence), WIDTH, initial_indent=start, subsequent_indent=" " * len(start)) or [
        start.rstrip()
    ]


def junit(result: Result, *, strict: bool = False) -> str:
    """The same as JUnit: a suite per scenario, a case per check, and one for the run as such.

    A fail is a failure. An unknown is an error where it ends the run with 1, else it is skipped, with its reason.
    """
    dark = in_the_dark(result.rows)
    root = ET.Element("testsuites", name="testbed conform")
    for name in dict.fromkeys(row.scenario for row in result.rows):
        rows = [row for row in result.rows if row.scenario == name]
        is_bad = strict or name in dark or result.trouble is not None or result.broken is not None
        unknown = "error" if is_bad else "skipped"
        _suite(root, name, [(row.check.value, _kind(row.verdict, unknown), _said(row)) for row in rows])
    wrong = result.broken or result.trouble
    _suite(root, "run", [("client", "error" if wrong else None, wrong or "it ran to the end")])
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _kind(verdict: Verdict, unknown: str) -> str | None:
    return {Verdict.FAIL: "failure", Verdict.UNKNOWN: unknown}.get(verdict)


def _said(row: Row) -> str:
    return f"{' '.join(row.rules)}: {row.evidence}" if row.rules else row.evidence


def _suite(root: ET.Element, name: str, cases: list[tuple[str, str | None, str]]) -> None:
    kinds = [kind for _case, kind, _said in cases]
    suite = ET.SubElement(
        root,
        "testsuite",
        name=f"conform.{name}",
        tests=str(len(cases)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
    )
    for case, kind, said in cases:
        element = ET.SubElement(suite, "testcase", classname=f"conform.{name}", name=case)
        if kind is None:
            ET.SubElement(element, "system-out").text = printable(said)
        else:
            ET.SubElement(element, kind, message=one_line(said))
