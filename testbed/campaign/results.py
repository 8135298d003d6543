"""What came of a random run, as values and as text. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from testbed.campaign.due import due
from testbed.schedules.shrinking import Ended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.checkers import Judgement, Verdict
    from testbed.history import Record
    from testbed.schedules.schedule import Schedule
    from testbed.schedules.shrinking import Shrunk


LIVENESS = "liveness"
"""What the phase is called in which all has to become well again."""


class Outcome(StrEnum):
    """How a run ended."""

    PASS = "pass"  # noqa: S105 - an outcome, no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    """What such a schedule gives to judge could not be judged; that is no pass."""
    BROKEN = "testbed failed"
    """The testbed itself failed, and what was written until then breaks no rule."""


EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 1, Outcome.BROKEN: 2}
"""What a command ends with."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run.

    Attributes:
        schedule: what was done.
        history: where it is written down.
        defects: what was wrong on purpose, each as PLACE:NAME.
        wrong: what was not well again in the liveness phase, or never, in words.
        failed: what failed of the testbed itself, in words.
        judgement: of the history.
        counts: of its records and of the ends of operations.
        recovered_s: how long the liveness phase took, seconds, without its healing; `None`: there was none.
        seconds: how long all of it took.
    """

    schedule: Schedule
    history: str
    defects: tuple[str, ...] = ()
    wrong: tuple[str, ...]
    failed: tuple[str, ...] = ()
    judgement: Judgement
    counts: Counter[str]
    recovered_s: float | None
    seconds: float

    @property
    def broken(self) -> frozenset[str]:
        """What failed: names of checkers, and the liveness phase."""
        failed = {one.checker for one in self.judgement.verdicts if one.outcome.value == Outcome.FAIL.value}
        return frozenset(failed | ({LIVENESS} if self.wrong else set()))

    @property
    def undecided(self) -> tuple[Verdict, ...]:
        """The verdicts of checkers that could not tell, though such a schedule gives them something to judge."""
        wanted = due(self.schedule)
        return tuple(one for one in self.judgement.unknown if one.checker in wanted)

    @property
    def outcome(self) -> Outcome:
        """A broken rule counts first, whatever else; then that the testbed failed; then what nobody could tell."""
        if self.broken:
            return Outcome.FAIL
        if self.failed:
            return Outcome.BROKEN
        return Outcome.UNKNOWN if self.undecided else Outcome(self.judgement.outcome.value)


def counted(records: Sequence[Record]) -> Counter[str]:
    """How many records of each kind there are."""
    return Counter(record.kind for record in records)


def as_json(result: Result, shrunk: Shrunk | None = None) -> dict[str, Any]:
    """For programs."""
    return {
        "shrunk": None if shrunk is None else _shrunk_as_json(shrunk),
        "outcome": result.outcome.value,
        "seed": result.schedule.seed,
        "defects": list(result.defects),
        "faults": result.schedule.faults,
        "steps": len(result.schedule.steps),
        "operations": {end: result.counts[end] for end in ("ok", "fail", "info")},
        "recovered_s": None if result.recovered_s is None else round(result.recovered_s, 2),
        "seconds": round(result.seconds, 1),
        "wrong": list(result.wrong),
        "failed": list(result.failed),
        "undecided": [one.checker for one in result.undecided],
        **result.judgement.values(),
        "history": result.history,
    }


def _shrunk_as_json(shrunk: Shrunk) -> dict[str, Any]:
    return {
        "flaky": shrunk.is_flaky,
        "rate": shrunk.rate,
        "reruns": shrunk.reruns,
        "minimal": shrunk.is_minimal,
        "ended": shrunk.ended.value,
        "runs": shrunk.runs,
        "faults": shrunk.schedule.faults,
        "steps": [f"{step.at_ms} ms {step}" for step in shrunk.schedule.steps],
        "people": len(shrunk.schedule.people),
    }


def told(shrunk: Shrunk) -> str:
    """What shrinking came to, for people."""
    often = "" if shrunk.rate is None else f" ({shrunk.failed} of {shrunk.reruns} re-runs failed, {shrunk.rate:.0%})"
    reduced = shrunk.failed and shrunk.ended is not Ended.GONE
    if not reduced:
        return f"not reduced: {shrunk.ended.value}{often}"
    kind = "flaky" if shrunk.is_flaky else "real"
    more = "" if shrunk.is_minimal else f"; {shrunk.ended.value}, so it may be reducible further"
    left = f"{shrunk.schedule.faults} faults and {len(shrunk.schedule.people)} clients"
    head = f"{kind}{often}; reduced in {shrunk.runs} runs to {left}{more}"
    return "\n".join([head, *(f"  {step.at_ms:>7} ms {step}" for step in shrunk.schedule.steps)])


def table(result: Result) -> str:
    """For people."""
    counts = result.counts
    lines = [
        f"{result.schedule.faults} faults in {len(result.schedule.steps)} steps",
        f"{counts['ok']} operations ok, {counts['fail']} failed, {counts['info']} unknown",
    ]
    if result.recovered_s is not None and not result.wrong:
        lines.append(f"all well {result.recovered_s:.1f} s after healing")
    for one in result.judgement.verdicts:
        lines.append(f"  {one.checker:<20} {one.outcome.value:<8} {' '.join(one.rules)}")
        lines += [f"    {line}" for line in one.evidence[:5]] if one.outcome.value != "pass" else []
    lines += [f"  {one}" for one in result.judgement.figures()]
    lines += [f"  liveness: {one}" for one in result.wrong]
    lines += [f"  {one}" for one in missing(result)]
    return "\n".join([*lines, f"{result.outcome.value}; {result.seconds:.0f} s; history: {result.history}"])


def missing(result: Result) -> list[str]:
    """Why a run in which nothing is wrong is no pass, in words."""
    found = [f"the testbed itself failed: {one}" for one in result.failed]
    return found + [
        f"{one.checker} could not be judged, though this schedule gives it something to: {one.evidence[0]}"
        for one in result.undecided
    ]
