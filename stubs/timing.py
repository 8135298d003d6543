"""Every duration of the stubs, in real seconds and scaled. Pure.

Real times are minutes. One factor per topology (`time_scale`, testbed time = real time x factor) turns them into
milliseconds for tests; no rule changes with it. A duration that is not scaled (how long a process takes to start,
say) has no place here.
"""

from __future__ import annotations

from dataclasses import dataclass

HEARTBEAT_S = 10.0
"""How often portals and cores tell each other how they are (ours; an old release sent keep-alives every 30 s)."""

FRESH_HEARTBEATS = 6
"""After how many missed heartbeats what was heard is no longer current (ours; short, so that REDIR-8 holds)."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The durations of one topology, in testbed milliseconds.

    Attributes:
        scale: testbed time divided by real time; 1.0 is the product's own pace.
    """

    scale: float

    def ms(self, real_s: float) -> int:
        """Turn real seconds into testbed milliseconds, at least 1."""
        return max(1, round(real_s * 1000 * self.scale))

    @property
    def heartbeat_ms(self) -> int:
        """Milliseconds between two heartbeats."""
        return self.ms(HEARTBEAT_S)

    @property
    def fresh_ms(self) -> int:
        """Milliseconds for which a heartbeat counts as current."""
        return self.heartbeat_ms * FRESH_HEARTBEATS

    def detection_ms(self, minutes: float) -> int:
        """Milliseconds of a Failover Detection Time given in real minutes."""
        return self.ms(minutes * 60)
