"""What the container tests share: an image, pods on a network of their own, their removal, an engine in memory."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import docker
import pytest
from docker.utils import kwargs_from_env

from testbed import environment
from testbed.certificates import own
from testbed.engine import labels
from testbed.engine.images import Images, ensure_images
from testbed.engine.subnets import BedNetwork, create_network
from testbed.engine.sweep import sweep
from testbed.history import History
from testbed.network.channel import Channel
from testbed.network.links import End, Links
from testbed.network.nft import SYSCTLS
from tests.engine.answering import served
from tests.engine.breaking import Way
from tests.engine.double import Double
from tests.engine.trials import trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from testbed.engine.records import Record
    from tests.engine.trials import Trial

MADE_UP = Images("server:1", "core:1", "portal:1", ())


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
        yield create_network(client, run_id, labels=labels.of_run(run_id))


def start_server(client: docker.APIClient, image: str, network: BedNetwork, index: int, *, run_id: str) -> str:
    """Start a container like that of a server, but idle; its id."""
    made = client.create_container(
        image,
        ["sleep", "infinity"],
        labels=labels.of_run(run_id),
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
            labels=labels.of_run(run_id),
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


class Standing(NamedTuple):
    """A topology in memory whose containers run: what the engine has then, and what is written down about it."""

    kept: dict[str, Any]
    record: Record

    def put_into(self, double: Double) -> Record:
        """Let an engine have it."""
        double.put_back(self.kept)
        return self.record


@pytest.fixture
def double() -> Double:
    """An engine in memory."""
    return Double()


@contextlib.contextmanager
def in_memory(folder: Path, double: Double) -> Iterator[Trial]:
    """A topology that is to be in an engine in memory.

    Without what costs most of the time and has no part in it: every request looks for a proxy, every container asks
    for testcontainers' version, every server makes a key.
    """
    way = Way()
    with pytest.MonkeyPatch.context() as patch, History(folder / "history.jsonl") as history:
        patch.setattr("requests.sessions.get_environ_proxies", lambda *_asked, **_options: {})
        patch.setattr("importlib.metadata.version", functools.cache(importlib.metadata.version))
        patch.setattr("testbed.engine.pods.own", functools.cache(own))
        with served(folder, double, way) as host:
            patch.setenv("DOCKER_HOST", host)
            with trial(host, way, MADE_UP, history, folder / "bed") as found:
                yield found


@pytest.fixture
def tried(tmp_path: Path, double: Double) -> Iterator[Trial]:
    """A topology that is to be, in memory."""
    with in_memory(tmp_path, double) as found:
        yield found


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Standing:
    """A topology that was started in memory, once for all that begin with it."""
    double = Double()
    with in_memory(tmp_path_factory.mktemp("standing"), double) as tried:
        record = tried.up()
        return Standing(double.kept(), record)
