"""Which servers a topology has, what is installed on each, and what each is told. Pure.

A pair always; an Application Server whose portal stands in for one of the two embedded ones (CFG-10); an expansion
system, whose core is home to further users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs.installation import Baseline, Installation, Login, Neighbour
from stubs.wire import ServerName, Site, User
from testbed.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbed.topology import ServerSpec, Topology


def servers(topology: Topology) -> tuple[ServerName, ...]:
    """The servers of a topology; the primary comes first."""
    there = {
        ServerName.PRIMARY: True,
        ServerName.SECONDARY: True,
        ServerName.APPLICATION: topology.application_server is not None,
        ServerName.EXPANSION: topology.expansion,
    }
    return tuple(name for name, is_there in there.items() if is_there)


def services(topology: Topology, name: ServerName) -> tuple[str, ...]:
    """What runs on a server: an embedded portal that is replaced does not (CFG-10)."""
    match name:
        case ServerName.APPLICATION:
            return ("portal",)
        case ServerName.EXPANSION:
            return ("core",)
        case ServerName.PRIMARY | ServerName.SECONDARY:
            return ("core", "portal") if portal_server(topology, Site(name.value)) is name else ("core",)


def out_of_use(topology: Topology, name: ServerName) -> bool:
    """Whether a server's embedded portal is out of use, as an Application Server stands in for it (CFG-10)."""
    return topology.application_server is not None and topology.application_server.replaces == name.value


def portal_server(topology: Topology, site: Site) -> ServerName:
    """The server on which the portal of a half runs (CFG-10)."""
    embedded = site.server
    return ServerName.APPLICATION if out_of_use(topology, embedded) else embedded


def half(topology: Topology, name: ServerName) -> Site | None:
    """The half of the pair that a server belongs to; `None`: an expansion system."""
    match name:
        case ServerName.PRIMARY | ServerName.SECONDARY:
            return Site(name.value)
        case ServerName.APPLICATION:
            replaced = topology.application_server
            return None if replaced is None else Site(replaced.replaces)
        case ServerName.EXPANSION:
            return None


def side(topology: Topology, site: Site) -> tuple[ServerName, ...]:
    """All servers of one half of the pair: what a cut between the halves separates from the other."""
    return tuple(name for name in servers(topology) if half(topology, name) is site)


def core_server(topology: Topology, name: ServerName) -> ServerName:
    """The server whose core a server's portal belongs to; its own, where it has one."""
    own = half(topology, name)
    return name if own is None else own.server


def named(topology: Topology, text: str) -> ServerName:
    """A server by its name.

    Raises:
        MisuseError: the topology has no such server.
    """
    there = servers(topology)
    for name in there:
        if name.value == text:
            return name
    raise MisuseError(f"no server is called {text!r}; there are {', '.join(name.value for name in there)}")


def disk_mib(topology: Topology, name: ServerName) -> int | None:
    """The size of a server's small disk, in MiB; `None`: it keeps its data on the engine's own disk.

    An Application Server has the disk of the half that it belongs to.
    """
    own = half(topology, name)
    return None if own is None else _spec(topology, own).disk_mib


def require_disk(topology: Topology, name: ServerName) -> None:
    """Nothing, if a server has a small disk that can be filled up.

    Raises:
        MisuseError: it has none; says how to get one.
    """
    if disk_mib(topology, name) is None:
        raise MisuseError(
            f"the {name.value} has no small disk to fill: start a topology that gives it one"
            " (testbed up --topology small-disk, or disk_mib in a file)"
        )


def hostname(server: ServerName, topology_name: str) -> str:
    """The host name of a server of the topology that has this name; `.test` resolves nowhere."""
    return f"{server.value}.{topology_name}.test"


def installation(
    topology: Topology, server: ServerName, *, name: str, addresses: Mapping[ServerName, str], secret: str
) -> Installation:
    """What a server is told when it is installed.

    Args:
        topology: the whole.
        server: which server.
        name: of the topology.
        addresses: of all servers.
        secret: shared by the services of this topology.
    """

    def whereabouts(of: ServerName) -> Neighbour:
        return Neighbour(hostname=hostname(of, name), address=addresses[of])

    own = half(topology, server)
    return Installation(
        topology=name,
        server=server,
        half=own,
        services=services(topology, server),
        hostname=hostname(server, name),
        address=addresses[server],
        portals={site: whereabouts(portal_server(topology, site)) for site in Site},
        cores={each: whereabouts(each) for each in servers(topology) if "core" in services(topology, each)},
        time_scale=topology.time_scale,
        secret=secret,
        service_user=Login(name="EnhTcpaService", password=secret),
        administrator=Login(topology.administrator.name, topology.administrator.password),
        baseline=_baseline(topology, server, own, hostname(server, name)),
    )


def _baseline(topology: Topology, server: ServerName, own: Site | None, host: str) -> Baseline:
    spec = _spec(topology, own)
    homes = [user for user in topology.users if user.home == server.value]
    return Baseline(
        portal_version=spec.portal_version,
        select=spec.select,
        central_cti=spec.has_central_cti,
        failover=spec.failover,
        failback=spec.failback,
        detection_minutes=spec.detection_minutes,
        supports_resiliency=spec.supports_resiliency,
        backs_up_portal=spec.backs_up_portal,
        host_domain_name=host if spec.host_domain_name is None else spec.host_domain_name,
        users=tuple(User(name=user.name, password=user.password, home=server) for user in homes),
    )


def _spec(topology: Topology, own: Site | None) -> ServerSpec:
    """The settings that count on a server: an Application Server has those of the half that it belongs to.

    An expansion system has no line that could be ticked for a portal; the mode is that of the whole system.
    """
    return topology.secondary if own is Site.SECONDARY else topology.primary
