"""What is left of runs that ended badly, and its removal (`testbed gc`). A topology that is meant to stay, stays."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.engine import labels
from testbed.engine.sweep import Swept, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

    import docker


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one run has in the engine.

    Attributes:
        run: its id.
        name: of its topology.
        keeps: it is meant to stay, and is whole.
    """

    run: str
    name: str
    keeps: bool


def find(client: docker.DockerClient) -> tuple[Found, ...]:
    """Everything of ours that is in the engine, by run."""
    api = client.api
    filters = {"label": labels.RUN}
    marks = [row["Labels"] for row in api.containers(all=True, filters=filters)]
    containers = [(mark[labels.RUN], mark.get(labels.NAME, ""), mark.get(labels.KEEP)) for mark in marks]
    others = [row["Labels"] for row in api.networks(filters=filters)]
    others += [row["Labels"] for row in api.volumes(filters=filters)["Volumes"] or ()]
    runs = {mark[labels.RUN]: mark.get(labels.NAME, "") for mark in others} | {r: n for r, n, _ in containers}
    return tuple(
        Found(
            run=run,
            name=name,
            keeps=_are_all([keep for r, _, keep in containers if r == run]),
        )
        for run, name in sorted(runs.items())
    )


def _are_all(keeps: list[str | None]) -> bool:
    """Whether these are all containers of a bed that is meant to stay: each says how many there are."""
    return set(keeps) == {str(len(keeps))}


def collect(client: docker.DockerClient, *, is_alive: Callable[[str], bool], everything: bool = False) -> Swept:
    """Remove what no living run owns and what is not meant to stay.

    Args:
        client: the engine.
        is_alive: whether a run's process still works.
        everything: also what is meant to stay, and what living runs own.
    """
    total = Swept()
    for found in find(client):
        if not everything and (found.keeps or is_alive(found.run)):
            continue
        swept = sweep(client.api, {labels.RUN: found.run})
        total.containers += swept.containers
        total.networks += swept.networks
        total.volumes += swept.volumes
        total.failures += swept.failures
    return total


def forget_folders(folder: Path, *, up: Container[str]) -> None:
    """Remove the certificates of topologies that are gone; attaching to one that is up would write them again.

    Args:
        folder: holds one folder a topology.
        up: names of those that are up, asked after the folder was there.
    """
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.name not in up:
            shutil.rmtree(each, ignore_errors=True)
