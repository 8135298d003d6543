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

from stubs.wire import Site
from testbed import topology as topologies
from testbed.certificates import Authority, ServerCertificate, own
from testbed.engine import labels
from testbed.engine.containers import ServerContainer, ServiceContainer
from testbed.engine.names import PREFIX, Names
from testbed.engine.records import Record
from testbed.engine.subnets import POOL, create_network
from testbed.errors import EngineError, MisuseError
from testbed.staging import installed_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from ipaddress import IPv4Network

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
        self._marks = {labels.RUN: run, labels.NAME: name} | ({labels.KEEP: "yes"} if keep else {})
        self._secret = secrets.token_hex(16)

    def build(self, pool: IPv4Network = POOL) -> Record:
        """Create and start everything; returns when all containers run, not when they serve.

        Raises:
            MisuseError: the name is taken; then nothing of its owner was touched.
            MissingError: no subnet is free.
            EngineError: the engine failed. What was created stays, under the run's label.
        """
        with ThreadPoolExecutor(8) as threads:
            volumes = [threads.submit(self._create_volume, site) for site in Site]
            network = create_network(self._client.api, self._own, labels=self._marks, pool=pool, near=self._names.name)
            record, certificates = self._describe({s: str(network.address(i)) for i, s in enumerate(Site)})
            _all(volumes)
            self._build_servers(record, certificates, threads)
        return record

    def _build_servers(
        self, record: Record, certificates: dict[Site, ServerCertificate], threads: ThreadPoolExecutor
    ) -> None:
        """Both servers side by side; but the secondary only once the primary's container has claimed the name."""
        claimed = threading.Event()
        building = [
            threads.submit(self._build_server, Site.PRIMARY, record, certificates, threads, claimed.set),
        ]
        building[0].add_done_callback(lambda _failed_or_done: claimed.set())
        claimed.wait()
        if not (building[0].done() and building[0].exception()):
            building.append(
                threads.submit(self._build_server, Site.SECONDARY, record, certificates, threads, lambda: None)
            )
        _all(building)

    def _build_server(
        self,
        site: Site,
        record: Record,
        certificates: dict[Site, ServerCertificate],
        threads: ThreadPoolExecutor,
        created: Callable[[], None],
    ) -> None:
        server = self._start_server(site, record, certificates[site], created)
        _all([threads.submit(self._join, site, service, server) for service in ("core", "portal")])

    def _describe(self, addresses: dict[Site, str]) -> tuple[Record, dict[Site, ServerCertificate]]:
        hosts = {site: topologies.hostname(site, self._names.name) for site in Site}
        if self._topology.certificates == "common-ca":
            authority = Authority(f"{self._names.name} common CA")
            certificates = {site: authority.issue(hosts[site], addresses[site]) for site in Site}
        else:
            certificates = {site: own(hosts[site], addresses[site]) for site in Site}
        anchors = {site: certificates[site].anchor.decode() for site in Site}
        record = Record(name=self._names.name, topology=self._topology, addresses=addresses, anchors=anchors)
        return record, certificates

    def _create_volume(self, site: Site) -> None:
        marks = {**self._marks, labels.SERVER: site.value}
        with _translated(f"volume of the {site.value}", name=self._names.name):
            self._client.volumes.create(self._volume(site), labels=marks)

    def _volume(self, site: Site) -> str:
        return f"{self._own}-{site.value}"

    def _start_server(
        self, site: Site, record: Record, certificate: ServerCertificate, created: Callable[[], None]
    ) -> str:
        """Start the container that holds a server's address; its id. `created` is called as soon as the name is won."""
        installed = topologies.installation(
            self._topology, site, name=record.name, addresses=record.addresses, secret=self._secret
        )
        files = {
            "conf/server.json": msgspec.json.encode(installed),
            **installed_files(certificate),
        }
        marks = {**self._marks, labels.SERVER: site.value, labels.RECORD: msgspec.json.encode(record).decode()}
        with _translated(f"server container of the {site.value}", name=record.name):
            return ServerContainer(
                self._images.server,
                name=self._names.container(site, "server"),
                marks=marks,
                volume=self._volume(site),
                network=self._own,
                address=record.addresses[site],
                files=files,
                created=created,
            ).run()

    def _join(self, site: Site, service: str, server: str) -> str:
        """Start a service that joins its server's address; the container's id."""
        with _translated(f"{service} container of the {site.value}", name=self._names.name):
            return ServiceContainer(
                service,
                self._images.core if service == "core" else self._images.portal,
                name=self._names.container(site, service),
                marks={**self._marks, labels.SERVER: site.value},
                volume=self._volume(site),
                server=server,
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
