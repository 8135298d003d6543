"""The result of a crowd's run as a table for people and as JSON for programs. Pure: returns text and values."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from jinja2 import Environment

from testbed.crowd.results import back_ms, exit_status, percentile, rows
from testbed.report.text import one_line

if TYPE_CHECKING:
    from testbed.crowd.results import Phase, Result, Row

SCHEMA = "portal-resilience-testbed/crowd"
SCHEMA_VERSION = 1
"""Rises when a field goes or changes its meaning; a new field does not count."""

WIDTH = 110
"""Characters a line, at most."""

HEADS = ("phase", "back", "p50", "p99", "last", "requests/client", "connections/client", "in vain")

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>A crowd</title>
<style>
body { font: 1rem/1.4 sans-serif; margin: 2rem; color: #1a1a1a; background: #fff }
table { border-collapse: collapse; margin-bottom: 1.5rem } caption { text-align: left; padding-bottom: .5rem }
th, td { border: 1px solid #888; padding: .3rem .6rem; text-align: left; vertical-align: top }
</style>
<h1>A crowd</h1>
<p>{{ about }}</p>
<table><caption>When they were logged in again, counted from what began the phase; requests and connections on average,
and the most of one client.</caption>
<thead><tr>{% for head in heads %}<th>{{ head }}{% endfor %}</thead>
<tbody>{% for line in lines %}<tr>{% for cell in line %}<td>{{ cell }}{% endfor %}{% endfor %}</tbody></table>
<table><caption>Verdicts</caption>
<thead><tr><th>phase<th>check<th>verdict<th>rules<th>evidence</thead>
<tbody>{% for row in rows %}<tr><td>{{ row.phase }}<td>{{ row.check }}<td>{{ row.verdict }}<td>{{ row.rules|join(" ") }}
<td>{{ row.evidence }}{% endfor %}</tbody></table>
<table><caption>What their requests came to</caption>
<thead><tr><th>phase<th>service<th>came to<th>times</thead>
<tbody>{% for line in answers %}<tr>{% for cell in line %}<td>{{ cell }}{% endfor %}{% endfor %}</tbody></table>
"""


def as_json(result: Result) -> dict[str, Any]:
    """What `crowd --json` prints, and `crowd.json` holds."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "topology": result.topology,
        "clients": result.clients,
        "poll_s": result.poll_s,
        "seed": result.seed,
        "started_at": result.started_at,
        "seconds": round(result.seconds, 3),
        "exit_status": exit_status(result),
        "phases": [figures(phase) for phase in result.phases],
        "roles": {server: roles if roles is None else list(roles) for server, roles in result.roles.items()},
        "verdicts": [_row_as_json(row) for row in rows(result)],
    }


def figures(phase: Phase) -> dict[str, Any]:
    """The figures of a phase; times in milliseconds since it began."""
    times = back_ms(phase)
    return {
        "phase": phase.name.value,
        "target": phase.target,
        "clients": len(phase.members),
        "back": len(times),
        "back_ms": {"p50": percentile(times, 0.5), "p99": percentile(times, 0.99), "max": percentile(times, 1)},
        "requests": _each([one.requests for one in phase.members]),
        "connections": _each([one.connections for one in phase.members]),
        "unanswered": _each([one.unanswered for one in phase.members]),
        "answers": {f"{place} {what}": count for (place, what), count in sorted(phase.answers.items())},
        "sessions": dict(phase.sessions),
        "seconds": round(phase.seconds, 3),
    }


def table(result: Result) -> str:
    """Figures, then verdicts with their evidence."""
    lines = [HEADS, *(_cells(phase) for phase in result.phases)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    told = [_about(result)]
    told += ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    found = rows(result)
    told += [line for row in found for line in _row(row)]
    passed = sum(row.verdict == "pass" for row in found)
    told.append(f"{passed} of {len(found)} pass; {result.seconds:.1f} s; exit {exit_status(result)}")
    return "\n".join(told)


def page(result: Result) -> str:
    """The same as an HTML page that needs nothing beside it."""
    answers = [
        (phase.name, str(place), what, count)
        for phase in result.phases
        for (place, what), count in sorted(phase.answers.items())
    ]
    template = Environment(autoescape=True).from_string(PAGE)
    return template.render(
        about=_about(result),
        heads=HEADS,
        lines=[_cells(phase) for phase in result.phases],
        rows=rows(result),
        answers=answers,
    )


def _about(result: Result) -> str:
    every = f"each polling every {result.poll_s:g} s"
    return f"{result.clients} web clients at {result.topology}, {every} (seed {result.seed})"


def _cells(phase: Phase) -> tuple[str, ...]:
    said = figures(phase)
    times = [said["back_ms"][key] for key in ("p50", "p99", "max")]
    return (
        phase.name.value,
        f"{said['back']}/{said['clients']}",
        *("-" if each is None else f"{each / 1000:.1f} s" for each in times),
        *(_most(said[key]) for key in ("requests", "connections", "unanswered")),
    )


def _most(each: dict[str, float | None]) -> str:
    return "-" if each["mean"] is None else f"{each['mean']:.1f} (most {each['max']:.0f})"


def _each(values: list[int]) -> dict[str, float | None]:
    mean = round(sum(values) / len(values), 2) if values else None
    return {"mean": mean, "p50": percentile(values, 0.5), "p99": percentile(values, 0.99), "max": percentile(values, 1)}


def _row_as_json(row: Row) -> dict[str, Any]:
    return {
        "phase": row.phase.value,
        "check": row.check.value,
        "verdict": row.verdict.value,
        "rules": list(row.rules),
        "evidence": row.evidence,
    }


def _row(row: Row) -> list[str]:
    start = f"  {row.phase:<9} {row.check:<10} {row.verdict:<8} {' '.join(row.rules) or '-':<18} "
    return textwrap.wrap(one_line(row.evidence), WIDTH, initial_indent=start, subsequent_indent=" " * len(start))
