"""Who served when: from the changes of role that portals tell to stretches of time, and what follows. Pure.

All times are milliseconds of one monotonic clock: the containers of a bed share their machine's.
"""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NEVER = math.inf
"""The end of what still lasts."""


@dataclass(frozen=True, kw_only=True, order=True)
class Stretch:
    """A time without a break; it includes its begin and not its end.

    Attributes:
        begin_ms: since when.
        end_ms: until when; `NEVER` if it still lasts.
    """

    begin_ms: float
    end_ms: float

    def meets(self, other: Stretch) -> bool:
        """Whether there is a moment in both."""
        return max(self.begin_ms, other.begin_ms) < min(self.end_ms, other.end_ms)

    def __str__(self) -> str:
        return f"{self.begin_ms:.0f} to {self.end_ms:.0f} ms"


class RoleRecord:
    """The changes of role of one portal, as its status told them piece by piece."""

    def __init__(self) -> None:
        self._changes: dict[tuple[int, str], str] = {}

    def learn(self, changes: Iterable[Mapping[str, Any]]) -> None:
        """Take in the `role_changes` of a status; what is known already does no harm."""
        for change in changes:
            self._changes.setdefault((change["at_ms"], change["role"]), change["why"])

    def between(self, begin_ms: float, end_ms: float = NEVER) -> list[tuple[int, str, str]]:
        """The changes of a time, in their order: when, to which role, and why."""
        found = [(at_ms, role, why) for (at_ms, role), why in self._changes.items() if begin_ms <= at_ms < end_ms]
        return sorted(found, key=lambda change: change[0])

    def serving(self, *, dead_by_ms: Iterable[float] = ()) -> list[Stretch]:
        """When this portal took log-ins.

        Args:
            dead_by_ms: moments by which its process had been ended by force, so that it could not tell.
        """
        deaths = sorted(dead_by_ms)
        changes = [*self.between(-NEVER), (NEVER, "", "")]
        found = []
        for (begin_ms, role, _why), (next_ms, _role, _next_why) in itertools.pairwise(changes):
            if role == "Available":
                death = bisect.bisect_left(deaths, begin_ms)
                death_ms = deaths[death] if death < len(deaths) else NEVER
                found.append(Stretch(begin_ms=begin_ms, end_ms=min(next_ms, death_ms)))
        return joined(found)


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same moments in as few stretches as possible, in order."""
    found: list[Stretch] = []
    for stretch in sorted(stretches):
        if found and stretch.begin_ms <= found[-1].end_ms:
            last = found.pop()
            found.append(Stretch(begin_ms=last.begin_ms, end_ms=max(last.end_ms, stretch.end_ms)))
        else:
            found.append(stretch)
    return found


def common(ones: Iterable[Stretch], others: Iterable[Stretch]) -> list[Stretch]:
    """The moments that are in both, in order."""
    found = []
    left, right = joined(ones), joined(others)
    at_left = at_right = 0
    while at_left < len(left) and at_right < len(right):
        one, other = left[at_left], right[at_right]
        if one.meets(other):
            begin_ms, end_ms = max(one.begin_ms, other.begin_ms), min(one.end_ms, other.end_ms)
            found.append(Stretch(begin_ms=begin_ms, end_ms=end_ms))
        if one.end_ms < other.end_ms:
            at_left += 1
        else:
            at_right += 1
    return found


def without(stretches: Iterable[Stretch], others: Iterable[Stretch]) -> list[Stretch]:
    """The moments of the first that are in none of the others, in order."""
    gaps, end_ms = [], -NEVER
    for other in joined(others):
        gaps.append(Stretch(begin_ms=end_ms, end_ms=other.begin_ms))
        end_ms = other.end_ms
    gaps.append(Stretch(begin_ms=end_ms, end_ms=NEVER))
    return common(stretches, gaps)
