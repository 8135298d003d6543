"""What the commands share: options, arguments, printing."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from testbed import environment, layout, presets, topology
from testbed.bed import Bed
from testbed.certificates import CertificateFault
from testbed.defects import defect_named
from testbed.engine.records import check_name
from testbed.errors import MisuseError
from testbed.faults import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.topology import Topology

as_json = click.option("--json", "json_", is_flag=True, help="Print the result as JSON.")
topology_name = click.argument("name", metavar="N")

INSTALLED = "installed"
"""What a certificate is when it has no fault."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)")
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000}


def program() -> str:
    """How this program was called, so that what is printed can be typed."""
    called = Path(sys.argv[0])
    found = shutil.which("testbed")
    if found is not None and Path(found).resolve() == called.resolve():
        return "testbed"
    return os.path.relpath(called) if called.is_absolute() and called.is_relative_to(Path.cwd()) else str(called)


def say(line: str) -> None:
    """Progress, on stderr: stdout carries results only."""
    click.echo(line, err=True)


def show(result: Any, *, json_: bool, text: Callable[[], str]) -> None:
    """Print a result as JSON or as text."""
    click.echo(json.dumps(result, indent=2) if json_ else text())


def attach(name: str) -> Bed:
    """The bed of this name.

    Raises:
        MisuseError: there is none.
    """
    check_name(name)
    return Bed.attach(environment.engine(), name, folder=environment.bed_folder(name))


def chosen_topology(chosen: str) -> Topology:
    """A preset by its name, or a file: what looks like a path is one.

    Raises:
        MisuseError: there is none, or it is no topology.
    """
    if chosen in presets.names():
        return topology.derive(presets.fields(chosen))
    if "/" not in chosen and "." not in chosen and not Path(chosen).exists():
        raise MisuseError(f"no file and no preset is called {chosen!r}; presets: {', '.join(presets.names())}")
    return topology.read(read_file(chosen), source=chosen)


def with_defects(wanted: Topology, planted: tuple[str, ...]) -> Topology:
    """A topology with further defects, each SERVER:NAME.

    Raises:
        MisuseError: there is no such defect or server, or the server has nothing that could have it.
    """
    return msgspec.structs.replace(wanted, defects=(*wanted.defects, *planted)) if planted else wanted


def defect_lines(planted: list[str]) -> list[str]:
    """What a topology says of its defects: nobody is to take it for a sound one."""
    return [f"  planted defect: {each}: {defect_named(each.partition(':')[2]).says}" for each in planted]


def targets_of(bed: Bed, text: str) -> tuple[Target, ...]:
    """SERVER/SERVICE, or SERVER for all its services.

    Raises:
        MisuseError: there is no such server or service, or the service is out of use (CFG-10).
    """
    name, slash, service = text.partition("/")
    server = layout.named(bed.topology, name)
    installed = bed.installed(server)
    if slash and service == "portal" and layout.out_of_use(bed.topology, server):
        raise MisuseError(f"the {name}'s own portal is out of use: application/portal stands in for it (CFG-10)")
    if slash and service not in installed:
        raise MisuseError(f"{name} has no service {service!r}; it has {' and '.join(installed)}")
    return tuple(Target(server, each) for each in ([service] if slash else installed))


def case_of(text: str) -> CertificateFault | None:
    """A certificate fault by its name; `None` for "installed".

    Raises:
        MisuseError: there is no such case.
    """
    if text == INSTALLED:
        return None
    try:
        return CertificateFault(text)
    except ValueError as error:
        cases = ", ".join([*CertificateFault, INSTALLED])
        raise MisuseError(f"no certificate case is called {text!r}; there are {cases}") from error


def duration_ms(text: str) -> int:
    """A duration such as 500ms, 30s or 2m, in milliseconds.

    Raises:
        MisuseError: it is none.
    """
    found = _DURATION.fullmatch(text)
    found_ms = 0 if found is None else round(float(found[1]) * _UNITS_MS[found[2]])
    if not found_ms:
        raise MisuseError(f"{text!r} is no duration of a millisecond and more: write 500ms, 30s or 2m")
    return found_ms


def read_file(path: str) -> str:
    """The text of a file.

    Raises:
        MisuseError: it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MisuseError(f"cannot read {path}: {error}") from error
