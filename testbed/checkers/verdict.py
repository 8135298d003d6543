"""What a checker says of a history, and how what several say goes together. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from testbed.checkers.changes import Change

MOST_EVIDENCE = 20
"""So many lines of evidence a verdict keeps; it says how many more there were."""


class Outcome(StrEnum):
    """What a checker found, worst first."""

    FAIL = "fail"
    """A rule was broken; the evidence says when, where and how."""
    UNKNOWN = "unknown"
    """The history does not hold what it takes to tell; the evidence says what is missing."""
    PASS = "pass"  # noqa: S105 - an outcome, no password
    """There was something to judge, and none of it broke a rule."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one checker says of one history.

    Attributes:
        checker: its name.
        rules: the ids of the rules that it judges by.
        outcome: whether they were kept.
        evidence: what that rests on, in words: what broke a rule, or what is missing, or what was judged.
    """

    checker: str
    rules: tuple[str, ...]
    outcome: Outcome
    evidence: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """As JSON values."""
        told = {"checker": self.checker, "rules": list(self.rules)}
        return {**told, "outcome": self.outcome.value, "evidence": list(self.evidence)}


class Loss(NamedTuple):
    """An acknowledged change that is gone.

    Attributes:
        bed: of which bed.
        change: which.
        why: what became of it, in words.
        allowed: whether the rules let it go (SYNC-4); `None`: nobody can say.
    """

    bed: str
    change: Change
    why: str
    allowed: bool | None

    def __str__(self) -> str:
        return f"{self.why}: {self.change}"

    def row(self) -> dict[str, Any]:
        """As JSON values; times are milliseconds of the history's monotonic clock."""
        told = {"bed": self.bed, "op": self.change.op, "change": str(self.change)}
        return {**told, "acknowledged_ms": self.change.end_ms, "why": self.why, "allowed": self.allowed}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What all checkers say of one history.

    Attributes:
        verdicts: one for each checker, in their order.
        rto_ms: how long nobody served at the longest, though somebody could have, in milliseconds (recovery time);
            `None`: unknown.
        changes_lost: how many acknowledged changes are gone, those that the rules let go included (recovery point);
            `None`: unknown.
        losses: each of them, as far as they are known.
    """

    verdicts: tuple[Verdict, ...]
    rto_ms: float | None
    changes_lost: int | None
    losses: tuple[Loss, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a rule was broken."""
        return self.outcome is Outcome.FAIL

    @property
    def outcome(self) -> Outcome:
        """Fail if a rule was broken; unknown if nothing could be judged at all; else pass."""
        found = {verdict.outcome for verdict in self.verdicts}
        if Outcome.FAIL in found:
            return Outcome.FAIL
        return Outcome.PASS if Outcome.PASS in found else Outcome.UNKNOWN

    @property
    def unknown(self) -> tuple[Verdict, ...]:
        """The verdicts of checkers that could not tell."""
        return tuple(verdict for verdict in self.verdicts if verdict.outcome is Outcome.UNKNOWN)

    def values(self) -> dict[str, Any]:
        """All of it but the outcome, as JSON values."""
        return {
            "verdicts": [verdict.row() for verdict in self.verdicts],
            "rto_ms": self.rto_ms,
            "changes_lost": self.changes_lost,
            "losses": [loss.row() for loss in self.losses],
        }

    def figures(self) -> list[str]:
        """Recovery time and recovery point as lines for people: as many losses as a person reads."""
        recovery = "unknown" if self.rto_ms is None else f"{self.rto_ms:.0f} ms"
        lost = "unknown" if self.changes_lost is None else str(self.changes_lost)
        head = [f"nobody served for at most: {recovery}", f"acknowledged changes lost: {lost}"]
        return head + shortened([f"        {one}" for one in self.losses])


class Found(NamedTuple):
    """What a checker found in one story.

    Attributes:
        wrong: each breach of a rule, in words.
        missing: what it would have taken to judge all, in words.
        judged: what was judged, in words; empty: nothing was.
    """

    wrong: Sequence[str] = ()
    missing: Sequence[str] = ()
    judged: Sequence[str] = ()

    @property
    def outcome(self) -> Outcome:
        """A breach fails whatever is missing; nothing judged, or not all of it, is unknown."""
        if self.wrong:
            return Outcome.FAIL
        return Outcome.UNKNOWN if self.missing or not self.judged else Outcome.PASS

    @property
    def lines(self) -> Sequence[str]:
        """The evidence for the outcome."""
        if self.wrong:
            return self.wrong
        return self.judged if self.outcome is Outcome.PASS else (self.missing or ("nothing to judge",))


def merged(checker: str, rules: tuple[str, ...], found: Iterable[tuple[str, Found]]) -> Verdict:
    """One verdict from what was found in each story: fail beats unknown beats pass; without a story, unknown.

    Args:
        checker: its name.
        rules: that it judges by.
        found: the name of each story (may be empty), and what was found in it.
    """
    several = list(found)
    outcomes = {one.outcome for _name, one in several}
    outcome = next((each for each in Outcome if each in outcomes), Outcome.UNKNOWN)
    lines = [
        f"{name}: {line}" if len(several) > 1 and name else line
        for name, one in several
        if one.outcome is outcome
        for line in one.lines
    ]
    kept = shortened(lines) or ["the history tells of no bed"]
    return Verdict(checker=checker, rules=rules, outcome=outcome, evidence=tuple(kept))


def shortened(lines: Sequence[str]) -> list[str]:
    """So many lines as a person reads; the last one says how many more there were."""
    more = len(lines) - MOST_EVIDENCE
    return [*lines[:MOST_EVIDENCE], *([f"and {more} more"] if more > 0 else [])]
