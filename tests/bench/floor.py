"""The floor of `up`: the same containers with the same options, network and volumes, that do nothing but sleep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from testbed.engine import labels
from testbed.engine.containers import ServerContainer, ServiceContainer
from testbed.engine.subnets import create_network
from testbed.engine.volumes import VOLUME_ROOT

if TYPE_CHECKING:
    from ipaddress import IPv4Network

    import docker

    from testbed.engine.images import Images

SITES = ("primary", "secondary")
SLEEP = "sleep 600"


def start(client: docker.DockerClient, images: Images, *, name: str, run: str, pool: IPv4Network) -> None:
    """Start them with as many threads as the testbed uses; returns when all run."""
    marks = labels.of_run(run)
    with ThreadPoolExecutor(8) as threads:
        network = create_network(client.api, name, labels=marks, pool=pool)
        list(threads.map(lambda site: client.volumes.create(f"{name}-{site}", labels=marks), SITES))

        def pod(index: int) -> None:
            volume = f"{name}-{SITES[index]}"
            volumes = {volume: VOLUME_ROOT}
            server = ServerContainer(
                images.server,
                name=f"{volume}-server",
                marks=marks,
                volumes=volumes,
                network=name,
                address=str(network.address(index)),
                files={"conf/nothing": b""},
            )
            identity = server.with_command(SLEEP).run()

            def join(service: str) -> None:
                image = images.core if service == "core" else images.portal
                container = ServiceContainer(
                    service, image, name=f"{volume}-{service}", marks=marks, volumes=volumes, server=identity
                )
                container.with_command(SLEEP).run()

            list(threads.map(join, ("core", "portal")))

        list(threads.map(pod, range(len(SITES))))
