"""What the services of a pair tell each other. Pure values; encoding is at the edges (`stubs.gossip`, `stubs.lines`).

All of it is invented: the product's own protocols are not public, and none of this claims to be like them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Site(StrEnum):
    """Which half of the pair a service belongs to: a portal serves its half, wherever it is installed (CFG-10)."""

    PRIMARY = "primary"
    SECONDARY = "secondary"

    __hash__ = str.__hash__  # what it equals; an enumeration's own, in Python, is a sixth of a simulated step

    @property
    def other(self) -> Site:
        """The other half of the pair."""
        return Site.SECONDARY if self is Site.PRIMARY else Site.PRIMARY

    @property
    def server(self) -> ServerName:
        """The server that carries its core."""
        return ServerName(self.value)


class ServerName(StrEnum):
    """A server: one machine with one address."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    APPLICATION = "application"
    """An Application Server: its portal stands in for the embedded one of the primary or the secondary (CFG-10)."""

    EXPANSION = "expansion"
    """An expansion system: a core that is home to users, without a portal."""


class Farewell(StrEnum):
    """Why a portal that does not serve said so itself; a lost one says nothing."""

    NONE = "none"
    STOP = "stop"
    RESTART = "restart"
    HAND_OVER = "hand-over"


class Failback(StrEnum):
    """Who starts failback: the portals by themselves, or an administrator (ROLE-8)."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


@dataclass(frozen=True, kw_only=True)
class PortalFacts:
    """What a portal is and has in effect, as far as the other needs it (CFG rules).

    Attributes:
        version: portal software version (CFG-9).
        central_cti: Central CTI Link in effect (CFG-5).
        failover: failover in effect; only the primary's counts (CFG-6).
        failback: automatic or manual; only the primary's counts (ROLE-8).
        detection_minutes: Failover Detection Time in real minutes; only the primary's counts.
        host_domain_name: the name in redirects to this portal; may be empty (CFG-12).
        select: the system has been in Select mode ever since this portal started (CFG-3); `None`: it never learnt that.
    """

    version: str
    central_cti: bool
    failover: bool
    failback: Failback
    detection_minutes: float
    host_domain_name: str
    select: bool | None = None


@dataclass(frozen=True, kw_only=True)
class PortalStatus:
    """One portal's word about itself; a later one replaces an earlier one.

    Attributes:
        site: whose word it is.
        boot: start of the process; a larger one is a later start.
        serial: counts within one start.
        serving: it takes log-ins (*Available*).
        willing: it would serve if the other did not.
        farewell: why it does not serve, if it said so on purpose.
        claim: which time since its start it is willing, as it counts them.
        hears_peer: it hears the other portal's word, by whatever way.
        heard_claim: the last claim that it heard of the other: that one's start, and the claim's number; none: zeros.
        head: last change of its own log, or for the secondary the last one of the primary's that it applied.
        facts: what it has in effect.
    """

    site: Site
    boot: int
    serial: int
    serving: bool
    willing: bool
    farewell: Farewell
    claim: int
    hears_peer: bool
    heard_claim: tuple[int, int]
    head: int
    facts: PortalFacts

    def newer_than(self, other: PortalStatus | None) -> bool:
        """Whether this word was spoken after the other."""
        return other is None or (self.boot, self.serial) > (other.boot, other.serial)


@dataclass(frozen=True, kw_only=True)
class User:
    """A user as its home core knows it; the portals learn users from the cores.

    Attributes:
        name: log-in name, unique over both cores.
        password: stored as it is: these are made-up users of a testbed.
        home: the server of its core.
    """

    name: str
    password: str
    home: ServerName


@dataclass(frozen=True, kw_only=True)
class CoreFacts:
    """What a core's configuration says about resilience.

    Attributes:
        server: whose configuration it is.
        select: the system runs in Server Edition *Select* mode (CFG-2).
        supports_resiliency: ticked on its line to the other server of the pair (CFG-7).
        backs_up_portal: *Backs up my one-X Portal*, ticked on the same line (CFG-7).
        version: of its configuration.
        installed: the version that it had after its installation, or after its last factory reset.
    """

    server: ServerName
    select: bool
    supports_resiliency: bool
    backs_up_portal: bool
    version: int = 1
    installed: int = 1


@dataclass(frozen=True, kw_only=True)
class CoreWord:
    """A core's word to the portals that are logged in at it (CTI).

    Attributes:
        facts: what its configuration says about resilience.
        portals: what it knows of the portals now; an expansion system's core tells nothing of them (ours).
        users: the users at home on it; only to a portal that was not told of them yet.
        farewell: it is about to stop.
    """

    facts: CoreFacts
    portals: tuple[PortalStatus, ...]
    users: tuple[User, ...] | None = None
    farewell: bool = False


@dataclass(frozen=True, kw_only=True)
class KeepAlive:
    """A core's word to the other core (SCN keep-alive)."""

    portals: tuple[PortalStatus, ...]
