"""The containers of a bed have the least privileges that work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker
import pytest

from testbed.engine import labels

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
    code, output = container.exec_run(["sh", "-c", command])
    assert code == 0, output
    assert isinstance(output, bytes)
    return output.decode()


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


def test_no_service_reads_what_the_testbed_keeps_on_its_server(containers: list[Container]) -> None:
    """With the authority's key a server could vouch for anybody."""
    for container in containers:
        code, _ = container.exec_run(["cat", "/server/vault/authority-key.pem"])
        assert code != 0
        assert _run(container, "stat -c '%a %u' /server/vault").split() == ["700", "0"]


def test_the_network_is_an_internal_one(bed: Bed) -> None:
    """The engine forwards nothing between it and other networks."""
    client = docker.from_env()
    try:
        network = client.networks.list(names=[f"prt-{bed.name}"])[0]
        assert network.attrs["Internal"]
    finally:
        client.close()
