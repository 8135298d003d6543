"""The servers of a bed as values: what clients know of each, its services as targets of faults. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stubs.wire import ServerName, Site
from testbed import layout
from testbed.errors import MisuseError
from testbed.faults import Target
from testbed.servers import Server

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from testbed.engine.records import Record


@dataclass(frozen=True, kw_only=True)
class BedServer(Server):
    """A server of a bed: what clients know of it, and its services as targets of faults."""

    half: Site | None

    @property
    def server(self) -> ServerName:
        """Which server it is."""
        return ServerName(self.name)

    @property
    def site(self) -> Site:
        """Its half of the pair.

        Raises:
            MisuseError: it belongs to neither, as an expansion system.
        """
        if self.half is None:
            raise MisuseError(f"the {self.name} belongs to neither half of the pair")
        return self.half

    @property
    def core(self) -> Target:
        """Its core; of an Application Server the one that its portal belongs to."""
        return Target(self.core_server.server, "core")

    @property
    def portal(self) -> Target:
        """Its portal, or the one of the Application Server that stands in for it (CFG-10)."""
        return Target(ServerName(self.portal_server.name), "portal")


def placed(record: Record, folder: Path) -> dict[ServerName, BedServer]:
    """The servers of a bed, each knowing where the portal and the core of its half are.

    Args:
        record: what was written down about the bed.
        folder: where the certificates are, `NAME.pem` each.
    """
    alone = {name: _alone(record, name, folder) for name in layout.servers(record.topology)}
    found = {}
    for name, server in alone.items():
        portal = name if server.half is None else layout.portal_server(record.topology, server.half)
        core = layout.core_server(record.topology, name)
        found[name] = replace(
            server,
            portal_elsewhere=None if portal is name else alone[portal],
            core_elsewhere=None if core is name else alone[core],
        )
    return found


def described(server: BedServer, installed: Collection[str]) -> dict[str, str | None]:
    """What scripts need to use a server; null where no such service is on it, or stands in for its own."""
    with_portal = "portal" in installed or server.portal_elsewhere is not None
    return {
        "hostname": server.hostname,
        "address": server.address,
        "portal_url": server.portal_url if with_portal else None,
        "admin_url": server.admin_url if with_portal else None,
        "platform_view_url": server.platform_view_url,
        "core_url": server.core_url if "core" in installed else None,
        "certificate": str(server.certificate),
    }


def _alone(record: Record, name: ServerName, folder: Path) -> BedServer:
    return BedServer(
        name=name.value,
        half=layout.half(record.topology, name),
        hostname=layout.hostname(name, record.name),
        address=record.addresses[name],
        certificate=folder / f"{name.value}.pem",
    )
