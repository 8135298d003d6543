"""The containers of a server, as testcontainers: one holds the address, the others join it.

A server container owns the network namespace and never ends by a fault; core and portal can be killed and started
again while address, ports and packet filter stay. Privileges are the least that work: no capability but NET_ADMIN for
the server container (used only by the fault channel), a read-only root, a user that is not root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docker.types import EndpointConfig
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from stubs import ports
from testbed.engine import labels
from testbed.engine.volumes import STUB_USER, VOLUME_ROOT, packed
from testbed.network.nft import SYSCTLS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from testcontainers.core.transferable import Transferable

# Its reaper needs an image that cannot be had everywhere and the engine's socket in a container: the janitor does that.
testcontainers_config.ryuk_disabled = True

DISK_ROOT = f"{VOLUME_ROOT}/disk"
"""Where a server's small disk is mounted, if it has one."""

DEFECTIVE = ("python3", "-m", "stubs.defects")
"""How a service with planted defects is started; its name follows."""

DEFECTS = "TESTBED_DEFECTS"
"""The variable that names them."""

_LIMITS: dict[str, Any] = {"mem_limit": "256m", "pids_limit": 128}


class StubContainer(DockerContainer):
    """What all containers of a server have in common.

    Args:
        image: the tag.
        name: of the container.
        marks: labels by which it is found again.
        volumes: of its server, each with the place where it is mounted.
        options: further ones of the engine.
    """

    def __init__(
        self, image: str, *, name: str, marks: Mapping[str, str], volumes: Mapping[str, str], **options: Any
    ) -> None:
        super().__init__(image, name=name)
        for volume, place in volumes.items():
            self.with_volume_mapping(volume, place, "rw")
        self.with_tmpfs_mount("/tmp", "size=16m")  # noqa: S108 - inside the container
        self.with_kwargs(
            labels=dict(marks),
            cap_drop=["ALL"],
            security_opt=options.pop("security_opt", ["no-new-privileges:true"]),
            read_only=True,
            network=options.pop("network", None),
            **_LIMITS,
            **options,
        )

    def _begin_with(self, service: str, defects: Sequence[str]) -> None:
        """Start a service that has defects by what plants them; the image's own way, if it has none."""
        if defects:
            self.with_command([*DEFECTIVE, service]).with_env(DEFECTS, " ".join(defects))

    def run(self) -> str:
        """Create and start it; its id. Closes the connection to the engine that testcontainers leaves open."""
        try:
            return self.start().get_container_id()
        finally:
            self.get_docker_client().client.close()


class ServerContainer(StubContainer):
    """Holds the address, shows the platform view, takes network faults in.

    Args:
        image: the tag.
        name: of the container.
        marks: labels.
        volumes: of the server, each with the place where it is mounted.
        network: the topology's.
        address: its fixed address there.
        files: what is installed on the server before it starts, by path below the volume's root.
        created: called when it exists, before it starts: its name is won then.
        defects: names of those that are planted in it.
    """

    def __init__(  # noqa: PLR0913 - a container's particulars
        self,
        image: str,
        *,
        name: str,
        marks: Mapping[str, str],
        volumes: Mapping[str, str],
        network: str,
        address: str,
        files: Mapping[str, bytes],
        created: Callable[[], None] = lambda: None,
        defects: Sequence[str] = (),
    ) -> None:
        self._created = created
        endpoint = EndpointConfig("1.41", ipv4_address=address)
        super().__init__(
            image,
            name=name,
            marks={**marks, labels.SERVICE: "server"},
            volumes=volumes,
            network=network,
            networking_config={network: endpoint},
            cap_add=["NET_ADMIN"],
            sysctls={"net.ipv4.ip_local_reserved_ports": ports.RESERVED, **SYSCTLS},
            # With it, the fault channel's exec as root could not gain the capability that its main process must not
            # have. The image holds no setuid program, so nothing else can gain any.
            security_opt=[],
        )
        self._begin_with("server", defects)
        self.with_copy_into_container(packed(files), VOLUME_ROOT)

    def _transfer_into_container(self, transferable: Transferable, destination_in_container: str, mode: int) -> None:
        """Unpack below the volume: with a read-only root the engine takes files nowhere else."""
        del mode
        self._created()
        self.get_wrapped_container().put_archive(destination_in_container, transferable)


class ServiceContainer(StubContainer):
    """A core or a portal: joins the namespace of its server.

    Args:
        service: "core" or "portal".
        image: the tag.
        name: of the container.
        marks: labels.
        volumes: of the server, each with the place where it is mounted.
        server: id of the server container.
        defects: names of those that are planted in it.
    """

    def __init__(  # noqa: PLR0913 - a container's particulars
        self,
        service: str,
        image: str,
        *,
        name: str,
        marks: Mapping[str, str],
        volumes: Mapping[str, str],
        server: str,
        defects: Sequence[str] = (),
    ) -> None:
        super().__init__(
            image,
            name=name,
            marks={**marks, labels.SERVICE: service},
            volumes=volumes,
            network_mode=f"container:{server}",
        )
        self._begin_with(service, defects)


def small_disk(mib: int) -> dict[str, str]:
    """What the engine is told about a volume of so many MiB.

    It lies in memory: the one kind of volume that every engine bounds in size, without a file system of its own or
    quotas set up on the host, and without rights to a loop device. The kernel keeps it while any container that has it
    mounted runs, and the server container is never ended by a fault: what a killed core or portal stored is there when
    it starts again.
    """
    return {"type": "tmpfs", "device": "tmpfs", "o": f"size={mib}m,uid={STUB_USER},gid={STUB_USER},mode=0700"}
