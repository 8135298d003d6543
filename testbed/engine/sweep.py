"""Removes what carries certain labels from the engine: containers, then networks, then volumes."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from testbed.engine.labels import NAME
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
        beds: names of the topologies that any of it was of.
        failures: one for each thing that is still there, and for each kind that could not be listed.
    """

    containers: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    beds: set[str] = field(default_factory=set)
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
        self.beds |= other.beds
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
    for name, kind in _kinds(client, filters).items():
        try:
            rows = kind.rows()
        except (DockerException, RequestException) as error:
            failure = EngineError(f"cannot ask the engine which {name} of {whose} are left: {error}")
            failure.__cause__ = error
            swept.failures.append(failure)
            continue
        names = kind.names(rows)
        removed, failed = (list(names), []) if look_only else _remove(kind, names)
        getattr(swept, name).extend(names[one] for one in removed)
        swept.beds |= {row["Labels"][NAME] for row in rows if NAME in row["Labels"]}
        swept.failures += failed
    return swept


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How one kind of thing is listed and removed."""

    rows: Callable[[], list[dict[str, Any]]]
    remove: Callable[[str], object]
    key: str = "Id"

    def names(self, rows: list[dict[str, Any]]) -> dict[str, str]:
        """Names by what each is removed by."""
        return {row[self.key]: name_of(row) for row in rows}


def _kinds(client: docker.APIClient, filters: dict[str, Any]) -> dict[str, _Kind]:
    """Every kind, first what holds up the others."""
    return {
        "containers": _Kind(
            rows=lambda: client.containers(all=True, filters=filters), remove=partial(_remove_container, client)
        ),
        "networks": _Kind(rows=lambda: client.networks(filters=filters), remove=client.remove_network),
        "volumes": _Kind(
            rows=lambda: client.volumes(filters=filters)["Volumes"] or [], remove=client.remove_volume, key="Name"
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
    """What something is called; its id, for a container that has lost its name."""
    return str((row.get("Names") or [row.get("Name") or row["Id"]])[0]).removeprefix("/")


def _remove(kind: _Kind, names: Mapping[str, str]) -> tuple[list[str], list[EngineError]]:
    """Remove them in parallel; return what is gone, and a failure for each that is not.

    A removal whose answer was lost may have happened: what is no longer there then, is gone.
    """
    if not names:
        return [], []
    with ThreadPoolExecutor(_THREADS) as pool:
        failures = dict(zip(names, pool.map(partial(_attempt, kind.remove), names.items()), strict=True))
    if any(failures.values()):
        with contextlib.suppress(DockerException, RequestException):
            still = kind.names(kind.rows())
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
