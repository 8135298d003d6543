"""What a portal knows of both servers, in the words of its Health pages (VIEW-4). Pure.

The words are the product's. *Started*, *Not Started*: the service runs, or does not. *Connected*: this portal has a
connection to the service. *Not Connected*: it has none, although it hears the server. *Active*, *Passive*: users are
served there, or not. *Unknown* is ours: nothing of that server is heard, so a portal that is dead and one that is cut
off look the same, and neither is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from stubs.watchdog import Colour
from stubs.wire import Farewell, ServerName, Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stubs.wire import PortalStatus


class State(StrEnum):
    """Whether a service runs or is connected."""

    STARTED = "Started"
    NOT_STARTED = "Not Started"
    CONNECTED = "Connected"
    NOT_CONNECTED = "Not Connected"
    UNKNOWN = "Unknown"


class Use(StrEnum):
    """Whether users are served there."""

    ACTIVE = "Active"
    PASSIVE = "Passive"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """How one service stands.

    Attributes:
        state: whether it runs or is connected.
        use: whether users are served there; `None`: no question of that.
    """

    state: State
    use: Use | None = None


@dataclass(frozen=True, kw_only=True)
class ServerCondition:
    """One server's part of the Resilience page (VIEW-4)."""

    portal: Condition
    ip_office: Condition
    database: Condition


class Other(Enum):
    """What is known of the other portal."""

    SERVES = "its word is fresh: it serves"
    WAITS = "its word is fresh: it does not serve"
    LEFT = "its last word is fresh: good-bye"
    DORMANT = "its word is fresh, but failover is not in effect: it has stopped by itself"
    MISSED = "the core on its server answers, and does not hear it"
    SILENT = "nothing that says anything about it"


@dataclass(frozen=True, kw_only=True)
class Sight:
    """All that one portal knows for its Health pages.

    Attributes:
        site: whose sight.
        serving: it serves itself.
        why: reason of its last change of role.
        cores: for each server with a core, whether this portal's CTI link to it is up.
        other: the other portal.
        direct: the other portal is heard without the cores' help.
        sync: running, interrupted or suspended.
        trouble: why it is interrupted, if that is known; may be empty.
        head: last change of the primary's log that is here; `None`: the database does not answer.
    """

    site: Site
    serving: bool
    why: str
    cores: Mapping[ServerName, bool]
    other: Other
    direct: bool
    sync: str
    trouble: str
    head: int | None


def other_portal(word: PortalStatus | None, *, missed: bool, dormant: bool) -> Other:
    """What is known of the other portal.

    Args:
        word: its latest word, if that is fresh.
        missed: the core on its server has been answering for so long that it would have heard of a portal that runs.
        dormant: it is the secondary's, which stops by itself while failover is not in effect (CFG-11).
    """
    if word is None:
        return Other.MISSED if missed else Other.SILENT
    if word.farewell in (Farewell.STOP, Farewell.RESTART):
        return Other.LEFT
    if dormant:
        return Other.DORMANT
    return Other.SERVES if word.serving else Other.WAITS


_RUNS = Condition(state=State.STARTED, use=Use.ACTIVE)
_IDLES = Condition(state=State.STARTED, use=Use.PASSIVE)
_ENDED = Condition(state=State.NOT_STARTED)
_UNKNOWN = Condition(state=State.UNKNOWN)
_CONNECTED = Condition(state=State.CONNECTED)
_NOT_CONNECTED = Condition(state=State.NOT_CONNECTED)

_OTHER_PORTAL = {
    Other.SERVES: _RUNS,
    Other.WAITS: _IDLES,
    Other.LEFT: _ENDED,
    Other.DORMANT: _ENDED,
    Other.MISSED: _ENDED,
    Other.SILENT: _UNKNOWN,
}
"""A portal's database runs in its process, so that both stand alike."""

_HEARD = (Other.SERVES, Other.WAITS, Other.LEFT, Other.DORMANT)


def resilience(sight: Sight) -> dict[Site, ServerCondition]:
    """The Resilience page: portal, IP Office and database of both servers, as this portal knows them (VIEW-4)."""
    own, other = sight.site, sight.site.other
    mine = _RUNS if sight.serving else _IDLES
    theirs = _OTHER_PORTAL[sight.other]
    unconnected = _NOT_CONNECTED if sight.other in _HEARD else _UNKNOWN
    known = {
        own: ServerCondition(
            portal=mine,
            ip_office=_CONNECTED if sight.cores[own.server] else _NOT_CONNECTED,
            database=mine if sight.head is not None else _ENDED,
        ),
        other: ServerCondition(
            portal=theirs,
            ip_office=_CONNECTED if sight.cores[other.server] else unconnected,
            database=theirs,
        ),
    }
    return {site: known[site] for site in Site}


@dataclass(frozen=True, kw_only=True)
class Component:
    """One line of the Component Status page.

    Attributes:
        name: for people.
        state: in one word or two.
        colour: of its icon.
        detail: for people; may be empty.
    """

    name: str
    state: str
    colour: Colour
    detail: str


_SYNC = {"running": Colour.GREEN, "suspended": Colour.YELLOW, "interrupted": Colour.RED}


def components(sight: Sight) -> tuple[Component, ...]:
    """The Component Status page of this portal: itself and its links."""
    readable = sight.head is not None
    reached = (f"Up to change {sight.head} of the primary.",) if readable else ()
    return (
        Component(
            name="one-X Portal",
            state="Available" if sight.serving else "Starting",
            colour=Colour.GREEN if sight.serving else Colour.YELLOW,
            detail=sight.why,
        ),
        Component(
            name="Database",
            state=State.STARTED if readable else State.NOT_STARTED,
            colour=Colour.GREEN if readable else Colour.RED,
            detail="" if readable else "It cannot be read.",
        ),
        *(_link(f"CTI link to the {server.value}'s IP Office", up=up) for server, up in sight.cores.items()),
        _link(
            f"Link to the {sight.site.other.value}'s portal",
            up=sight.direct,
            detail="Heard through the cores only." if sight.other in _HEARD and not sight.direct else "",
        ),
        Component(
            name="Synchronisation",
            state=sight.sync.capitalize(),
            colour=_SYNC[sight.sync],
            detail=" ".join((*reached, *((f"Trouble: {sight.trouble}.",) if sight.trouble else ()))),
        ),
    )


def _link(name: str, *, up: bool, detail: str = "") -> Component:
    state = State.CONNECTED if up else State.NOT_CONNECTED
    return Component(name=name, state=state, colour=Colour.GREEN if up else Colour.RED, detail=detail)
