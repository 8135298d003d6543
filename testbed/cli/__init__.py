"""The command line: parses, calls, prints. Exit codes: 0 fine, 1 an expectation failed, 2 wrong use or something lacks.

Every failure is one line on stderr that says what happened, to what, and what to do next. A command is loaded when it
is called: all of them together take a second and a half of processor time, which `testbed status` has no use for.
"""

from __future__ import annotations

import importlib
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from testbed.errors import BedError

if TYPE_CHECKING:
    from collections.abc import Mapping

WHERE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        **{name: ("beds", name) for name in ("up", "topologies", "ls", "status", "hosts", "logs", "reset", "down")},
        **{name: (name, name) for name in ("configure", "conform", "crowd", "defects", "doctor", "fault", "gc")},
        **{name: (name, name) for name in ("images", "recheck", "rules", "simulate")},
        "random": ("randomly", "randomly"),
        "replay": ("randomly", "replay"),
    }
)
"""The module of each command below `testbed.cli`, and its name there."""


class Commands(click.Group):
    """Loads what is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All, in alphabetical order."""
        del ctx
        return sorted(WHERE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One by its name; `None`: there is none."""
        del ctx
        if cmd_name not in WHERE:
            return None
        module, name = WHERE[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"testbed.cli.{module}"), name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="portal-resilience-testbed")
def commands() -> None:
    """Break a pair of one-X Portal servers on purpose, and see what the clients do."""


def main() -> None:
    """Run one command, and end the process with its exit code."""
    try:
        code = commands(standalone_mode=False)
        if isinstance(code, int):  # click turns an `Exit` into what it returns
            sys.exit(code)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        sys.exit(explain(error))
    except click.Abort:
        sys.exit(130)
    except BedError as error:
        sys.exit(tell(error))
    except ExceptionGroup as group:
        ours, others = group.split(BedError)
        if ours is None or others is not None:
            raise
        sys.exit(max(tell(error) for error in leaves(ours)))


def explain(error: click.ClickException) -> int:
    """Print what did not parse as one line, with the way to help; its exit code."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = "" if context is None else f" ({context.command_path} --help)"
    click.echo("testbed: " + " ".join(error.format_message().split()) + hint, err=True)
    return error.exit_code


def tell(error: BedError) -> int:
    """Print an error and its notes as one line; its exit code."""
    said = "; ".join([str(error), *getattr(error, "__notes__", ())])
    click.echo("testbed: " + " ".join(said.split()), err=True)
    return error.exit_code


def leaves(group: BaseExceptionGroup[BedError]) -> list[BedError]:
    """The errors of a group, however nested."""
    found: list[BedError] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
