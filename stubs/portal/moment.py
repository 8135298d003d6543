"""What a portal is at one moment, and what it says of itself then. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stubs.resilience import Role, hears_peer, willing
from stubs.watchdog import Sign
from stubs.wire import PortalStatus

if TYPE_CHECKING:
    from stubs.resilience import State
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
        boot: start of the process or last factory reset.
        unmet: rules that keep resilience from working (CFG-13).
        why: reason of the last change of role.
        dormant: stopped by itself, as failover is not in effect (CFG-11).
    """

    state: State
    boot: int
    unmet: tuple[str, ...]
    why: str
    dormant: bool = False

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
            hears_peer=hears_peer(state),
            head=head,
            facts=facts,
        )

    def sign(self) -> Sign:
        """What the own platform view is told (VIEW-1 to VIEW-3, CFG-11)."""
        shown = "Stopped" if self.state.closing or self.dormant else self.state.role.value
        dormant = self.dormant and not self.state.closing
        detail = SWITCHED_OFF if dormant else self.why
        return Sign(service="portal", state=shown, detail=detail, boot=self.boot, dormant=dormant)
