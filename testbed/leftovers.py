"""What is left of runs that ended badly, and its removal (`testbed gc`). A topology that is meant to stay, stays."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from testbed import runs
from testbed.engine import labels
from testbed.engine.lock import if_free
from testbed.engine.recipes import MAKER_LABEL, ROLE_LABEL
from testbed.engine.sweep import Swept, name_of, sweep
from testbed.errors import EngineError
from testbed.folders import removed
from testbed.owner import Standing, standing
from testbed.runs import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import docker

YOUNG_S = 60.0
"""An image without a tag may be about to get one, if it is not as old as this, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one run has in the engine.

    Attributes:
        run: its id.
        name: of its topology.
        keeps: it is meant to stay, and is whole.
        owners: the processes that made it, as they are written on it; `None`: on some of it none is.
    """

    run: str
    name: str
    keeps: bool
    owners: frozenset[str | None] = frozenset()


def find(client: docker.DockerClient) -> tuple[Found, ...]:
    """Everything of ours that is in the engine, by run.

    Raises:
        EngineError: the engine does not answer.
    """
    api, filters = client.api, {"label": labels.RUN}
    try:
        marks = [row["Labels"] for row in api.containers(all=True, filters=filters)]
        others = [row["Labels"] for row in api.networks(filters=filters)]
        others += [row["Labels"] for row in api.volumes(filters=filters)["Volumes"] or ()]
    except (DockerException, RequestException) as error:
        raise EngineError(f"cannot ask the engine what is left: {error}") from error
    every = [*others, *marks]
    return tuple(
        Found(
            run=run,
            name=name,
            keeps=_is_whole([mark for mark in marks if mark[labels.RUN] == run]),
            owners=frozenset(mark.get(labels.OWNER) for mark in every if mark[labels.RUN] == run),
        )
        for run, name in sorted({mark[labels.RUN]: mark.get(labels.NAME, "") for mark in every}.items())
    )


def fate_in(folder: Path) -> Callable[[Found], Fate]:
    """What became of runs, by the locks in this folder and by who made what they left."""
    return lambda found: runs.fate(folder, found.run, owners=found.owners)


def _is_whole(marks: list[dict[str, str]]) -> bool:
    """Whether these are, by their labels, all containers of beds that are meant to stay: each says how many there are.

    A run may have several beds; what is left of one that was taken down in part makes all of them left over.
    """
    beds: dict[str, list[str | None]] = defaultdict(list)
    for mark in marks:
        beds[mark.get(labels.NAME, "")].append(mark.get(labels.KEEP))
    return bool(beds) and all(set(keeps) == {str(len(keeps))} for keeps in beds.values())


def collect(
    client: docker.DockerClient, *, fate: Callable[[Found], Fate], everything: bool = False, look_only: bool = False
) -> Swept:
    """Remove what no living run owns and what is not meant to stay.

    Args:
        client: the engine.
        fate: what became of a run.
        everything: also what is meant to stay, and what living runs own.
        look_only: remove nothing, and say what would be.

    Raises:
        EngineError: the engine does not answer.
    """
    total = Swept()
    for found in find(client):
        if everything or is_left(found, fate(found)):
            total.add(sweep(client.api, {labels.RUN: found.run}, look_only=look_only))
    return total


def is_left(found: Found, fate: Fate) -> bool:
    """Whether nobody will remove it but us."""
    return fate is Fate.DIED or (fate is Fate.ENDED and not found.keeps)


def in_doubt(client: docker.DockerClient, *, fate: Callable[[Found], Fate]) -> list[str]:
    """What may be left over: nobody can tell here whether its run lives. By name, or by run where it has none.

    Raises:
        EngineError: the engine does not answer.
    """
    return sorted(one.name or one.run for one in find(client) if not one.keeps and fate(one) is Fate.UNKNOWN)


def collect_unmade(
    client: docker.DockerClient, cache: Path, *, everything: bool = False, look_only: bool = False
) -> Swept:
    """Remove what a killed making of images left: containers, images without a tag, half-fetched libraries.

    Nothing happens while a process makes images by the same cache, and none begins meanwhile: its things look the same.
    By another cache somebody may: of that, what a living process made stays, and what may just be getting its tag. An
    image that something is made from stays, too.

    Args:
        client: the engine.
        cache: where the lock on making images is.
        everything: also containers of makers of whom nobody can tell here whether they live.
        look_only: remove nothing, and say what would be.

    Raises:
        EngineError: the engine failed.
    """
    swept = Swept()
    with if_free(cache) as is_free:
        if not is_free:
            return swept
        try:
            for name, identity in _makers(client, everything=everything):
                if look_only or _is_ended(client, identity):
                    swept.containers.append(name)
            swept.images = [image for image in _untagged(client) if look_only or _is_removed(client, image)]
        except (DockerException, RequestException) as error:
            raise EngineError(f"cannot remove what a making of images left: {error}") from error
        swept.files = removed(sorted(cache.glob("fetch-*")), look_only=look_only)
    return swept


def _makers(client: docker.DockerClient, *, everything: bool) -> Iterator[tuple[str, str]]:
    """Containers in which an image was being made, by a process that is gone. What runs from an image is none."""
    dead = {Standing.GONE, Standing.UNKNOWN} if everything else {Standing.GONE}
    for row in client.api.containers(all=True, filters={"label": MAKER_LABEL}):
        maker = row["Labels"].get(MAKER_LABEL)
        if maker and standing(maker) in dead:
            yield name_of(row), row["Id"]


def _is_ended(client: docker.DockerClient, identity: str) -> bool:
    try:
        client.api.remove_container(identity, force=True, v=True)
    except NotFound:  # another process was faster
        return False
    return True


def _untagged(client: docker.DockerClient) -> Iterator[str]:
    for image in client.api.images(filters={"label": ROLE_LABEL, "dangling": True}):
        if time.time() - image["Created"] >= YOUNG_S:
            yield str(image["Id"])


def _is_removed(client: docker.DockerClient, identity: str) -> bool:
    try:
        client.api.remove_image(identity)
    except ImageNotFound:
        return False
    except APIError as refused:
        if refused.status_code == 409:  # noqa: PLR2004 - HTTP's word for "in use"
            return False
        raise
    return True
