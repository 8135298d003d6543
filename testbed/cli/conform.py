"""The command that judges somebody else's client: by a topology of its own, or by one that is up."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from testbed.cli.borrowed import own_bed, report_folder, standing_bed
from testbed.cli.common import as_json, chosen_topology, duration_ms, say, show
from testbed.conformance import command as commands
from testbed.conformance import given
from testbed.conformance.page import render
from testbed.conformance.plan import Names, Plan
from testbed.conformance.results import as_json as result_as_json
from testbed.conformance.results import exit_status
from testbed.conformance.run import refuse_unfit, run
from testbed.conformance.scenarios import SCENARIOS, Kind, chosen
from testbed.conformance.told import junit, table
from testbed.errors import BedError, MisuseError
from testbed.history import History
from testbed.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.conformance.results import Result

FILES = (
    "conform.json",
    "conform.txt",
    "conform.html",
    "junit.xml",
    "history.jsonl",
    "client.out",
    "client.err",
    "client.hosts",
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
the client ended by itself or never connected; 2 wrong use, or the testbed itself failed.
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
@click.option("--connect-within", metavar="T", default="30s", show_default=True, help="How long to start and log in.")
@click.option(
    "--names",
    type=click.Choice([names.value for names in Names]),
    default=Names.AUTO.value,
    show_default=True,
    help="Whether the servers' names resolve for COMMAND, by an /etc/hosts of its own: where possible, always, never.",
)
@click.option("--trust-by-environment", is_flag=True, help=f"Set {', '.join(given.TRUSTS)} for COMMAND.")
@click.option("--again", is_flag=True, help="Start COMMAND again whenever it has ended.")
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
    connect_within: str,
    strict: bool,  # noqa: FBT001 - click's way
    report: str | None,
    json_: bool,  # noqa: FBT001 - click's way
    **how: Any,
) -> None:
    """Judge a client that knows nothing of the testbed, from the servers' side."""
    plan = Plan(
        scenarios=chosen(only, Kind(kind)),
        kind=Kind(kind),
        within_s=duration_ms(within) / 1000,
        connect_s=duration_ms(connect_within) / 1000,
        command=command,
        address=address,
        names=Names(how["names"]),
        again=how["again"],
        trusts_by_environment=how["trust_by_environment"],
    )
    _refuse_muddle(plan, wanted, observe)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(report_folder(report, FILES))
        bed = stack.enter_context(_own(wanted) if observe is None else standing_bed(observe))
        history = stack.enter_context(History(folder / "history.jsonl"))
        with _not_the_client():
            result = run(
                bed, history, plan, folder=folder, say=say, keep=lambda one: _write(folder, one, strict=strict)
            )
    show(result_as_json(result, strict=strict), json_=json_, text=lambda: table(result, strict=strict))
    sys.exit(exit_status(result, strict=strict))


def _refuse_muddle(plan: Plan, wanted: str | None, observe: str | None) -> None:
    if bool(plan.command) == (observe is not None):
        raise MisuseError("say what to run (testbed conform -- COMMAND…) or whom to watch (--observe NAME), not both")
    if observe is not None and wanted is not None:
        raise MisuseError("--topology is for a topology of its own; --observe takes one that is up")
    if observe is None and plan.address is not None:
        raise MisuseError("--client goes with --observe NAME: a command is the only client of its topology")
    if observe is not None and (plan.again or plan.trusts_by_environment or plan.names is not Names.AUTO):
        raise MisuseError("--names, --again and --trust-by-environment are of a COMMAND, and --observe runs none")
    if plan.command:
        commands.check(plan.command)


def _own(wanted: str | None) -> contextlib.AbstractContextManager[Bed]:
    """A topology that ends with the command."""
    topology = Topology() if wanted is None else chosen_topology(wanted)
    refuse_unfit(topology)
    return own_bed(topology, kind="conform")


def _write(folder: Path, result: Result, *, strict: bool) -> None:
    files = {
        "conform.json": json.dumps(result_as_json(result, strict=strict), indent=2) + "\n",
        "conform.txt": table(result, strict=strict) + "\n",
        "junit.xml": junit(result, strict=strict),
    }
    files["conform.html"] = render(result, strict=strict, files=sorted({*files, *_there(folder)}))
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")


@contextlib.contextmanager
def _not_the_client() -> Iterator[None]:
    """Where the testbed itself fails: an exit code of 1 would be a verdict on the client."""
    try:
        yield
    except (BedError, ExceptionGroup) as error:
        _exit_with_2(error)
        raise


def _exit_with_2(error: Exception) -> None:
    if isinstance(error, ExceptionGroup):
        for one in error.exceptions:
            _exit_with_2(one)
    elif isinstance(error, BedError):
        error.exit_code = 2


def _there(folder: Path) -> list[str]:
    return [name for name in FILES if (folder / name).exists()]
