"""A topology as data: its servers, their users, their settings, the pace of time. Pure.

A file is TOML; every value has a default, so that an empty file is a pair that is ready for resilience. A field that
does not exist is an error that names it.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from stubs import readiness
from stubs.decoding import convert
from stubs.wire import CoreFacts, Failback, PortalFacts, ServerName
from testbed.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Mapping

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*\Z")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]

NAME_FORM = r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"
"""What a topology may be called: it becomes part of host and container names."""


class ServerSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One server after installation.

    Attributes:
        portal_version: software version of its portal (CFG-9).
        installation: a new one, or one that was upgraded to release 10 or later (CFG-5).
        select: Server Edition Select mode (CFG-2).
        central_cti: Central CTI Link (CFG-5); left out, on for a new installation and off for an upgraded one.
        failover: failover enabled; counts on the primary (CFG-6).
        failback: who starts failback; counts on the primary (ROLE-8).
        detection_minutes: Failover Detection Time; counts on the primary.
        supports_resiliency: *Supports Resiliency* on its line to the other server (CFG-7).
        backs_up_portal: *Backs up my one-X Portal* on the same line (CFG-7).
        host_domain_name: CFG-12; left out, the server's host name; empty, not set.
        disk_mib: its services keep their data on a small disk of so many MiB, which a fault can fill up. It lies in
            memory: it outlives them, but not the server container. Left out, they use the engine's own disk.
    """

    portal_version: Text = "12.0"
    installation: Literal["new", "upgraded"] = "new"
    select: bool = True
    central_cti: bool | None = None
    failover: bool = True
    failback: Literal["automatic", "manual"] = "automatic"
    detection_minutes: Annotated[float, msgspec.Meta(ge=1, le=60)] = 3.0
    supports_resiliency: bool = True
    backs_up_portal: bool = True
    host_domain_name: Annotated[str, msgspec.Meta(max_length=253, pattern=r"^[A-Za-z0-9.-]*\Z")] | None = None
    disk_mib: Annotated[int, msgspec.Meta(ge=8, le=64)] | None = None

    @property
    def has_central_cti(self) -> bool:
        """Whether Central CTI Link is on after installation (CFG-5)."""
        return self.installation == "new" if self.central_cti is None else self.central_cti


class UserSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A user and the server whose core is its home."""

    name: Name
    password: Text
    home: Literal["primary", "secondary", "expansion"]


class ApplicationServerSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An Application Server: its portal stands in for an embedded one, whose settings it takes over (CFG-10)."""

    replaces: Literal["primary", "secondary"]


class AdministratorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The administrator's log-in, on portal and core."""

    name: Name = "Administrator"
    password: Text = "administrator-password"  # noqa: S105 - of a made-up administrator


_SECONDARY = ServerSpec(failover=False, supports_resiliency=False, backs_up_portal=False)
_USERS = (
    UserSpec(name="alice", password="alice-password", home="primary"),  # noqa: S106 - of a made-up user
    UserSpec(name="bob", password="bob-password", home="secondary"),  # noqa: S106 - of a made-up user
)


class Topology(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A pair of servers, and what stands beside it.

    Attributes:
        time_scale: testbed time divided by real time; 0.005 turns 3 minutes into 0.9 s.
        certificates: each server's own, or both from a common authority (CERT-2).
        administrator: the administrator's log-in.
        users: all users, with their homes.
        primary: the primary server.
        secondary: the secondary server.
        application_server: stands in for one of the two portals (CFG-10); left out, there is none.
        expansion: whether there is an expansion system, whose core can be home to users.
        defects: what is wrong on purpose, each as PLACE:NAME (`testbed.defects`).
    """

    time_scale: Annotated[float, msgspec.Meta(ge=0.002, le=1)] = 0.005
    certificates: Literal["own", "common-ca"] = "own"
    administrator: AdministratorSpec = AdministratorSpec()
    users: Annotated[tuple[UserSpec, ...], msgspec.Meta(max_length=5000)] = _USERS
    primary: ServerSpec = ServerSpec()
    secondary: ServerSpec = _SECONDARY
    application_server: ApplicationServerSpec | None = None
    expansion: bool = False
    defects: Annotated[tuple[Text, ...], msgspec.Meta(max_length=32)] = ()

    def __post_init__(self) -> None:
        names = [user.name for user in self.users]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two users are called {twice[0]} - at `$.users`")
        for place, user in enumerate(self.users):
            if user.home == "expansion" and not self.expansion:
                raise ValueError(f"there is no expansion system: say expansion = true - at `$.users[{place}].home`")
        if self.defects:
            self._check_defects()

    def _check_defects(self) -> None:
        from testbed.defects import planted  # noqa: PLC0415 - the stubs' own modules load only where one is wrong

        try:
            planted(self)
        except MisuseError as error:
            raise ValueError(f"{error} - at `$.defects`") from error


def read(text: str, *, source: str) -> Topology:
    """Read a topology file.

    Args:
        text: TOML.
        source: where it came from, for the error.

    Raises:
        MisuseError: it is no TOML, or a field is unknown or wrong; names the field.
    """
    try:
        return derive(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, MisuseError) as error:
        raise MisuseError(f"{source}: {error}") from error


def derive(fields: Mapping[str, Any]) -> Topology:
    """A topology from the fields that differ from the defaults; tables are merged field by field.

    Raises:
        MisuseError: a field is unknown or wrong; names it.
    """
    merged = msgspec.to_builtins(Topology())
    for key, value in fields.items():
        part = merged.get(key)
        merged[key] = {**part, **value} if isinstance(part, dict) and isinstance(value, dict) else value
    try:
        return convert(merged, Topology)
    except msgspec.ValidationError as error:
        raise MisuseError(str(error)) from error


def unmet(topology: Topology) -> tuple[str, ...]:
    """The rules that this topology leaves unmet from its installation on."""
    select = topology.primary.select
    primary, secondary = _facts(topology.primary, select=select), _facts(topology.secondary, select=select)
    core = CoreFacts(
        server=ServerName.PRIMARY,
        select=select,
        supports_resiliency=topology.primary.supports_resiliency,
        backs_up_portal=topology.primary.supports_resiliency and topology.primary.backs_up_portal,
    )
    return readiness.unmet(readiness.Known(primary=primary, secondary=secondary, primary_core=core))


def _facts(server: ServerSpec, *, select: bool) -> PortalFacts:
    return PortalFacts(
        version=server.portal_version,
        central_cti=server.has_central_cti,
        failover=server.failover,
        failback=Failback(server.failback),
        detection_minutes=server.detection_minutes,
        host_domain_name="set" if server.host_domain_name is None else server.host_domain_name,
        select=select,
    )
