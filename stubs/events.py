"""All that can happen to a portal's resilience machine: the closed set that `stubs.resilience.step` takes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stubs.wire import Failback, PortalStatus


@dataclass(frozen=True, kw_only=True)
class Tick:
    """Time has passed."""

    at_ms: int


@dataclass(frozen=True, kw_only=True)
class CoreUp:
    """The own core answers."""

    at_ms: int


@dataclass(frozen=True, kw_only=True)
class CoreDown:
    """The own core does not answer; `orderly`: it said good-bye."""

    at_ms: int
    orderly: bool


@dataclass(frozen=True, kw_only=True)
class PeerHeard:
    """A word of the other portal arrived, by whatever way."""

    at_ms: int
    status: PortalStatus


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What is in effect has been learnt or has changed."""

    at_ms: int
    ready: bool | None
    failback: Failback
    detection_ms: int


@dataclass(frozen=True, kw_only=True)
class FailoverNow:
    """An administrator asked the primary to hand over."""

    at_ms: int


@dataclass(frozen=True, kw_only=True)
class Close:
    """This portal ends on purpose; `restart`: it comes back by itself."""

    at_ms: int
    restart: bool


Event = Tick | CoreUp | CoreDown | PeerHeard | Settled | FailoverNow | Close
