"""The rules, for reading: what each promises, where it comes from, what shows it, and how that went last."""

from __future__ import annotations

import json
from pathlib import Path

import click

from testbed.cli.common import as_json, read_file, show
from testbed.errors import MisuseError
from testbed.evidence import NamedTest, named_tests
from testbed.report.overview import LastRun, full, last_run, listing, rows
from testbed.rules import RULES, rule

TESTS, REPORT = "tests", "report"


@click.command()
@click.argument("chosen", metavar="[RULE]...", nargs=-1)
@click.option("--tests", "tests", metavar="DIR", help=f"Where the tests are.  [default: {TESTS}, if it is there]")
@click.option("--report", "report", metavar="DIR", help=f"The last report.  [default: {REPORT}, if it is there]")
@as_json
def rules(chosen: tuple[str, ...], tests: str | None, report: str | None, json_: bool) -> None:  # noqa: FBT001 - click
    """List every rule, with its source, the readings and tests that rest on it, and its last verdict.

    Name some, such as ROLE-2 CERT-5, to read all about them.
    """
    wanted = tuple(dict.fromkeys(rule(identity).id for identity in chosen)) or tuple(RULES)
    found = rows(wanted, _tests(tests), _last_run(report))
    show(found, json_=json_, text=lambda: full(found) if chosen else listing(found))


def _tests(folder: str | None) -> tuple[NamedTest, ...] | None:
    """The tests below a folder; `None` if nobody named one and the usual one is not there."""
    root = Path(TESTS if folder is None else folder)
    if not root.is_dir():
        if folder is None:
            return None
        raise MisuseError(f"there is no folder {folder}: name the one with the tests (--tests DIR)")
    paths = sorted(root.rglob("test_*.py"))
    return tuple(test for path in paths for test in named_tests(path.as_posix(), read_file(str(path))))


def _last_run(folder: str | None) -> LastRun | None:
    """What the last report says; `None` if nobody named one and the usual one is not there."""
    path = Path(REPORT if folder is None else folder) / "verdicts.json"
    if folder is None and not path.is_file():
        return None
    try:
        return last_run(json.loads(read_file(str(path))))
    except (ValueError, MisuseError) as error:
        raise MisuseError(f"{path} is no report of verdicts: {error}") from error
