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


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What the portal is at this moment, for whoever asks.

    Attributes:
        state: of the machine.
        boot: start of the process or last factory reset.
        unmet: rules that keep resilience from working (CFG-13).
        why: reason of the last change of role.
    """

    state: State
    boot: int
    unmet: tuple[str, ...]
    why: str

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
        """What the own platform view is told (VIEW-1 to VIEW-3)."""
        shown = "Stopped" if self.state.closing else self.state.role.value
        return Sign(service="portal", state=shown, detail=self.why)
