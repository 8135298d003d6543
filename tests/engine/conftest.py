"""What the container tests share: an image, pods on a network of their own, and the removal of both."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import docker
import pytest
from docker.utils import kwargs_from_env

from testbed import environment
from testbed.engine import labels
from testbed.engine.images import ensure_images
from testbed.engine.subnets import BedNetwork, create_network
from testbed.engine.sweep import sweep
from testbed.network.channel import Channel
from testbed.network.links import End, Links
from testbed.network.nft import SYSCTLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testbed.engine.images import Images


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The engine, as the testbed connects to it."""
    with contextlib.closing(environment.engine()) as client:
        yield client


@pytest.fixture(scope="session")
def images(engine: docker.DockerClient) -> Images:
    """The images of the stubs, made if need be."""
    return ensure_images(engine, base=environment.base(), say=print)


@pytest.fixture(scope="session")
def image(images: Images) -> str:
    """Tag of the server image."""
    return images.server


@pytest.fixture(scope="session")
def client() -> Iterator[docker.APIClient]:
    """The engine."""
    with contextlib.closing(docker.APIClient(**kwargs_from_env(), version="auto", timeout=60)) as client:
        yield client


@contextlib.contextmanager
def fresh_run_id(client: docker.APIClient) -> Iterator[str]:
    """A label of which nothing is left at the end."""
    run_id = f"test-{uuid.uuid4().hex[:12]}"
    try:
        yield run_id
    finally:
        sweep(client, {labels.RUN: run_id}).raise_failures()


@pytest.fixture
def run_id(client: docker.APIClient) -> Iterator[str]:
    """A label of which nothing is left when the test ends."""
    with fresh_run_id(client) as run_id:
        yield run_id


@pytest.fixture(scope="session")
def network(client: docker.APIClient) -> Iterator[BedNetwork]:
    """A network for the pods of all tests."""
    with fresh_run_id(client) as run_id:
        yield create_network(client, run_id, labels={labels.RUN: run_id})


def start_server(client: docker.APIClient, image: str, network: BedNetwork, index: int, *, run_id: str) -> str:
    """Start a container like that of a server, but idle; its id."""
    made = client.create_container(
        image,
        ["sleep", "600"],
        labels={labels.RUN: run_id},
        host_config=client.create_host_config(
            cap_drop=["ALL"], cap_add=["NET_ADMIN"], read_only=True, init=True, sysctls=SYSCTLS
        ),
        networking_config=client.create_networking_config(
            {network.name: client.create_endpoint_config(ipv4_address=str(network.address(index)))}  # type: ignore[arg-type]  # mistyped
        ),
    )
    client.start(made["Id"])
    return str(made["Id"])


@pytest.fixture(scope="session")
def pair(client: docker.APIClient, image: str, network: BedNetwork) -> Iterator[tuple[str, str]]:
    """Two servers that no test ends."""
    with fresh_run_id(client) as run_id:
        yield (
            start_server(client, image, network, 0, run_id=run_id),
            start_server(client, image, network, 1, run_id=run_id),
        )


@pytest.fixture
def mortal(client: docker.APIClient, image: str, run_id: str, network: BedNetwork) -> str:
    """A server of this test alone, that it may end."""
    return start_server(client, image, network, 2, run_id=run_id)


@pytest.fixture
def join(client: docker.APIClient, image: str, run_id: str) -> Callable[[str, list[str]], str]:
    """Start a command in the network namespace of a server container; return the new container's id."""

    def join(server: str, command: list[str]) -> str:
        made = client.create_container(
            image,
            command,
            working_dir="/",  # away from the stubs, which the command does not need
            environment={"PYTHONPATH": "/nowhere"},
            labels={labels.RUN: run_id},
            host_config=client.create_host_config(network_mode=f"container:{server}", cap_drop=["ALL"], read_only=True),
        )
        client.start(made["Id"])
        return str(made["Id"])

    return join


@pytest.fixture
def links(client: docker.APIClient, network: BedNetwork, pair: tuple[str, str]) -> Iterator[Links]:
    """Two servers, "a" and "b", and this host as "host", with the packet filters set up and empty."""
    with contextlib.ExitStack() as stack:
        ends = {"host": End(network.gateway)}
        for index, (name, server) in enumerate(zip("ab", pair, strict=True)):
            channel = stack.enter_context(Channel.open(client, server))
            ends[name] = End(network.address(index), channel)
        links = Links(ends)
        links.install()
        links.heal_all()
        yield links
