"""Names of a topology's parts in the engine, and their creation. No decisions about faults or roles here."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import docker
import docker.errors
import msgspec
import requests

from stubs.wire import Site
from testbed import topology as topologies
from testbed.certificates import Authority, ServerCertificate, own
from testbed.engine import labels
from testbed.engine.containers import ServerContainer, ServiceContainer
from testbed.engine.subnets import POOL, create_network
from testbed.errors import EngineError, MisuseError
from testbed.topology import Topology

if TYPE_CHECKING:
    from concurrent.futures import Future
    from ipaddress import IPv4Network

    from testbed.engine.images import Images

PREFIX = "prt"
"""Begins every name in the engine."""

_CONFLICT = 409


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down about a topology, on its server containers: enough to find and describe it again.

    Attributes:
        name: of the topology.
        topology: as it was asked for.
        addresses: of the servers, by site.
        anchors: PEM certificate that a client must trust, by site.
    """

    name: str
    topology: Topology
    addresses: dict[Site, str]
    anchors: dict[Site, str]


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the parts of one topology are called in the engine."""

    name: str

    @property
    def network(self) -> str:
        """The network."""
        return f"{PREFIX}-{self.name}"

    def volume(self, site: Site) -> str:
        """The volume of a server."""
        return f"{PREFIX}-{self.name}-{site.value}"

    def container(self, site: Site, service: str) -> str:
        """A container of a server."""
        return f"{PREFIX}-{self.name}-{site.value}-{service}"


class PodBuilder:
    """Creates the parts of one topology.

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
        self._marks = {labels.RUN: run, labels.NAME: name} | ({labels.KEEP: "yes"} if keep else {})
        self._secret = secrets.token_hex(16)

    def build(self, pool: IPv4Network = POOL) -> Record:
        """Create and start everything; returns when all containers run, not when they serve.

        Raises:
            MisuseError: the name is taken.
            MissingError: no subnet is free.
            EngineError: the engine failed. What was created stays, under the run's label.
        """
        with ThreadPoolExecutor(8) as threads:
            volumes = [threads.submit(self._create_volume, site) for site in Site]
            network = create_network(self._client.api, self._names.network, labels=self._marks, pool=pool)
            record, certificates = self._describe({s: str(network.address(i)) for i, s in enumerate(Site)})
            _all(volumes)
            _all([threads.submit(self._build_server, site, record, certificates[site], threads) for site in Site])
        return record

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
        with _translated(f"volume of the {site.value}"):
            self._client.volumes.create(self._names.volume(site), labels=marks)

    def _build_server(
        self, site: Site, record: Record, certificate: ServerCertificate, threads: ThreadPoolExecutor
    ) -> None:
        installed = topologies.installation(
            self._topology, site, name=record.name, addresses=record.addresses, secret=self._secret
        )
        files = {
            "conf/server.json": msgspec.json.encode(installed),
            "conf/certificate.pem": certificate.chain,
            "conf/key.pem": certificate.key,
        }
        marks = {**self._marks, labels.SERVER: site.value}
        with _translated(f"server container of the {site.value}"):
            identity = ServerContainer(
                self._images.server,
                name=self._names.container(site, "server"),
                marks={**marks, labels.RECORD: msgspec.json.encode(record).decode()},
                volume=self._names.volume(site),
                network=self._names.network,
                address=record.addresses[site],
                files=files,
            ).run()
        _all([threads.submit(self._join, site, service, identity, marks) for service in ("core", "portal")])

    def _join(self, site: Site, service: str, server: str, marks: dict[str, str]) -> None:
        with _translated(f"{service} container of the {site.value}"):
            ServiceContainer(
                service,
                self._images.core if service == "core" else self._images.portal,
                name=self._names.container(site, service),
                marks=marks,
                volume=self._names.volume(site),
                server=server,
            ).run()


class _translated:  # noqa: N801 - reads as a word in a with statement
    """Tells the engine's failures apart: a name that is taken is the caller's mistake, the rest is the engine's."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, docker.errors.APIError) and error.status_code == _CONFLICT:
            raise MisuseError(f"the name of the {self._what} is taken: {error.explanation}") from error
        if isinstance(error, docker.errors.DockerException | requests.RequestException):
            raise EngineError(f"cannot make the {self._what}: {error}") from error


def _all(futures: list[Future[None]]) -> None:
    """Wait for all; raise the first failure once none is under way any more."""
    failures = [failure for future in futures if (failure := future.exception()) is not None]
    if failures:
        raise failures[0]
