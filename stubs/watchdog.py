"""What a service tells the platform view of its own server, and how that remembers it. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
        boot: start of the process that says so.
        dormant: it stopped by itself and cannot be started by hand (CFG-11); its detail says why.
    """

    service: str
    state: str
    detail: str = ""
    boot: int = 0
    dormant: bool = False


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How a service stands in the platform view.

    Attributes:
        state: Available, Starting or Stopped.
        colour: of its icon.
        detail: for people; may be empty.
        boot: start of the process that said so; 0: none runs.
        dormant: it stopped by itself and cannot be started by hand (CFG-11).
    """

    state: str
    colour: Colour
    detail: str = ""
    boot: int = 0
    dormant: bool = False


_COLOURS = {"Available": Colour.GREEN, "Starting": Colour.YELLOW}

STOPPED = Shown(state="Stopped", colour=Colour.RED, detail="The service does not run.")


def shown(sign: Sign | None, *, age_ms: int, limit_ms: int) -> Shown:
    """What the platform view shows, given the last sign and its age (VIEW-1 to VIEW-3).

    A service that has been silent for longer than the limit does not run, however it ended.
    """
    if sign is None or age_ms > limit_ms:
        return STOPPED
    if sign.dormant:
        return replace(STOPPED, detail=sign.detail, boot=sign.boot, dormant=True)
    if sign.state not in _COLOURS:
        return STOPPED
    return Shown(state=sign.state, colour=_COLOURS[sign.state], detail=sign.detail, boot=sign.boot)
