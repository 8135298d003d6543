"""The planted defects, for reading: what is wrong, which rules that breaks, what catches it."""

from __future__ import annotations

import textwrap
from typing import Any

import click

from testbed.cli.common import as_json, show
from testbed.defects import CAUGHT_BY, DEFECTS, SEEN_BY, defect_named

_WIDTH = 100


@click.command()
@click.argument("chosen", metavar="[DEFECT]...", nargs=-1)
@as_json
def defects(chosen: tuple[str, ...], json_: bool) -> None:  # noqa: FBT001 - click's way
    """List every defect that can be planted, by its area.

    Switch one on with `testbed up --defect primary:NAME`, or clients:NAME in the tests of a topology; `testbed random`
    and `testbed replay` take both.
    """
    rows = [_row(name) for name in dict.fromkeys(chosen or DEFECTS)]
    show(rows, json_=json_, text=lambda: "\n".join(_text(rows)))


def _row(name: str) -> dict[str, Any]:
    defect = defect_named(name)
    return {
        "name": name,
        "area": defect.area,
        "part": defect.part,
        "says": defect.says,
        "breaks": list(defect.breaks),
        "caught_by": list(CAUGHT_BY.get(name, ())),
        "checkers": list(SEEN_BY.get(name, ())),
    }


def _text(rows: list[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    area = ""
    for row in rows:
        if row["area"] != area:
            area = row["area"]
            lines += [*([""] if lines else []), area]
        lines.append(f"  {row['name']} ({row['part']}): {', '.join(row['breaks'])}")
        lines += textwrap.wrap(row["says"], _WIDTH, initial_indent="    ", subsequent_indent="    ")
        lines += [f"    caught by {test}" for test in row["caught_by"]]
        if row["checkers"]:
            lines.append(f"    in a run, caught by the judge: {', '.join(row['checkers'])}")
    caught, judged = (sum(bool(row[by]) for row in rows) for by in ("caught_by", "checkers"))
    told = f"{caught} of {len(rows)} are caught by the project's own tests"
    return [*lines, "", f"{told}; {judged} of them by the judge as well, in runs whose histories are kept"]
