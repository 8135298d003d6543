"""One topology for all commands, and what the engine has of a name."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import docker
import pytest

from testbed.bed import Bed
from tests.program import done, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """The engine."""
    with contextlib.closing(docker.from_env()) as client:
        yield client


@pytest.fixture
def fresh() -> str:
    """A name that nobody uses."""
    return f"cli-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def described() -> Iterator[dict[str, Any]]:
    """What `up --json` said of a topology that is up."""
    name = f"cli-{uuid.uuid4().hex[:8]}"
    try:
        yield done("up", "--name", name, "--json").json
    finally:
        run("down", name)


@pytest.fixture
def name(described: dict[str, Any]) -> str:
    """The name of a topology that is in normal running."""
    return str(described["name"])


@pytest.fixture
def watched(client: docker.DockerClient, name: str, tmp_path: Path) -> Iterator[Bed]:
    """The same topology, looked at from here; normal again when the test ends."""
    bed = Bed.attach(client, name, folder=tmp_path)
    try:
        yield bed
        bed.wait_until_settled()
        assert bed.status()["faults"] == []
    except BaseException:
        bed.heal()
        raise
    finally:
        bed.close()
