"""Creates the parts of a topology in the engine. No decisions about faults or roles here."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import docker
import docker.errors
import msgspec
import requests

from testbed import defects, layout
from testbed.certificates import Authority, ServerCertificate, own
from testbed.engine import labels
from testbed.engine.containers import DISK_ROOT, ServerContainer, ServiceContainer, small_disk
from testbed.engine.names import PREFIX, Names
from testbed.engine.records import Record
from testbed.engine.subnets import POOL, create_network
from testbed.engine.volumes import VOLUME_ROOT
from testbed.errors import EngineError, MisuseError
from testbed.staging import installed_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from ipaddress import IPv4Network

    from stubs.wire import ServerName
    from testbed.engine.images import Images
    from testbed.topology import Topology

_CONFLICT = 409


class PodBuilder:
    """Creates the parts of one topology.

    Two that build the same name at once: the engine gives a container's name to one only, so the primary's server
    container comes first, and who gets it has the topology. Networks and volumes would not tell (one name may stand
    for two networks, and a volume that exists is simply handed out), so theirs carry the run as well.

    Args:
        client: the engine.
        images: what to start.
        topology: what to build.
        name: what to call it.
        run: id of the run that it belongs to.
        keep: whether it outlives the run.
    """

    def __init__(  # noqa: PLR0913 - what a topology is built from
        self, client: docker.DockerClient, images: Images, topology: Topology, *, name: str, run: str, keep: bool
    ) -> None:
        self._client = client
        self._images = images
        self._topology = topology
        self._names = Names(name=name)
        self._own = f"{PREFIX}-{name}-{run[:12]}"
        self._secret = secrets.token_hex(16)
        self._servers = layout.servers(topology)
        containers = sum(1 + len(layout.services(topology, server)) for server in self._servers)
        self._marks = labels.of_run(run) | {labels.NAME: name} | ({labels.KEEP: str(containers)} if keep else {})

    def build(self, pool: IPv4Network = POOL) -> Record:
        """Create and start everything; returns when all containers run, not when they serve.

        Raises:
            MisuseError: the name is taken; then nothing of its owner was touched.
            MissingError: no subnet is free.
            EngineError: the engine failed. What was created stays, under the run's label.
        """
        with ThreadPoolExecutor(8) as threads:
            volumes = [threads.submit(self._create_volumes, server) for server in self._servers]
            network = create_network(self._client.api, self._own, labels=self._marks, pool=pool, near=self._names.name)
            addresses = {server: str(network.address(place)) for place, server in enumerate(self._servers)}
            record, certificates = self._describe(addresses)
            _all(volumes)
            self._build_servers(record, certificates, threads)
        return record

    def _build_servers(
        self, record: Record, certificates: dict[ServerName, ServerCertificate], threads: ThreadPoolExecutor
    ) -> None:
        """All servers side by side; but the others only once the primary's container has claimed the name."""
        claimed = threading.Event()
        first, *others = self._servers
        building = [threads.submit(self._build_server, first, record, certificates, threads, claimed.set)]
        building[0].add_done_callback(lambda _failed_or_done: claimed.set())
        claimed.wait()
        if not (building[0].done() and building[0].exception()):
            building += [
                threads.submit(self._build_server, server, record, certificates, threads, lambda: None)
                for server in others
            ]
        _all(building)

    def _build_server(
        self,
        server: ServerName,
        record: Record,
        certificates: dict[ServerName, ServerCertificate],
        threads: ThreadPoolExecutor,
        created: Callable[[], None],
    ) -> None:
        pod = self._start_server(server, record, certificates[server], created)
        installed = layout.services(self._topology, server)
        _all([threads.submit(self._join, server, service, pod) for service in installed])

    def _describe(self, addresses: dict[ServerName, str]) -> tuple[Record, dict[ServerName, ServerCertificate]]:
        hosts = {server: layout.hostname(server, self._names.name) for server in self._servers}
        if self._topology.certificates == "common-ca":
            authority = Authority(f"{self._names.name} common CA")
            certificates = {server: authority.issue(hosts[server], addresses[server]) for server in hosts}
        else:
            certificates = {server: own(hosts[server], addresses[server]) for server in hosts}
        anchors = {server: certificates[server].anchor.decode() for server in hosts}
        record = Record(
            name=self._names.name,
            topology=self._topology,
            addresses=addresses,
            anchors=anchors,
            stays=labels.KEEP in self._marks,
        )
        return record, certificates

    def _create_volumes(self, server: ServerName) -> None:
        marks = {**self._marks, labels.SERVER: server.value}
        with _translated(f"volume of the {server.value}", name=self._names.name):
            self._client.volumes.create(self._volume(server), labels=marks)
            if (mib := layout.disk_mib(self._topology, server)) is not None:
                self._client.volumes.create(self._disk(server), labels=marks, driver_opts=small_disk(mib))

    def _volume(self, server: ServerName) -> str:
        return f"{self._own}-{server.value}"

    def _disk(self, server: ServerName) -> str:
        return f"{self._own}-{server.value}-disk"

    def _volumes(self, server: ServerName) -> dict[str, str]:
        """The volumes of a server, each with the place where it is mounted."""
        has_disk = layout.disk_mib(self._topology, server) is not None
        return {self._volume(server): VOLUME_ROOT} | ({self._disk(server): DISK_ROOT} if has_disk else {})

    def _start_server(
        self, server: ServerName, record: Record, certificate: ServerCertificate, created: Callable[[], None]
    ) -> str:
        """Start the container that holds a server's address; its id. `created` is called as soon as the name is won."""
        installed = layout.installation(
            self._topology, server, name=record.name, addresses=record.addresses, secret=self._secret
        )
        files = {
            "conf/server.json": msgspec.json.encode(installed),
            **installed_files(certificate),
        }
        marks = {**self._marks, labels.SERVER: server.value, labels.RECORD: msgspec.json.encode(record).decode()}
        with _translated(f"server container of the {server.value}", name=record.name):
            return ServerContainer(
                self._images.server,
                name=self._names.container(server, "server"),
                marks=marks,
                volumes=self._volumes(server),
                network=self._own,
                address=record.addresses[server],
                files=files,
                created=created,
                defects=defects.of_service(self._topology, server, "server"),
            ).run()

    def _join(self, server: ServerName, service: str, pod: str) -> str:
        """Start a service that joins its server's address; the container's id."""
        with _translated(f"{service} container of the {server.value}", name=self._names.name):
            return ServiceContainer(
                service,
                self._images.core if service == "core" else self._images.portal,
                name=self._names.container(server, service),
                marks={**self._marks, labels.SERVER: server.value},
                volumes=self._volumes(server),
                server=pod,
                defects=defects.of_service(self._topology, server, service),
            ).run()


class _translated:  # noqa: N801 - reads as a word in a with statement
    """Tells the engine's failures apart: a name that is taken is the caller's mistake, the rest is the engine's."""

    def __init__(self, what: str, *, name: str) -> None:
        self._what, self._name = what, name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, docker.errors.APIError) and error.status_code == _CONFLICT:
            raise MisuseError(
                f"{self._name} is being started by somebody else, or a run that died left parts of it:"
                f" wait, run testbed gc, or choose another --name (the {self._what} exists)"
            ) from error
        if isinstance(error, docker.errors.DockerException | requests.RequestException):
            raise EngineError(f"cannot make the {self._what}: {error}") from error


def _all(futures: Sequence[Future[Any]]) -> None:
    """Wait for all; raise the first failure once none is under way any more."""
    failures = [failure for future in futures if (failure := future.exception()) is not None]
    if failures:
        raise failures[0]
