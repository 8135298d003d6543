"""What the container tests share: an image, pods on a network of their own, and the removal of both."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest
from docker.utils import kwargs_from_env

from testbed.engine import labels
from testbed.engine.subnets import BedNetwork, create_network
from testbed.engine.sweep import sweep
from testbed.network.channel import Channel
from testbed.network.links import End, Links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def image() -> str:
    """Tag of the server image, or of any image with Python and libnftables."""
    tag = os.environ.get("TESTBED_TEST_IMAGE")
    if not tag:
        pytest.skip("TESTBED_TEST_IMAGE is not set")
    return tag


@pytest.fixture(scope="session")
def client() -> Iterator[docker.APIClient]:
    """The engine."""
    with contextlib.closing(docker.APIClient(**kwargs_from_env(), version="auto", timeout=60)) as client:
        yield client


@pytest.fixture
def run_id(client: docker.APIClient) -> Iterator[str]:
    """A label of which nothing is left when the test ends."""
    run_id = f"test-{uuid.uuid4().hex[:12]}"
    yield run_id
    sweep(client, {labels.RUN: run_id}).raise_failures()


@pytest.fixture
def network(client: docker.APIClient, run_id: str) -> BedNetwork:
    """A network for the pods of one test."""
    return create_network(client, run_id, labels={labels.RUN: run_id})


@pytest.fixture
def start(client: docker.APIClient, image: str, run_id: str, network: BedNetwork) -> Callable[[int], str]:
    """Start a server container like the real one, given its index; return its id."""

    def start(index: int) -> str:
        address = str(network.address(index))
        made = client.create_container(
            image,
            ["sleep", "600"],
            entrypoint=[],
            user="65534",
            environment={"PYTHONPATH": "/checkout", "PYTHONDONTWRITEBYTECODE": "1"},
            labels={labels.RUN: run_id},
            host_config=client.create_host_config(
                cap_drop=["ALL"],
                cap_add=["NET_ADMIN"],
                read_only=True,
                init=True,
                binds={str(CHECKOUT / "stubs"): {"bind": "/checkout/stubs", "mode": "ro"}},
            ),
            networking_config=client.create_networking_config(
                {network.name: client.create_endpoint_config(ipv4_address=address)}  # type: ignore[arg-type]  # mistyped
            ),
        )
        client.start(made["Id"])
        return str(made["Id"])

    return start


@pytest.fixture
def join(client: docker.APIClient, image: str, run_id: str) -> Callable[[str, list[str]], str]:
    """Start a command in the network namespace of a server container; return the new container's id."""

    def join(server: str, command: list[str]) -> str:
        made = client.create_container(
            image,
            command,
            entrypoint=[],
            user="65534",
            labels={labels.RUN: run_id},
            host_config=client.create_host_config(network_mode=f"container:{server}", cap_drop=["ALL"], read_only=True),
        )
        client.start(made["Id"])
        return str(made["Id"])

    return join


@pytest.fixture
def links(client: docker.APIClient, network: BedNetwork, start: Callable[[int], str]) -> Iterator[Links]:
    """Two servers, "a" and "b", and this host as "host", with the packet filters set up."""
    with contextlib.ExitStack() as stack:
        ends = {"host": End(network.gateway)}
        for index, name in enumerate(("a", "b")):
            channel = stack.enter_context(Channel.open(client, start(index)))
            ends[name] = End(network.address(index), channel)
        links = Links(ends)
        links.install()
        yield links
