"""The command line: parses, calls, prints. Exit codes: 0 fine, 1 an expectation failed, 2 wrong use or something lacks.

Every failure is one line on stderr that says what happened, to what, and what to do next.
"""

from __future__ import annotations

import sys

import click

from testbed.cli import beds, configure, conform, doctor, fault, images, rules
from testbed.errors import BedError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="portal-resilience-testbed")
def commands() -> None:
    """Break a pair of one-X Portal servers on purpose, and see what the clients do."""


for command in (
    *beds.COMMANDS,
    configure.configure,
    conform.conform,
    doctor.doctor,
    fault.fault,
    images.images,
    rules.rules,
):
    commands.add_command(command)


def main() -> None:
    """Run one command, and end the process with its exit code."""
    try:
        commands(standalone_mode=False)
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
    """Print an error as one line; its exit code."""
    click.echo("testbed: " + " ".join(str(error).split()), err=True)
    return error.exit_code


def leaves(group: BaseExceptionGroup[BedError]) -> list[BedError]:
    """The errors of a group, however nested."""
    found: list[BedError] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
