"""The command that judges somebody else's client: by a topology of its own, or by one that is up."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

from testbed import environment, runs
from testbed.bed import Bed
from testbed.cli.common import as_json, attach, chosen_topology, duration_ms, say, show
from testbed.conformance import command as commands
from testbed.conformance import given
from testbed.conformance.driver import Plan
from testbed.conformance.results import as_json as result_as_json
from testbed.conformance.results import exit_status
from testbed.conformance.run import refuse_disturbed, refuse_unfit, run
from testbed.conformance.scenarios import SCENARIOS, Kind, chosen
from testbed.conformance.told import junit, table
from testbed.engine.images import ensure_images
from testbed.errors import MisuseError
from testbed.history import History
from testbed.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.conformance.results import Result

FILES = (
    "conform.json",
    "conform.txt",
    "junit.xml",
    "history.jsonl",
    "client.out",
    "client.err",
    "ca.pem",
    "hosts",
    "topology.json",
)
"""What a report folder holds; nothing else in it is touched."""

_EPILOG = f"""\b
Scenarios:
{"".join(f"  {one.name:<12} {one.about}" + chr(10) for one in SCENARIOS)}
\b
COMMAND is given, as variables and as {{placeholders}} in its arguments (TESTBED_CA is {{ca}} there):
{given.help_text()}

\b
Exit code: 0 all that could be judged passed; 1 a check failed, nothing could be judged in a scenario,
the client ended by itself or never connected; 2 wrong use.
"""


@click.command(epilog=_EPILOG)
@click.argument("command", metavar="[--] COMMAND…", nargs=-1, type=click.UNPROCESSED)
@click.option("--topology", "wanted", metavar="FILE|PRESET", help="What to start; without it, a pair that is ready.")
@click.option("--observe", metavar="NAME", help="Judge a client that runs already, at a topology that is up.")
@click.option("--client", "address", metavar="ADDRESS", help="With --observe: the client's address; any, if left out.")
@click.option("--only", metavar="SCENARIO", multiple=True, help="This scenario alone; may be given more than once.")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    default=Kind.PLUGIN.value,
    show_default=True,
    help="What the client is: it logs in by itself, its user does, or it is never redirected.",
)
@click.option("--within", metavar="T", default="30s", show_default=True, help="How long it may take each time.")
@click.option("--strict", is_flag=True, help="Exit with 1 if anything stays unknown.")
@click.option("--report", metavar="DIR", help="Write conform.json, junit.xml, the client's output, the history here.")
@as_json
def conform(  # noqa: PLR0913, PLR0917 - click's way
    command: tuple[str, ...],
    wanted: str | None,
    observe: str | None,
    address: str | None,
    only: tuple[str, ...],
    kind: str,
    within: str,
    strict: bool,  # noqa: FBT001 - click's way
    report: str | None,
    json_: bool,  # noqa: FBT001 - click's way
) -> None:
    """Judge a client that knows nothing of the testbed, from the servers' side."""
    plan = Plan(
        scenarios=chosen(only, Kind(kind)),
        kind=Kind(kind),
        within_s=duration_ms(within) / 1000,
        command=command,
        address=address,
    )
    _refuse_muddle(plan, wanted, observe)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_folder(report))
        bed = stack.enter_context(_own(wanted) if observe is None else _of_somebody(observe))
        history = stack.enter_context(History(folder / "history.jsonl"))
        result = run(bed, history, plan, folder=folder, say=say)
        _write(folder, result, strict=strict)
    show(result_as_json(result, strict=strict), json_=json_, text=lambda: table(result, strict=strict))
    sys.exit(exit_status(result, strict=strict))


def _refuse_muddle(plan: Plan, wanted: str | None, observe: str | None) -> None:
    if bool(plan.command) == (observe is not None):
        raise MisuseError("say what to run (testbed conform -- COMMAND…) or whom to watch (--observe NAME), not both")
    if observe is not None and wanted is not None:
        raise MisuseError("--topology is for a topology of its own; --observe takes one that is up")
    if observe is None and plan.address is not None:
        raise MisuseError("--client goes with --observe NAME: a command is the only client of its topology")
    if plan.command:
        commands.check(plan.command)


@contextlib.contextmanager
def _folder(report: str | None) -> Iterator[Path]:
    """The report's folder, rid of what an earlier run wrote there; one for the time being, if none is wanted."""
    if report is None:
        with tempfile.TemporaryDirectory(prefix="testbed-conform-") as name:
            yield Path(name)
        return
    folder = Path(report).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise MisuseError(f"cannot write a report to {report}: {error}") from error
    yield folder


@contextlib.contextmanager
def _own(wanted: str | None) -> Iterator[Bed]:
    """A topology that ends with the block."""
    topology = Topology() if wanted is None else chosen_topology(wanted)
    refuse_unfit(topology)
    client = environment.engine()
    images = ensure_images(client, base=environment.base(), say=say)
    name = f"conform-{uuid.uuid4().hex[:8]}"
    with runs.run(environment.state_folder() / "runs") as (identity, _janitor):
        folder = environment.bed_folder(name)
        bed = Bed.up(
            client, images, topology, name=name, folder=folder, run=identity, keep=False, pool=environment.pool()
        )
        try:
            yield bed
        finally:
            bed.close()
            bed.forget()


@contextlib.contextmanager
def _of_somebody(name: str) -> Iterator[Bed]:
    """A topology that was up before, and stays."""
    bed = attach(name)
    refuse_unfit(bed.topology)
    try:
        refuse_disturbed(bed)
        yield bed
    finally:
        bed.close()


def _write(folder: Path, result: Result, *, strict: bool) -> None:
    files = {
        "conform.json": json.dumps(result_as_json(result, strict=strict), indent=2) + "\n",
        "conform.txt": table(result, strict=strict) + "\n",
        "junit.xml": junit(result, strict=strict),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
