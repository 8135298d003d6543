"""Stretches of time that are asked about often, and when a moment of the calendar was. Pure."""

from __future__ import annotations

import bisect
import functools
from datetime import datetime
from typing import TYPE_CHECKING

from testbed.recording.stretches import Stretch, joined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from testbed.history import Record


class Spans:
    """Times that can be asked about in a step that grows with the logarithm of their number only."""

    def __init__(self, stretches: Iterable[Stretch]) -> None:
        self.stretches = joined(stretches)
        self._begins = [one.begin_ms for one in self.stretches]

    def meets(self, begin_ms: float, end_ms: float) -> bool:
        """Whether any moment of that time is in them, its end included."""
        place = bisect.bisect_right(self._begins, end_ms) - 1
        return place >= 0 and self.stretches[place].end_ms > begin_ms

    def holds(self, begin_ms: float, end_ms: float) -> bool:
        """Whether all of that time is in them."""
        place = bisect.bisect_right(self._begins, begin_ms) - 1
        return place >= 0 and self.stretches[place].end_ms >= end_ms


class Calendar:
    """Turns moments of the calendar into the history's milliseconds; wrong by as much as that clock was set meanwhile.

    Args:
        record: any one of the history.
    """

    def __init__(self, record: Record) -> None:
        self._offset_ms = record.monotonic_ms - _epoch_ms(record.at)

    def ms(self, at: str) -> float:
        """When that was.

        Raises:
            ValueError: it is no moment in ISO 8601.
        """
        return _epoch_ms(at) + self._offset_ms


@functools.lru_cache(maxsize=4096)
def _epoch_ms(at: str) -> float:
    return datetime.fromisoformat(at).timestamp() * 1000
