"""Figures of repeated acts, and their table. Measures; knows nothing of what it measures."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, kw_only=True)
class Figure:
    """How long an act took.

    Attributes:
        what: the act.
        n: how often it was done.
        median_ms: half of the times it took less.
        p99_ms: 99 of 100 times it took less; with fewer than 100, the longest.
    """

    what: str
    n: int
    median_ms: float
    p99_ms: float

    def row(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Series:
    """The times of one act, in the order in which they were taken.

    Args:
        what: the act.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._took_ms: list[float] = []

    def time(self, act: Callable[[], object]) -> None:
        """Do it once."""
        begun = time.perf_counter()
        act()
        self._took_ms.append((time.perf_counter() - begun) * 1000)

    def add(self, took_ms: float) -> None:
        """Take in what somebody else timed."""
        self._took_ms.append(took_ms)

    def figure(self) -> Figure:
        """What came of it; it must have been done."""
        took = sorted(self._took_ms)
        nth = min(len(took) - 1, len(took) * 99 // 100)
        return Figure(what=self._what, n=len(took), median_ms=statistics.median(took), p99_ms=took[nth])


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was measured of a link, beside what was asked for.

    Attributes:
        what: the measured thing, with its unit.
        asked: its value as asked for.
        found: as measured.
    """

    what: str
    asked: float
    found: float

    def row(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "off_percent": self.off_percent}

    @property
    def off_percent(self) -> float:
        """By how much it is off."""
        return (self.found / self.asked - 1) * 100


def found_table(found: Sequence[Found]) -> str:
    """One line each, and a head."""
    width = max(len(one.what) for one in found)
    lines = [f"{one.what:{width}}  {one.asked:10.6g}  {one.found:10.6g}  {one.off_percent:+6.1f}" for one in found]
    return "\n".join([f"{'':{width}}  {'asked':>10}  {'found':>10}  {'off %':>6}", *lines])


def table(figures: Sequence[Figure]) -> str:
    """One line each, and a head."""
    width = max(len(figure.what) for figure in figures)
    head = f"{'':{width}}  {'median ms':>10}  {'p99 ms':>10}  {'n':>4}"
    lines = [f"{f.what:{width}}  {f.median_ms:10.2f}  {f.p99_ms:10.2f}  {f.n:4}" for f in figures]
    return "\n".join([head, *lines])
