"""Commands are loaded when they are called, and all of them are there."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import click
import pytest

from testbed import cli

HEAVY = ("aiohttp", "flask", "jinja2", "playwright", "testbed.conformance", "testbed.crowd", "testbed.simulator")


@pytest.mark.parametrize("name", sorted(cli.WHERE))
def test_a_command_is_found_under_its_own_name(name: str) -> None:
    """As it is typed."""
    found = cli.commands.get_command(click.Context(cli.commands), name)
    assert found is not None
    assert found.name == name


def test_no_command_is_left_out() -> None:
    """Whatever stands in a module of the command line belongs to a group, or is a command of its own."""
    modules = [importlib.import_module(f"testbed.cli.{each.name}") for each in pkgutil.iter_modules(cli.__path__)]
    all_there = {each for module in modules for each in vars(module).values() if isinstance(each, click.Command)}
    own = {getattr(importlib.import_module(f"testbed.cli.{module}"), name) for module, name in cli.WHERE.values()}
    grouped = {each for group in own if isinstance(group, click.Group) for each in group.commands.values()}
    assert all_there - own - grouped == set()


def test_what_is_typed_most_loads_little() -> None:
    """`status` has no use for a crowd's transport or for the stubs' web server."""
    told = f"import sys, testbed.cli.beds, testbed.cli.fault; print([each for each in {HEAVY} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout == "[]\n"
