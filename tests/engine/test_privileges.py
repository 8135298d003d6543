"""The containers of a bed have the least privileges that work."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import docker
import pytest

from stubs import ports
from testbed.engine import execs, labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container

    from testbed.bed import Bed


@pytest.fixture
def containers(bed: Bed) -> Iterator[list[Container]]:
    """All six containers of the bed."""
    client = docker.from_env()
    found = client.containers.list(filters={"label": f"{labels.NAME}={bed.name}"})
    assert len(found) == 6
    yield found
    client.close()


def _service(container: Container) -> str:
    return str(container.labels[labels.SERVICE])


def _run(container: Container, command: str) -> str:
    """What a command says on its output and its errors; it must succeed."""
    whole = f'said=$({{ {command}; }} 2>&1) || said="failed: $said"; printf "%s" "$said" | base64 -w0; echo; cat'
    assert container.client is not None
    line = execs.asked(container.client.api, str(container.id), ["sh", "-c", whole], user="10001:10001")
    said = base64.b64decode(line).decode()
    assert not said.startswith("failed: "), said
    return said


def test_every_container_is_confined(containers: list[Container]) -> None:
    """Read-only root, no capability but one, bounded memory and processes, no host path, no engine socket."""
    for container in containers:
        host = container.attrs["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert not host["Privileged"]
        assert host["CapDrop"] == ["ALL"]
        assert (host["CapAdd"] or []) == (["NET_ADMIN"] if _service(container) == "server" else [])
        assert host["Memory"] > 0
        assert host["PidsLimit"] > 0
        assert [mount["Type"] for mount in container.attrs["Mounts"]] == ["volume"]
        assert container.attrs["Config"]["User"] == "10001:10001"


def test_no_main_process_holds_a_capability(containers: list[Container]) -> None:
    """The one that the server container may use is for the fault channel alone, which comes by an exec as root."""
    for container in containers:
        status = dict(line.split(":", 1) for line in _run(container, "cat /proc/1/status").splitlines())
        assert status["CapEff"].strip() == "0" * 16
        assert status["Uid"].split()[0] == "10001"


def test_no_program_in_the_images_raises_privileges(containers: list[Container]) -> None:
    """Neither setuid nor setgid."""
    for container in containers:
        assert _run(container, "find / -xdev -perm /6000 -type f 2>/dev/null; true") == ""


def test_a_servers_key_is_readable_by_its_services_only(containers: list[Container]) -> None:
    """By owner, nobody else."""
    for container in containers:
        assert _run(container, "stat -c '%a %u' /server/conf/tls.pem").split() == ["400", "10001"]


def test_no_outgoing_connection_takes_the_port_of_a_service(containers: list[Container]) -> None:
    """Else a service that starts meanwhile could not listen: the kernel keeps every port of a server apart."""
    known = {value for name, value in vars(ports).items() if isinstance(value, int) and not name.endswith("_DSCP")}
    assert len(known) == 8
    for container in containers:
        kept = _run(container, "cat /proc/sys/net/ipv4/ip_local_reserved_ports").strip()
        spans = [[int(end) for end in span.split("-")] for span in kept.split(",")]
        assert known == {port for port in known for span in spans if span[0] <= port <= span[-1]}


def test_the_network_is_an_internal_one(bed: Bed) -> None:
    """The engine forwards nothing between it and other networks."""
    client = docker.from_env()
    try:
        network = client.networks.list(names=[f"prt-{bed.name}"])[0]
        assert network.attrs["Internal"]
    finally:
        client.close()
