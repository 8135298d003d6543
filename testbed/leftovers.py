"""What is left of runs that ended badly, and its removal (`testbed gc`). A topology that is meant to stay, stays."""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from testbed.engine import labels
from testbed.engine.lock import is_held
from testbed.engine.recipes import ROLE_LABEL
from testbed.engine.sweep import Swept, sweep
from testbed.errors import EngineError
from testbed.runs import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
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
    runs = {mark[labels.RUN]: mark.get(labels.NAME, "") for mark in [*others, *marks]}
    return tuple(
        Found(run=run, name=name, keeps=_is_whole([mark for mark in marks if mark[labels.RUN] == run]))
        for run, name in sorted(runs.items())
    )


def _is_whole(marks: list[dict[str, str]]) -> bool:
    """Whether these are, by their labels, all containers of beds that are meant to stay: each says how many there are.

    A run may have several beds; what is left of one that was taken down in part makes all of them left over.
    """
    beds: dict[str, list[str | None]] = defaultdict(list)
    for mark in marks:
        beds[mark.get(labels.NAME, "")].append(mark.get(labels.KEEP))
    return bool(beds) and all(set(keeps) == {str(len(keeps))} for keeps in beds.values())


def collect(
    client: docker.DockerClient, *, fate: Callable[[str], Fate], everything: bool = False, look_only: bool = False
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
        if everything or is_left(found, fate(found.run)):
            total.add(sweep(client.api, {labels.RUN: found.run}, look_only=look_only))
    return total


def is_left(found: Found, fate: Fate) -> bool:
    """Whether nobody will remove it but us."""
    return fate is Fate.DIED or (fate is Fate.ENDED and not found.keeps)


def collect_unmade(client: docker.DockerClient, cache: Path, *, look_only: bool = False) -> Swept:
    """Remove what a killed making of images left: containers, images without a tag, half-fetched libraries.

    Nothing happens while a process makes images: its things look the same. An image that something is made from stays.

    Args:
        client: the engine.
        cache: where the lock on making images is.
        look_only: remove nothing, and say what would be.

    Raises:
        EngineError: the engine failed.
    """
    swept = Swept()
    if is_held(cache):
        return swept
    try:
        swept.containers = [name for name, identity in _makers(client) if look_only or _is_ended(client, identity)]
        swept.images = [identity for identity in _untagged(client) if look_only or _is_removed(client, identity)]
    except (DockerException, RequestException) as error:
        raise EngineError(f"cannot remove what a making of images left: {error}") from error
    for folder in sorted(cache.glob("fetch-*")):
        swept.files.append(str(folder))
        if not look_only:
            shutil.rmtree(folder, ignore_errors=True)
    return swept


def _makers(client: docker.DockerClient) -> Iterator[tuple[str, str]]:
    """Containers in which an image was being made: they carry its role, and belong to no run."""
    for row in client.api.containers(all=True, filters={"label": ROLE_LABEL}):
        if labels.RUN not in row["Labels"]:
            yield row["Names"][0].removeprefix("/"), row["Id"]


def _is_ended(client: docker.DockerClient, identity: str) -> bool:
    try:
        client.api.remove_container(identity, force=True, v=True)
    except NotFound:  # another process was faster
        return False
    return True


def _untagged(client: docker.DockerClient) -> Iterator[str]:
    for image in client.api.images(filters={"label": ROLE_LABEL, "dangling": True}):
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


def forget_folders(folder: Path, *, up: Container[str], look_only: bool = False) -> list[Path]:
    """Remove the certificates of topologies that are gone; attaching to one that is up would write them again.

    Args:
        folder: holds one folder a topology.
        up: names of those that are up, asked after the folder was there.
        look_only: remove nothing, and say what would be.

    Returns:
        What was removed.
    """
    gone = [each for each in sorted(folder.iterdir()) if each.name not in up] if folder.is_dir() else []
    for each in () if look_only else gone:
        shutil.rmtree(each, ignore_errors=True)
    return gone
