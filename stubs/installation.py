"""What a server is told when it is installed: one JSON file, one PEM file. Reads files, nothing else.

The files lie in `conf` on the server's volume, written before its services start, and are the baseline that a
factory reset (SIGUSR1) goes back to.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from stubs.decoding import decode
from stubs.timing import Timing
from stubs.wire import ServerName, Site, User

ROOT = Path("/server")
"""A server's volume."""

DATA = ROOT / "disk"
"""What its services keep; a small disk of its own where the topology asks for one that can be filled up."""

FAULTS = ROOT / "faults"
"""Which faults of this server's disk and services are in force, a file each (`stubs.server.volume`)."""

FULL_DISK = "full-disk"
"""The file there of a disk that was filled up."""

SLOW = "slow-"
"""Begins, before a service's name, the file there of its slow starts (`stubs.slow_start`)."""

CERTIFICATE = "tls.pem"
"""What is shown on every TLS port of the server: the private key, then the certificate and its chain, in one file, so
that it can be replaced in one step."""

STAGED = "tls.staged.pem"
"""What takes its place at the next `HttpsServer.reload_certificate`."""


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name and a password."""

    name: str
    password: str


class Neighbour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a server is."""

    hostname: str
    address: str


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The configuration after installation; every value can be changed later on the running server.

    Attributes:
        portal_version: CFG-9.
        select: Server Edition Select mode (CFG-2).
        central_cti: Central CTI Link (CFG-5).
        failover: failover enabled; counts on the primary (CFG-6).
        failback: "automatic" or "manual" (ROLE-8).
        detection_minutes: Failover Detection Time.
        supports_resiliency: tick on the line to the other server (CFG-7).
        backs_up_portal: the other tick on that line (CFG-7).
        host_domain_name: CFG-12.
        users: users at home on this server's core.
    """

    portal_version: str
    select: bool
    central_cti: bool
    failover: bool
    failback: str
    detection_minutes: float
    supports_resiliency: bool
    backs_up_portal: bool
    host_domain_name: str
    users: tuple[User, ...]


class Installation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One server's own part of the topology.

    Attributes:
        topology: its name, for pages and logs.
        server: which server this is.
        half: the half of the pair that its core or portal belongs to; `None`: an expansion system.
        services: what is installed on it: "core", "portal".
        hostname: the name in its certificate.
        address: its address on the topology's network.
        portals: where the portal of each half is (CFG-10).
        cores: where each core is, by the server that it belongs to.
        time_scale: testbed time divided by real time.
        secret: shared by the services of this topology; clients never learn it.
        service_user: the portals log in at the cores with this (EnhTcpaService).
        administrator: log-in of the administrator, on portal and core.
        baseline: configuration after installation.
    """

    topology: str
    server: ServerName
    half: Site | None
    services: tuple[str, ...]
    hostname: str
    address: str
    portals: dict[Site, Neighbour]
    cores: dict[ServerName, Neighbour]
    time_scale: float
    secret: str
    service_user: Login
    administrator: Login
    baseline: Baseline

    @property
    def site(self) -> Site:
        """The half of the pair that this server's portal serves.

        Raises:
            ValueError: it has none.
        """
        if self.half is None:
            raise ValueError(f"the {self.server.value} belongs to neither half of the pair")
        return self.half

    def portal_host(self, half: Site, host_domain_name: str) -> str:
        """Where callers of the portal of a half are sent: to its Host Domain Name, if it has one (CFG-12).

        One that names the other portal would lead round in a circle and does not count (REDIR-8, and
        reading "name of the other").
        """
        other = self.portals[half.other]
        named = host_domain_name.lower().rstrip(".")
        return self.portals[half].hostname if named in ("", other.hostname, other.address) else host_domain_name

    @property
    def timing(self) -> Timing:
        """The durations of this topology."""
        return Timing(scale=self.time_scale)


def slow_start(service: str) -> str:
    """The name of the file in `FAULTS` whose presence makes a service start slowly."""
    return f"{SLOW}{service}"


def conf_path(name: str) -> Path:
    """The path of a file that was installed."""
    return ROOT / "conf" / name


def load() -> Installation:
    """Read what this server was told.

    Raises:
        FileNotFoundError: the server was never installed.
        msgspec.ValidationError: the file is not of the form above; names the field.
    """
    return decode(conf_path("server.json").read_bytes(), Installation)
