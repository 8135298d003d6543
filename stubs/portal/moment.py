"""What a portal is at one moment, and what it says of itself then. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stubs.resilience import Role, hears_peer, willing
from stubs.watchdog import Sign
from stubs.wire import PortalStatus, Site

if TYPE_CHECKING:
    from stubs.resilience import RoleChanged, State
    from stubs.wire import PortalFacts


SWITCHED_OFF = (
    "Stopped by itself: failover is not in effect on the primary's portal (Resiliency Configuration). "
    "It cannot be started by hand, and starts again by itself once failover is in effect there."
)
"""Why a dormant portal is not started (CFG-11), for people."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What the portal is at this moment, for whoever asks.

    Attributes:
        state: of the machine.
        unmet: rules that keep resilience from working (CFG-13).
        why: reason of the last change of role.
        dormant: stopped by itself, as failover is not in effect (CFG-11).
    """

    state: State
    unmet: tuple[str, ...]
    why: str
    dormant: bool = False

    @property
    def boot(self) -> int:
        """Start of the process or last factory reset."""
        return self.state.boot

    def word(self, *, serial: int, head: int, facts: PortalFacts) -> PortalStatus:
        """What the other portal and the cores are told.

        Args:
            serial: counts within one start.
            head: last change of the primary's log that is here.
            facts: what this portal has in effect.
        """
        state = self.state
        return PortalStatus(
            site=state.site,
            boot=self.boot,
            serial=serial,
            serving=state.role is Role.AVAILABLE,
            willing=willing(state),
            farewell=state.farewell,
            claim=state.claim,
            hears_peer=hears_peer(state),
            heard_claim=_heard(state),
            head=head,
            facts=facts,
        )

    def serves(self, now_ms: int) -> bool:
        """Whether log-ins are taken; not if the portal has been frozen so long that the other may serve."""
        return self.state.role is Role.AVAILABLE and now_ms - self.state.now_ms < self.state.frozen_ms

    def serving_peer(self, now_ms: int, *, fresh_ms: int) -> PortalStatus | None:
        """The other portal's word, if it is known to serve at this moment (REDIR-8)."""
        peer = self.state.peer
        fresh = peer is not None and now_ms - peer.heard_at_ms < fresh_ms
        return peer.status if peer is not None and fresh and peer.status.serving else None

    def may_follow(self, now_ms: int, *, fresh_ms: int) -> bool:
        """Whether a secondary follows the primary's log now (SYNC-1, SYNC-3)."""
        idle = self.state.role is Role.STARTING and not self.state.closing and not self.unmet
        known = self.serving_peer(now_ms, fresh_ms=fresh_ms) is not None
        return self.state.site is Site.SECONDARY and idle and known

    def may_feed(self, now_ms: int) -> bool:
        """Whether a primary lets its log be followed now."""
        return self.state.site is Site.PRIMARY and self.serves(now_ms) and not self.unmet

    def sign(self) -> Sign:
        """What the own platform view is told (VIEW-1 to VIEW-3, CFG-11)."""
        shown = "Stopped" if self.state.closing or self.dormant else self.state.role.value
        dormant = self.dormant and not self.state.closing
        detail = SWITCHED_OFF if dormant else self.why
        return Sign(service="portal", state=shown, detail=detail, boot=self.boot, dormant=dormant)


def is_news(before: State, after: State, effects: tuple[RoleChanged, ...]) -> bool:
    """Whether all have to be told at once how this portal stands, and not only at the next heartbeat."""
    stands = after.closing, willing(after), after.claim, _heard(after)
    return bool(effects) or stands != (before.closing, willing(before), before.claim, _heard(before))


def _heard(state: State) -> tuple[int, int]:
    return (0, 0) if state.peer is None else state.peer.claim
