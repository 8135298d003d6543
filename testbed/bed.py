"""A bed: one topology that runs, as a handle. Builds it, finds it again, looks at it, resets it, takes it down.

Faults are `testbed.nemesis`'s; what a client may know of a server is `testbed.servers`'.
"""

from __future__ import annotations

import contextlib
from functools import cached_property
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import msgspec

from stubs.wire import ServerName, Site
from testbed import healing, layout
from testbed import topology as topologies
from testbed.engine import labels
from testbed.engine.names import Names
from testbed.engine.records import Record, check_name, records
from testbed.engine.services import Services
from testbed.engine.subnets import gateway_of
from testbed.engine.sweep import clear
from testbed.engine.volume_faults import VolumeFaults
from testbed.errors import MisuseError, NotInTimeError
from testbed.inspector import Inspector
from testbed.link_faults import CLIENTS
from testbed.network.channel import Channel
from testbed.network.links import End, Links
from testbed.placement import described, placed
from testbed.staging import Certificates
from testbed.status import settled, summary
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ipaddress import IPv4Network
    from pathlib import Path

    import docker

    from testbed.engine.images import Images
    from testbed.network.applied import Applied
    from testbed.placement import BedServer
    from testbed.topology import Topology

READY_S = 60.0
"""How long a bed may take until all its services answer, in seconds; a slow machine needs it, none waits for it."""


class Bed:
    """One topology that runs in the engine, given what was written down about it, and a folder for certificates."""

    def __init__(self, client: docker.DockerClient, record: Record, *, folder: Path) -> None:
        self.record = record
        self.name = record.name
        self.topology = record.topology
        self.services = Services(client, record.name)
        self.volumes = VolumeFaults(client, record.name, layout.servers(record.topology))
        self._client = client
        self._folder = folder
        self._write_certificates()
        self._servers = placed(record, folder)
        administrator = (self.topology.administrator.name, self.topology.administrator.password)
        self.inspectors: Mapping[str, Inspector] = {
            server.name: Inspector(server, administrator=administrator) for server in self.servers
        }
        self.certificates = Certificates(self)

    @classmethod
    def up(  # noqa: PLR0913 - what a bed is made from
        cls,
        client: docker.DockerClient,
        images: Images,
        topology: Topology,
        *,
        name: str,
        folder: Path,
        run: str,
        keep: bool,
        pool: IPv4Network,
    ) -> Bed:
        """Start a topology; returns when all its services answer. What a failure leaves, the run's janitor removes.

        Args:
            client: the engine.
            images: what to start.
            topology: what to build.
            name: what to call it.
            folder: where to put the certificates.
            run: id of the run that it belongs to, which a janitor watches.
            keep: whether it outlives the run.
            pool: where its subnet is taken from.

        Raises:
            MisuseError: the name is not one, or is taken.
            MissingError, EngineError, NotInTimeError: no free subnet, an engine that failed, services that did not.
        """
        from testbed.engine.pods import PodBuilder  # noqa: PLC0415 - testcontainers load slowly, and only here

        check_name(name)
        if records(client, name):
            raise MisuseError(f"{name} is up already: take it down (testbed down {name}) or choose another --name")
        record = PodBuilder(client, images, topology, name=name, run=run, keep=keep).build(pool)
        with contextlib.ExitStack() as undo:
            bed = cls(client, record, folder=folder)
            undo.callback(bed.forget)
            bed.wait_until_settled(every_s=0.05)
            undo.pop_all()
        return bed

    @classmethod
    def attach(cls, client: docker.DockerClient, name: str, *, folder: Path) -> Bed:
        """Find a bed that is up.

        Raises:
            MisuseError: there is none of this name.
        """
        found = records(client, name)
        if not found:
            others = ", ".join(sorted(records(client))) or "none"
            raise MisuseError(f"no topology called {name} is up; up: {others}")
        return cls(client, found[name], folder=folder)

    def server(self, name: str) -> BedServer:
        """A server by its name; a site names the pair's.

        Raises:
            MisuseError: the topology has no such server.
        """
        return self._servers[layout.named(self.topology, name)]

    @property
    def primary(self) -> BedServer:
        """P."""
        return self._servers[ServerName.PRIMARY]

    @property
    def secondary(self) -> BedServer:
        """S."""
        return self._servers[ServerName.SECONDARY]

    @property
    def pair(self) -> tuple[BedServer, BedServer]:
        """P and S."""
        return self.primary, self.secondary

    @property
    def servers(self) -> tuple[BedServer, ...]:
        """All servers, P and S first."""
        return tuple(self._servers.values())

    def side(self, site: Site) -> tuple[BedServer, ...]:
        """All servers of one half: what a cut between the halves separates from the other."""
        return tuple(self._servers[name] for name in layout.side(self.topology, site))

    @property
    def stays(self) -> bool:
        """Whether it outlives whoever started it: then no janitor ends what is wrong in it."""
        return self.record.stays

    def installed(self, server: ServerName) -> tuple[str, ...]:
        """The services that run on a server."""
        return layout.services(self.topology, server)

    @cached_property
    def links(self) -> Links:
        """The network of the bed, with a channel into each server: all are opened when first asked for, or none."""
        names, ends = Names(name=self.name), {}
        with contextlib.ExitStack() as undo:
            for each in self.servers:
                channel = undo.enter_context(Channel.open(self._client.api, names.container(each.server, "server")))
                ends[each.name] = End(IPv4Address(each.address), channel)
            links = Links({**ends, CLIENTS: End(gateway_of(IPv4Address(self.primary.address)))})
            links.install()
            undo.pop_all()
        return links

    def describe(self) -> dict[str, Any]:
        """What scripts need to use the bed (`testbed up --json`)."""
        return {
            "name": self.name,
            "servers": {server.name: described(server, self.installed(server.server)) for server in self.servers},
            "users": [msgspec.to_builtins(user) for user in self.topology.users],
            "administrator": msgspec.to_builtins(self.topology.administrator),
            "time_scale": self.topology.time_scale,
            "defects": list(self.topology.defects),
        }

    def status(self) -> dict[str, Any]:
        """How the bed is now (`testbed status --json`)."""
        containers = self.services.states()
        views = {server.server: self.inspectors[server.name].services() for server in self.servers}
        portals = {site: self.inspectors[site].resilience() for site in Site}
        faults = [one.told for one in self.links.current()]
        faults += self.volumes.described() + self.certificates.described()
        return summary(self.topology, containers, views, portals, faults)

    def wait_until_settled(self, *, boots: dict[Site, int] | None = None, every_s: float = 0.01) -> None:
        """Wait until all services answer, the primary serves, and both sides know it.

        Args:
            boots: starts of the portals that no longer count: both must have begun anew since.
            every_s: pause between two looks in seconds; looks cost time that services need to start.

        Raises:
            NotInTimeError: says what was last seen, and what the services that have ended wrote last.
        """
        unmet = topologies.unmet(self.topology)
        what = f"{self.name} to be settled: the primary Available, the secondary Starting, all services up"
        try:
            wait_until(
                lambda: {site: (self.inspectors[site].resilience(), self._view_of(site)) for site in Site},
                lambda seen: settled(seen, unmet=unmet, boots=boots or {}),
                within_s=READY_S,
                what=what,
                every_s=every_s,
            )
        except NotInTimeError as error:
            raise NotInTimeError("; ".join([str(error), *self.services.ended()])) from None

    def _view_of(self, site: Site) -> dict[str, Any] | None:
        """The rows of one half, from the platform views of the servers that carry its core and its portal."""
        server = self.server(site)
        core, portal = (self.inspectors[at.name].services() for at in (server, server.portal_server))
        return None if core is None or portal is None else {"core": core["core"], "portal": portal["portal"]}

    def heal(self) -> Applied:
        """End every fault, whoever injected it; as `testbed.healing.heal`."""
        return healing.heal(self)

    def reset(self) -> None:
        """Back to the state after installation, in the same containers: no fault, no data, no session, no setting.

        Raises:
            EngineError, FaultError, NotInTimeError: it could not be reset; the bed is dirty.
        """
        if "links" in self.__dict__:
            self.links.heal_all()
        healing.begin_all(self)
        # A process that does not answer yet would die of the signal that resets it.
        boots = {site: self._boot_once_up(site) for site in Site}
        self.certificates.restore_all()
        self.services.reset(healing.all_services(self))
        self.wait_until_settled(boots=boots)

    def down(self) -> None:
        """Remove everything of this bed from the engine, and its folder.

        Raises:
            ExceptionGroup: of what could not be removed.
        """
        self.close()
        self.forget()  # first: while there are containers, a janitor or the next attachment knows whose folder it is
        clear(self._client.api, {labels.NAME: self.name})
        self.forget()  # who attached meanwhile wrote them again

    def forget(self) -> None:
        """Remove its certificates from this machine; attaching to a bed that is up writes them again."""
        for server in self.servers:
            server.certificate.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # somebody else's file in it, or another process was faster
            self._folder.rmdir()

    def close(self) -> None:
        """Let go of the channels; the bed stays."""
        links = self.__dict__.pop("links", None)
        for end in links.ends.values() if links is not None else ():
            if end.channel is not None:
                end.channel.close()

    def logs(self) -> Iterator[tuple[str, bytes]]:
        """Every container's log, by `server/service`."""
        for server, services in sorted(self.services.states().items()):
            for service in sorted(services):
                yield f"{server.value}/{service}", self.services.logs(server, service)

    def _boot_once_up(self, site: Site) -> int:
        """Wait until core and portal of a server answer, or the portal is stopped by itself; its start."""
        inspector = self.inspectors[site]

        def look() -> int | None:
            portal = inspector.resilience()
            boot = portal["boot"] if portal is not None else inspector.dormant_boot()
            return boot if inspector.redirect() is not None else None

        what = f"core and portal of the {site.value} to answer"
        return wait_until(look, lambda seen: seen is not None, within_s=READY_S, what=what) or 0

    def _write_certificates(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for server, pem in self.record.anchors.items():
            (self._folder / f"{server.value}.pem").write_text(pem)
