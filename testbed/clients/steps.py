"""What a client can do, what can happen to it, what it remembers. Pure values, closed sets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from testbed.clients.screen import Shows

if TYPE_CHECKING:
    from testbed.clients.exchange import Exchange, Failure, Verdict


class Kind(StrEnum):
    """The kinds of client (CLIENT-1 to 3)."""

    WEB = "web client"
    OUTLOOK = "outlook plug-in"
    CALL_ASSISTANT = "call assistant"


class Habit(StrEnum):
    """What the user does about a certificate prompt."""

    ACCEPT = "accept"
    WAIT = "wait"
    DECLINE = "decline"


@dataclass(frozen=True)
class AskSession:
    """Ask the portal whose page this is whether the session still holds."""

    page: str


@dataclass(frozen=True)
class AskCore:
    """Ask the redirect service of the core of this page's server who serves now."""

    page: str


@dataclass(frozen=True)
class Examine:
    """Judge the certificate of this page's server, sending nothing but a handshake."""

    page: str


@dataclass(frozen=True)
class Load:
    """Get this page."""

    page: str


@dataclass(frozen=True)
class Prompt:
    """Put this certificate to the user."""

    page: str
    verdict: Verdict


@dataclass(frozen=True)
class KeepException:
    """Keep an exception for this certificate of this page's host."""

    page: str
    verdict: Verdict


@dataclass(frozen=True)
class LogIn:
    """Log in with the user's credentials at the portal of this page."""

    page: str


@dataclass(frozen=True)
class Rest:
    """Do nothing until the next poll or the user's next act."""


Action: TypeAlias = AskSession | AskCore | Examine | Load | Prompt | KeepException | LogIn | Rest


@dataclass(frozen=True)
class Poll:
    """The poll interval has passed."""


@dataclass(frozen=True)
class Open:
    """The user typed an address (the portal's page), or the program was told a server."""

    page: str


@dataclass(frozen=True)
class Submit:
    """The user filled in the log-in form of the page shown."""


@dataclass(frozen=True)
class Accept:
    """The user accepts the certificate of the prompt that is waiting."""


@dataclass(frozen=True)
class Answered:
    """What came of an AskSession, AskCore, Load or LogIn."""

    exchange: Exchange


@dataclass(frozen=True)
class Examined:
    """What came of an Examine."""

    result: Verdict | Failure


@dataclass(frozen=True)
class Decided:
    """What the user did about a Prompt."""

    habit: Habit


@dataclass(frozen=True)
class Kept:
    """The exception is kept."""


Event: TypeAlias = Poll | Open | Submit | Accept | Answered | Examined | Decided | Kept


@dataclass(frozen=True, kw_only=True)
class State:
    """All that decides what a client does next.

    Attributes:
        kind: the kind of client.
        shows: what it shows.
        detail: why, in words.
        page: the page that its loop lives on (its origin while it goes elsewhere); None before any.
        place: the page that its screen is about.
        route: pages visited since it last rested, in order.
        prompt: the certificate that a waiting prompt is about.
        declined: pairs of host name and fingerprint that the user declined.
        doing: the action whose outcome is awaited.
    """

    kind: Kind
    shows: Shows = Shows.NOTHING
    detail: str = ""
    page: str | None = None
    place: str | None = None
    route: tuple[str, ...] = ()
    prompt: Verdict | None = None
    declined: frozenset[tuple[str, str]] = frozenset()
    doing: Action = Rest()
