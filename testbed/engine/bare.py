"""A server container on no network, to try things in. Removed when the block is left; its run's janitor knows it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from docker.errors import DockerException

from testbed.engine import labels
from testbed.errors import EngineError
from testbed.network.nft import SYSCTLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

LONGEST_S = 60
"""How long it lives if nobody removes it, in seconds."""


@contextlib.contextmanager
def bare_server(api: docker.APIClient, image: str, *, run: str) -> Iterator[str]:
    """One of this image that only sleeps: its id.

    Args:
        api: the engine.
        image: of a server.
        run: that it belongs to.

    Raises:
        EngineError: it could not be started, or removed.
    """
    host = api.create_host_config(network_mode="none", cap_drop=["ALL"], cap_add=["NET_ADMIN"], sysctls=SYSCTLS)
    try:
        marks = labels.of_run(run)
        made = api.create_container(image, ["sleep", str(LONGEST_S)], labels=marks, host_config=host)["Id"]
        try:
            api.start(made)
            yield str(made)
        finally:
            api.remove_container(made, force=True)
    except DockerException as error:
        raise EngineError(f"no server container to try things in: {error}") from error
