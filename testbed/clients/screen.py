"""What a client shows its user. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias, assert_never

Asked: TypeAlias = Literal["login", "certificate"]


class Shows(StrEnum):
    """Everything that a client can show; a closed set."""

    NOTHING = "nothing"
    LOGIN = "login"
    HOME = "home"
    CERTIFICATE_PROMPT = "certificate prompt"
    NOT_SERVING = "not serving"
    LOST_CONTACT = "lost contact"
    DISCONNECTED = "disconnected"
    UNREACHABLE = "unreachable"
    REDIRECT_LOOP = "redirect loop"


@dataclass(frozen=True, kw_only=True)
class Screen:
    """One screen.

    Attributes:
        server: name of the server that it is about, or the host name where the client knows no such
        server; None
            before anything was opened.
        shows: what it shows.
        detail: why, in words.
    """

    server: str | None
    shows: Shows
    detail: str = ""

    def asks_for(self, what: Asked) -> bool:
        """Whether the user has to act now: log in, or decide on a certificate."""
        match what:
            case "login":
                return self.shows is Shows.LOGIN
            case "certificate":
                return self.shows is Shows.CERTIFICATE_PROMPT
            case _:
                assert_never(what)

    @property
    def has_arrived(self) -> bool:
        """Whether the server named is there for the user, or would be once the user acted."""
        return self.shows in {Shows.LOGIN, Shows.HOME, Shows.CERTIFICATE_PROMPT}
