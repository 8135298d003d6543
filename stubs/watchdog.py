"""What a service tells the platform view of its own server, and how that remembers it. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Colour(StrEnum):
    """The icon beside a service (VIEW-1 to VIEW-3)."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Sign:
    """A sign of life of one service.

    Attributes:
        service: "core" or "portal".
        state: what it says of itself: Available, Starting or Stopped.
        detail: for people; may be empty.
    """

    service: str
    state: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How a service stands in the platform view."""

    state: str
    colour: Colour
    detail: str = ""


_COLOURS = {"Available": Colour.GREEN, "Starting": Colour.YELLOW}

STOPPED = Shown(state="Stopped", colour=Colour.RED, detail="The service does not run.")


def shown(sign: Sign | None, *, age_ms: int, limit_ms: int) -> Shown:
    """What the platform view shows, given the last sign and its age (VIEW-1 to VIEW-3).

    A service that has been silent for longer than the limit does not run, however it ended.
    """
    if sign is None or age_ms > limit_ms or sign.state not in _COLOURS:
        return STOPPED
    return Shown(state=sign.state, colour=_COLOURS[sign.state], detail=sign.detail)
