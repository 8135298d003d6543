"""What happens in a simulated pair: to whom it comes, and of which start or call; what is of an earlier one is void."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stubs.wire import CoreWord, PortalStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stubs.lines import Hello
    from stubs.portal.conversation import Ask, Batch, Offer
    from stubs.wire import Site


class PortalDue(NamedTuple):
    """A portal's heartbeat is due."""

    site: Site
    boot: int


class CoreDue(NamedTuple):
    """A core's heartbeat is due."""

    site: Site
    boot: int


class Begin(NamedTuple):
    """A process that restarts is there again."""

    service: str


class Gossip(NamedTuple):
    """A portal's word, from portal to portal."""

    site: Site
    word: PortalStatus


class KeepAlive(NamedTuple):
    """A core's words to the other core."""

    site: Site
    words: tuple[PortalStatus, ...]


class Accept(NamedTuple):
    """A core finds a portal that calls."""

    portal: Site
    core: Site
    number: int


class ToCore(NamedTuple):
    """A portal's word to a core; `None`: it hung up."""

    portal: Site
    core: Site
    number: int
    word: PortalStatus | None


class ToPortal(NamedTuple):
    """A core's word to a portal; `None`: it hung up."""

    portal: Site
    core: Site
    number: int
    word: CoreWord | None


class Call(NamedTuple):
    """A portal calls a core."""

    portal: Site
    core: Site
    number: int


class PortalWaited(NamedTuple):
    """A portal looks whether a core has been silent too long."""

    portal: Site
    core: Site
    number: int


class CoreWaited(NamedTuple):
    """A core looks whether a portal has been silent too long."""

    portal: Site
    core: Site
    number: int


class FollowDue(NamedTuple):
    """The secondary looks whether it may follow."""

    boot: int


class ToFeeder(NamedTuple):
    """The secondary's word to the primary about data; `None`: it hung up."""

    number: int
    word: Hello | Ask | None


class ToFollower(NamedTuple):
    """The primary's word to the secondary about data; `None`: it hung up."""

    number: int
    word: Offer | Batch | None


class FeedDue(NamedTuple):
    """The primary has waited for a change for a heartbeat."""

    number: int
    wait: int


class FollowerWaited(NamedTuple):
    """The secondary looks whether the primary has been silent too long."""

    number: int


class FeederWaited(NamedTuple):
    """The primary looks whether the secondary has been silent too long."""

    number: int


OfSecondary = FollowDue | ToFollower | FollowerWaited
OfPrimary = ToFeeder | FeedDue | FeederWaited
OfData = OfSecondary | OfPrimary
"""What belongs to synchronisation."""

Item = (
    PortalDue
    | CoreDue
    | Begin
    | Gossip
    | KeepAlive
    | Accept
    | ToCore
    | ToPortal
    | Call
    | PortalWaited
    | CoreWaited
    | OfData
)


def spoken(items: Iterable[Item]) -> list[PortalStatus]:
    """Every word of a portal in what is under way, or waits."""
    found = []
    for item in items:
        match item:
            case Gossip(_, word):
                found.append(word)
            case KeepAlive(_, words):
                found += words
            case ToCore(word=PortalStatus() as word):
                found.append(word)
            case ToPortal(word=CoreWord() as told):
                found += told.portals
            case _:
                pass
    return found
