"""The commands that act out schedules on containers: one drawn from a seed, or one from a file."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from testbed.campaign.reducing import SHRUNK, reduced
from testbed.campaign.results import EXIT_CODES, Outcome, as_json, missing, table, told
from testbed.campaign.run import run, topology_of
from testbed.cli.borrowed import own_bed
from testbed.cli.common import as_json as json_option
from testbed.cli.common import defect_lines, duration_ms, read_file, say, show
from testbed.errors import MisuseError
from testbed.schedules import schedule
from testbed.schedules.drawing import draw

if TYPE_CHECKING:
    from testbed.schedules.schedule import Schedule
    from testbed.schedules.shrinking import Shrunk

_report = click.option(
    "--report", metavar="DIR", help="Write schedule.json and history.jsonl here.  [default: a new folder in /tmp]"
)

_defect = click.option(
    "--defect",
    "planted",
    metavar="PLACE:NAME",
    multiple=True,
    help="Plant one of `testbed defects` on a server, or in `clients`; may be given again.",
)

_shrink = click.option(
    "--shrink-for",
    metavar="T",
    callback=lambda _context, _option, text: None if text is None else duration_ms(text) / 1000,
    help="If it fails, run ever smaller schedules for so long (5m): the smallest is kept.",
)


@click.command("random")
@click.option(
    "--seed", type=click.IntRange(0), metavar="S", help="What the schedule is drawn from.  [default: by chance]"
)
@click.option(
    "--minutes", default=5.0, show_default=True, type=click.FloatRange(0.1, 600), help="How long, in minutes."
)
@click.option("--draw-only", is_flag=True, help="Print the schedule, and do nothing.")
@_defect
@_shrink
@_report
@json_option
def randomly(  # noqa: PLR0913 - click's options
    *,
    seed: int | None,
    minutes: float,
    draw_only: bool,
    planted: tuple[str, ...],
    shrink_for: float | None,
    report: str | None,
    json_: bool,
) -> None:
    """Faults, settings and the work of twenty clients by chance; then all is healed, and must be well again.

    The same seed gives the same schedule. Exit code: 0 no rule was broken, 1 one was, or what such a schedule gives to
    judge could not be judged, 2 wrong use, or the testbed itself failed.
    """
    chosen = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    # Not for secrets: the same seed gives the same schedule.
    drawn = draw(random.Random(chosen), seed=chosen, minutes=minutes)  # noqa: S311
    if draw_only:
        click.echo(schedule.written(drawn), nl=False)
        return
    say(f"seed {chosen}")
    again = f"testbed random --seed {chosen} --minutes {minutes:g}"
    _run(drawn, _folder(report), again=again, planted=planted, shrink_for=shrink_for, json_=json_)


@click.command()
@click.argument("file", metavar="FILE")
@_defect
@_shrink
@_report
@json_option
def replay(*, file: str, planted: tuple[str, ...], shrink_for: float | None, report: str | None, json_: bool) -> None:
    """Act out the schedule of FILE on containers: one of `testbed random`, or one that `testbed simulate` saved.

    Containers do the same things in the same order at the same times; how fast their processes are is their own.
    A schedule says what is done, and not what is wrong in those to whom it is done: plant that again.
    """
    chosen = schedule.read(read_file(file))
    again = f"testbed replay {file}"
    _run(chosen, _folder(report), again=again, planted=planted, shrink_for=shrink_for, json_=json_)


def _run(  # noqa: PLR0913 - what the options say
    chosen: Schedule, folder: Path, *, again: str, planted: tuple[str, ...], shrink_for: float | None, json_: bool
) -> None:
    topology = topology_of(chosen, defects=planted)
    (folder / "schedule.json").write_text(schedule.written(chosen), encoding="utf-8")
    shrunk: Shrunk | None = None
    for line in defect_lines(list(planted)):
        say(line.strip())
    wrong = "".join(f" --defect {each}" for each in planted)
    with own_bed(topology, kind="random") as bed:
        result = run(bed, chosen, folder / "history.jsonl", say=say)
        # Before anything else is tried: whoever ends that early has the verdict all the same.
        (say if json_ else click.echo)(table(result))
        if result.outcome is not Outcome.PASS:
            say(f"again: {again}{wrong}")
        if result.broken and shrink_for is not None:
            shrunk = reduced(bed, result, folder, for_s=shrink_for, say=say)
            (say if json_ else click.echo)(told(shrunk))
    if json_:
        show(as_json(result, shrunk), json_=True, text=str)
    if shrunk is not None and shrunk.failed:
        say(f"what is left of it: testbed replay {folder / SHRUNK}{wrong}")
    if not result.broken:
        for line in missing(result):
            say(f"testbed: {line}")
    if code := EXIT_CODES[result.outcome]:
        sys.exit(code)


def _folder(report: str | None) -> Path:
    """A folder that holds no run yet."""
    if report is None:
        return Path(tempfile.mkdtemp(prefix="testbed-random-"))
    folder = Path(report).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MisuseError(f"cannot write a report to {report}: {error}") from error
    if (folder / "history.jsonl").exists():
        raise MisuseError(f"{report} holds the history of a run already: name another folder")
    return folder
