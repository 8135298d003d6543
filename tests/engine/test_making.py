"""A making of an image that is killed leaves a container that `gc` finds, and takes for nothing else."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from testbed.engine.builder import Settings, assemble
from testbed.engine.recipes import MAKER_LABEL, ROLE_LABEL
from testbed.leftovers import collect_unmade
from testbed.owner import Standing, standing
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import docker

WITHIN_S = 60
MAKING = """
import sys, docker
from testbed.engine.builder import Settings, assemble
image, tag = sys.argv[1:]
settings = Settings(put="/", run="exec sleep 600", config=())
assemble(docker.from_env(), "core", settings, {}, parent=image, tag=tag, origin="packages")
"""


@pytest.fixture
def tag(engine: docker.DockerClient) -> Iterator[str]:
    """What an image may be called; nothing is left of it, nor of what runs from it."""
    tag = f"testbed-making:{uuid.uuid4().hex[:8]}"
    yield tag
    for container in engine.containers.list(all=True, filters={"ancestor": tag}):
        container.remove(force=True)
    if engine.images.list(tag):
        engine.images.remove(tag, force=True)


def makers(engine: docker.DockerClient) -> dict[str, tuple[str, str]]:
    """The containers in which images are made: name and maker, by id."""
    rows = engine.api.containers(all=True, filters={"label": MAKER_LABEL})
    return {row["Id"]: (row["Names"][0][1:], row["Labels"][MAKER_LABEL]) for row in rows if row["Labels"][MAKER_LABEL]}


def test_a_container_of_a_killed_maker_is_left_over_and_not_before(
    engine: docker.DockerClient, image: str, tag: str, tmp_path: Path
) -> None:
    """Only looked at, as the engine is others' as well."""
    before, mine = {*makers(engine)}, ""
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen([sys.executable, "-c", MAKING, image, tag]))  # noqa: S603 - ours
        stack.callback(process.kill)

        def mine_now() -> list[str]:
            number = f"_{process.pid}_"
            return [one for one, (_, maker) in makers(engine).items() if one not in before and number in maker]

        (mine,) = wait_until(mine_now, bool, within_s=WITHIN_S, what="an image to be made")
        stack.callback(engine.api.remove_container, mine, force=True)
        name, maker = makers(engine)[mine]
        assert standing(maker) is Standing.LIVES
        assert name not in collect_unmade(engine, tmp_path, look_only=True).containers
        process.kill()
        process.wait()
        assert name in collect_unmade(engine, tmp_path, look_only=True).containers
    assert mine not in makers(engine)


def test_what_runs_from_an_image_is_no_maker(engine: docker.DockerClient, image: str, tag: str, tmp_path: Path) -> None:
    """Though it has inherited the labels of the container that the image was made in."""
    assemble(
        engine, "core", Settings(put="/", run="true", config=()), {"x": b""}, parent=image, tag=tag, origin="packages"
    )
    made = engine.api.create_container(tag, ["true"])["Id"]
    row = engine.api.inspect_container(made)
    assert row["Config"]["Labels"] | {ROLE_LABEL: "core", MAKER_LABEL: ""} == row["Config"]["Labels"]
    assert row["Name"][1:] not in collect_unmade(engine, tmp_path, everything=True, look_only=True).containers
