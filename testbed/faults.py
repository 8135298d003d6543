"""Faults as data: what is to be done to what. Pure; `testbed.nemesis` acts.

A fault of a service or a server here, a fault of the network in `testbed.partitions`; an injected fault knows how it
is undone, so that the undo can be written down before the deed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from stubs.wire import ServerName
from testbed import link_faults, partitions
from testbed.errors import MisuseError
from testbed.partitions import Manner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from testbed.certificates import CertificateFault
    from testbed.partitions import NetworkFault


LONGEST_MS = 3_600_000
"""How much longer a slow start may take: that of the real portal takes minutes."""


class Named(Protocol):
    """Something that has a server's name."""

    @property
    def name(self) -> str:
        """The name: primary, secondary, application or expansion."""


@dataclass(frozen=True, order=True)
class Target:
    """A service of a server."""

    server: ServerName
    service: str

    def __str__(self) -> str:
        return f"{self.server.value}/{self.service}"


@dataclass(frozen=True)
class Kill:
    """SIGKILL; the address stays, and connections are refused."""

    target: Target


@dataclass(frozen=True)
class Stop:
    """An orderly stop (SIGTERM)."""

    target: Target


@dataclass(frozen=True)
class Pause:
    """Frozen: connections are accepted by the kernel, nothing answers."""

    target: Target


@dataclass(frozen=True)
class Restart:
    """An announced restart (SIGHUP): the service says that it will be back, and begins again by itself."""

    target: Target


@dataclass(frozen=True)
class Lose:
    """The whole server is lost: everything in and out is dropped, then its services are killed."""

    server: ServerName


@dataclass(frozen=True)
class FullDisk:
    """The small disk of a server is full (SYNC-8): every write is refused, reads go on; a topology gives it one."""

    server: ServerName


@dataclass(frozen=True)
class SlowStart:
    """Every start of a service takes so many milliseconds longer, until this is healed; it does not start by it.

    Raises:
        MisuseError: so long a start makes no sense.
    """

    target: Target
    by_ms: int

    def __post_init__(self) -> None:
        if not 0 < self.by_ms <= LONGEST_MS:
            raise MisuseError(f"a start can take up to {LONGEST_MS // 60_000} minutes longer, not {self.by_ms} ms")


@dataclass(frozen=True)
class Network:
    """Network faults that belong together: injected in one transaction per server, healed together."""

    faults: frozenset[NetworkFault]


@dataclass(frozen=True)
class Certificate:
    """The server shows a certificate that is wrong in this way, on all its TLS ports (CERT-5)."""

    server: ServerName
    case: CertificateFault


Fault: TypeAlias = Kill | Stop | Pause | Restart | Lose | FullDisk | SlowStart | Network | Certificate


def lose(server: Named) -> Lose:
    """The whole server is lost."""
    return Lose(ServerName(server.name))


def fill(server: Named) -> FullDisk:
    """The small disk of a server is full."""
    return FullDisk(ServerName(server.name))


@dataclass(frozen=True)
class Outside:
    """Who is outside of all servers: clients, on the machine on which the testbed runs."""

    name: str = link_faults.CLIENTS


CLIENTS = Outside()


def cut(one: Named, other: Named, *, manner: Manner = Manner.DROP) -> Network:
    """Neither hears the other (ROLE-4); with clients, what they send is stopped."""
    return Network(link_faults.cuts([one.name], [other.name], manner=manner))


def split(ones: Iterable[Named], others: Iterable[Named]) -> Network:
    """No server of one side hears one of the other (ROLE-4), whoever stands on each side (CFG-10)."""
    return Network(link_faults.cuts(_names(ones), _names(others)))


def one_way(source: Named, target: Named, *, manner: Manner = Manner.DROP) -> Network:
    """Target no longer hears source; source still hears target (ROLE-14)."""
    return Network(link_faults.cuts([source.name], [target.name], one_way=True, manner=manner))


def isolate(one: Named, others: Iterable[Named]) -> Network:
    """One is cut from all others, which still hear each other."""
    return Network(frozenset(partitions.isolate(one.name, _names(others))))


def bridge(ones: Iterable[Named], middle: Named, others: Iterable[Named]) -> Network:
    """Two sides do not hear each other; the one in the middle hears all."""
    return Network(frozenset(partitions.bridge(_names(ones), middle.name, _names(others))))


def overlapping(ones: Iterable[Named], others: Iterable[Named]) -> Network:
    """Two sides do not hear each other; whoever stands in both hears all."""
    return Network(frozenset(partitions.overlapping(_names(ones), _names(others))))


def ring(servers: Iterable[Named]) -> Network:
    """Everyone hears a majority, and no two the same one; from four servers on."""
    return Network(frozenset(partitions.ring(_names(servers))))


def cut_service(one: Named, other: Named, service: str, *, manner: Manner = Manner.DROP) -> Network:
    """Neither hears the other as far as a service goes (`testbed.link_faults.SERVICES`); all else passes."""
    return Network(link_faults.cuts([one.name], [other.name], manner=manner, scope=link_faults.scopes(service=service)))


def cut_portal_path(one: Named, other: Named) -> Network:
    """Only portal-to-portal is cut; the cores still see each other, and each portal still reaches both (ROLE-13)."""
    return cut_service(one, other, "portal-link")


def loss(one: Named, other: Named, percent: float, *, one_way: bool = False) -> Network:
    """Such a share of the packets between the two is lost, in steps of 0.1 %."""
    return Network(link_faults.losses([one.name], [other.name], percent, one_way=one_way))


def rate(one: Named, other: Named, bits_per_s: int, *, one_way: bool = False) -> Network:
    """Each direction between the two carries so much and no more."""
    return Network(link_faults.rates([one.name], [other.name], bits_per_s, one_way=one_way))


def delay(  # noqa: PLR0913 - all that can be wrong with a packet's time
    one: Named,
    other: Named,
    delay_ms: int,
    *,
    jitter_ms: int = 0,
    duplicated_percent: int = 0,
    hurried_percent: int = 0,
    one_way: bool = False,
) -> Network:
    """What the two send each other is late, comes twice or overtakes; needs a kernel with netem (`testbed doctor`)."""
    return Network(
        link_faults.delays(
            [one.name],
            [other.name],
            delay_ms,
            jitter_ms=jitter_ms,
            duplicated_percent=duplicated_percent,
            hurried_percent=hurried_percent,
            one_way=one_way,
        )
    )


def flap(one: Named, other: Named, *, down_ms: int, up_ms: int, one_way: bool = False) -> Network:
    """The link between the two is down and up by turns."""
    return Network(link_faults.flaps([one.name], [other.name], down_ms=down_ms, up_ms=up_ms, one_way=one_way))


def _names(servers: Iterable[Named]) -> list[str]:
    return [server.name for server in servers]


def certificate(server: Named, case: CertificateFault) -> Certificate:
    """The server shows a certificate that is wrong in this way (CERT-5)."""
    return Certificate(ServerName(server.name), case)


def describe(fault: Fault) -> str:
    """One line, for history and messages."""
    match fault:
        case Kill(target) | Stop(target) | Pause(target) | Restart(target):
            return f"{type(fault).__name__.lower()} {target}"
        case Lose(server):
            return f"lose {server.value}"
        case FullDisk(server):
            return f"full disk of {server.value}"
        case SlowStart(target, by_ms):
            return f"slow start of {target} by {by_ms} ms"
        case Network(faults):
            return ", ".join(sorted(partitions.told(each) for each in faults))
        case Certificate(server, case):
            return f"certificate of {server.value} {case.value}"
