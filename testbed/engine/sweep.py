"""Removes what carries certain labels from the engine: containers, then networks, then volumes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from testbed.errors import BedError, EngineError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import docker

_THREADS = 8
_REMOVAL_S = 30.0  # another's removal of the same container may be under way


@dataclass(kw_only=True)
class Swept:
    """What a sweep did.

    Attributes:
        containers, networks, volumes: names (of containers: ids) of what was found and is gone now.
        failures: one for each thing that is still there.
    """

    containers: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    failures: list[EngineError] = field(default_factory=list)

    @property
    def found_nothing(self) -> bool:
        """Whether there was nothing to remove."""
        return not (self.containers or self.networks or self.volumes or self.failures)

    def raise_failures(self) -> None:
        """Raise an ExceptionGroup of all failures, if there are any."""
        if self.failures:
            raise ExceptionGroup("could not remove everything", self.failures)


def sweep(client: docker.APIClient, labels: Mapping[str, str]) -> Swept:
    """Remove every container, network and volume that has all these labels. One already gone is no error.

    Raises:
        EngineError: the engine could not be asked what there is.
        ValueError: no label is given: that would be everything.
    """
    if not labels:
        raise ValueError("a sweep needs a label")
    filters = {"label": [f"{key}={value}" for key, value in labels.items()]}
    swept = Swept()
    try:
        containers = [one["Id"] for one in client.containers(all=True, filters=filters)]
        swept.containers, failed = _remove(partial(_remove_container, client), containers)
        swept.failures += failed
        networks = {one["Id"]: one["Name"] for one in client.networks(filters=filters)}
        removed, failed = _remove(client.remove_network, networks)
        swept.networks = [networks[one] for one in removed]
        swept.failures += failed
        volumes = [one["Name"] for one in client.volumes(filters=filters)["Volumes"] or ()]
        swept.volumes, failed = _remove(client.remove_volume, volumes)
        swept.failures += failed
    except (DockerException, RequestException) as error:
        raise EngineError(f"cannot ask the engine what is left of {dict(labels)}: {error}") from error
    return swept


def _remove(remove: Callable[[str], object], names: Iterable[str]) -> tuple[list[str], list[EngineError]]:
    """Remove them in parallel; return what is gone, and what is not."""
    names = list(names)
    if not names:
        return [], []
    with ThreadPoolExecutor(_THREADS) as pool:
        failures = list(pool.map(partial(_attempt, remove), names))
    gone = [name for name, failure in zip(names, failures, strict=True) if failure is None]
    return gone, [failure for failure in failures if failure is not None]


def _attempt(remove: Callable[[str], object], name: str) -> EngineError | None:
    try:
        remove(name)
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
