"""One topology for all commands, and what the engine has of a name."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import docker
import pytest

from tests.program import done, run

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """The engine."""
    with contextlib.closing(docker.from_env()) as client:
        yield client


@pytest.fixture
def fresh() -> str:
    """A name that nobody uses."""
    return f"cli-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def described() -> Iterator[dict[str, Any]]:
    """What `up --json` said of a topology that is up."""
    name = f"cli-{uuid.uuid4().hex[:8]}"
    try:
        yield done("up", "--name", name, "--json").json
    finally:
        run("down", name)


@pytest.fixture
def name(described: dict[str, Any]) -> Iterator[str]:
    """The name of a topology that is up, and in order again when the test ends."""
    yield str(described["name"])
    done("reset", described["name"])
