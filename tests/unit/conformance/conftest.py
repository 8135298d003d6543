"""A client that ends with its test."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from testbed.conformance.command import Command
from testbed.errors import BedError
from tests.unit.conformance.processes import order

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.conformance.processes import Start


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Start]:
    """Starts a client."""
    made: list[Command] = []

    def start(*arguments: str, **more: Any) -> Command:
        made.append(Command.start(order(tmp_path, *arguments, **more)))
        return made[-1]

    yield start
    for command in made:
        with contextlib.suppress(BedError):  # a test has ended its keeper
            command.end()
