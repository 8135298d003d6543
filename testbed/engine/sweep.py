"""Removes what carries certain labels from the engine: containers, then networks, then volumes."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from testbed.errors import BedError, EngineError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import docker

_THREADS = 8
_REMOVAL_S = 30.0  # another's removal of the same container may be under way


@dataclass(kw_only=True)
class Swept:
    """What a sweep did.

    Attributes:
        containers, networks, volumes: names of what was found and is gone now.
        images: ids, likewise.
        files: paths on this machine, likewise.
        failures: one for each thing that is still there, and for each kind that could not be listed.
    """

    containers: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    failures: list[EngineError] = field(default_factory=list)

    @property
    def found_nothing(self) -> bool:
        """Whether there was nothing to remove."""
        return not (any(self.found().values()) or self.failures)

    def found(self) -> dict[str, list[str]]:
        """What was found, by kind."""
        kinds = ("containers", "networks", "volumes", "images", "files")
        return {kind: sorted(getattr(self, kind)) for kind in kinds}

    def add(self, other: Swept) -> None:
        """Take over what another sweep did."""
        for kind, names in other.found().items():
            getattr(self, kind).extend(names)
        self.failures += other.failures

    def raise_failures(self) -> None:
        """Raise an ExceptionGroup of all failures, if there are any."""
        if self.failures:
            raise ExceptionGroup("could not remove everything", self.failures)


def sweep(client: docker.APIClient, labels: Mapping[str, str], *, look_only: bool = False) -> Swept:
    """Remove every container, network and volume that has all these labels. One already gone is no error.

    What cannot be listed or removed is a failure in the result, which names it; the rest is removed all the same.

    Args:
        client: the engine.
        labels: what has all of them is removed.
        look_only: remove nothing, and say what would be.

    Raises:
        ValueError: no label is given: that would be everything.
    """
    if not labels:
        raise ValueError("a sweep needs a label")
    filters = {"label": [f"{key}={value}" for key, value in labels.items()]}
    whose = ", ".join(labels.values())
    swept = Swept()
    for kind, (listing, remove) in _kinds(client, filters).items():
        try:
            names = listing()
        except (DockerException, RequestException) as error:
            failure = EngineError(f"cannot ask the engine which {kind} of {whose} are left: {error}")
            failure.__cause__ = error
            swept.failures.append(failure)
            continue
        removed, failed = (list(names), []) if look_only else _remove(remove, names, left=listing)
        getattr(swept, kind).extend(names[one] for one in removed)
        swept.failures += failed
    return swept


def _kinds(
    client: docker.APIClient, filters: dict[str, Any]
) -> dict[str, tuple[Callable[[], dict[str, str]], Callable[[str], object]]]:
    """How each kind of thing is listed, names by id, and removed: first what holds up the others."""
    return {
        "containers": (
            lambda: {row["Id"]: name_of(row) for row in client.containers(all=True, filters=filters)},
            partial(_remove_container, client),
        ),
        "networks": (
            lambda: {row["Id"]: row["Name"] for row in client.networks(filters=filters)},
            client.remove_network,
        ),
        "volumes": (
            lambda: {row["Name"]: row["Name"] for row in client.volumes(filters=filters)["Volumes"] or ()},
            client.remove_volume,
        ),
    }


def clear(client: docker.APIClient, labels: Mapping[str, str]) -> None:
    """Sweep, and once more if not all is gone: one thing that stays holds up others, as a container does its volume.

    Raises:
        ExceptionGroup: of EngineError, one for each thing that is still there, and for each kind that cannot be listed.
    """
    if sweep(client, labels).failures:
        sweep(client, labels).raise_failures()


def name_of(row: Mapping[str, Any]) -> str:
    """What a container is called; its id, where it has lost its name."""
    return str((row.get("Names") or [row["Id"]])[0]).removeprefix("/")


def _remove(
    remove: Callable[[str], object], names: Mapping[str, str], *, left: Callable[[], Mapping[str, str]]
) -> tuple[list[str], list[EngineError]]:
    """Remove them in parallel; return what is gone, and a failure for each that is not.

    A removal whose answer was lost may have happened: what is no longer there then, is gone.
    """
    if not names:
        return [], []
    with ThreadPoolExecutor(_THREADS) as pool:
        failures = dict(zip(names, pool.map(partial(_attempt, remove), names.items()), strict=True))
    if any(failures.values()):
        with contextlib.suppress(DockerException, RequestException):
            still = left()
            failures = {one: failure if one in still else None for one, failure in failures.items()}
    gone = [one for one, failure in failures.items() if failure is None]
    return gone, [failure for failure in failures.values() if failure is not None]


def _attempt(remove: Callable[[str], object], named: tuple[str, str]) -> EngineError | None:
    identity, name = named
    try:
        remove(identity)
    except NotFound:
        return None
    except (DockerException, RequestException, BedError) as error:
        failure = EngineError(f"cannot remove {name}: {error}")
        failure.__cause__ = error
        return failure
    return None


def _remove_container(client: docker.APIClient, container: str) -> None:
    """Remove it with its unnamed volumes, and wait until it is gone if somebody else is removing it."""
    try:
        client.remove_container(container, force=True, v=True)
    except NotFound:
        return
    except DockerException as error:
        if getattr(error, "status_code", None) != _CONFLICT:
            raise
        wait_until(
            lambda: client.containers(all=True, filters={"id": container}),
            lambda left: not left,
            within_s=_REMOVAL_S,
            what=f"the removal of container {container}",
            every_s=0.1,
        )


_CONFLICT = 409
