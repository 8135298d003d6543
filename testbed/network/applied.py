"""When a change of the network happened, and where. Pure values.

All times are milliseconds of the monotonic clock of the engine's machine, which its containers share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Applied:
    """One change, made in one transaction at each server that it concerns.

    Attributes:
        planned_ms: when it was asked for.
        committed_ms: when it was done, as each server stamped it.
    """

    planned_ms: float
    committed_ms: Mapping[str, float]

    @property
    def skew_ms(self) -> float:
        """How long some servers had the change and others had it not yet."""
        return max(self.committed_ms.values()) - min(self.committed_ms.values()) if self.committed_ms else 0.0

    def row(self) -> dict[str, Any]:
        """For the history."""
        return {
            "planned_ms": round(self.planned_ms, 3),
            "committed_ms": dict(self.committed_ms),
            "skew_ms": round(self.skew_ms, 3),
        }


@dataclass(kw_only=True)
class Holding:
    """A fault that is held.

    Attributes:
        injected: when it began.
        healed: when it ended; None as long as it holds, and where somebody else holds it still.
    """

    injected: Applied
    healed: Applied | None = None
