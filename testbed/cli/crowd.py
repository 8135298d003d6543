"""The command that sends a crowd of web clients through a failover and a failback of a topology that is up."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from testbed.cli.borrowed import report_folder, standing_bed
from testbed.cli.common import as_json, duration_ms, say, show, topology_name
from testbed.crowd import told
from testbed.crowd.results import exit_status
from testbed.crowd.run import Plan, run
from testbed.history import History

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.crowd.results import Result

FILES = ("crowd.json", "crowd.html", "history.jsonl")
"""What a report folder holds; nothing else in it is touched."""


@click.command()
@topology_name
@click.option("--clients", default=2000, show_default=True, type=click.IntRange(1, 10_000), help="How many there are.")
@click.option("--every", metavar="T", help="How often each polls.  [default: all together 200 times a second]")
@click.option("--within", metavar="T", default="2m", show_default=True, help="How long they may take each time.")
@click.option("--seed", default=0, show_default=True, metavar="S", help="Draw from it when they come and poll.")
@click.option("--report", metavar="DIR", help="Write crowd.json, crowd.html and the history here.")
@as_json
def crowd(  # noqa: PLR0913 - click's options
    *, name: str, clients: int, every: str | None, within: str, seed: int, report: str | None, json_: bool
) -> None:
    """Send a crowd of logged-in web clients through a failover and a failback of topology N.

    The users of the topology take turns: with few of them, each has many clients. Exit code: 0 all were back each time,
    and no portal failed; 1 not so, or something stayed unknown; 2 wrong use.
    """
    poll_s = None if every is None else duration_ms(every) / 1000
    plan = Plan(clients=clients, within_s=duration_ms(within) / 1000, seed=seed, poll_s=poll_s)
    with (
        standing_bed(name) as bed,
        report_folder(report, FILES) as folder,
        History(folder / "history.jsonl") as history,
    ):
        result = run(bed, history, plan, say=say)
        write(folder, result)
    show(told.as_json(result), json_=json_, text=lambda: told.table(result))
    sys.exit(exit_status(result))


def write(folder: Path, result: Result) -> None:
    """Put the result into a report's folder, for people and for programs."""
    (folder / "crowd.json").write_text(json.dumps(told.as_json(result), indent=2) + "\n", encoding="utf-8")
    (folder / "crowd.html").write_text(told.page(result), encoding="utf-8", errors="backslashreplace")
