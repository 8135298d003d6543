"""From the outcomes of tests to a verdict per rule, and to an exit status. Pure: values in, values out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from testbed.rules import RULES, Rule, rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Result(StrEnum):
    """How one test ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    """It broke outside its own body, in set-up or tear-down: it says nothing about the rule."""
    SKIPPED = "skipped"


class Verdict(StrEnum):
    """What a run says about one rule, worst first."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    """A test of it did not run to its end, so nobody can say."""
    PASS = "pass"  # noqa: S105  a verdict, no password
    NOT_TESTED = "not tested"
    """No test of this run names it."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One test that was run or skipped.

    Attributes:
        nodeid: the name by which pytest finds it.
        rules: the ids of the rules it speaks for; may be none.
        result: how it ended.
        seconds: how long it took.
        message: what a failure or an error said.
        reason: why it was skipped.
    """

    nodeid: str
    rules: tuple[str, ...]
    result: Result
    seconds: float
    message: str = ""
    reason: str = ""

    @property
    def said(self) -> str:
        """The message or the reason, whichever there is."""
        return self.message or self.reason


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the tests.

    Attributes:
        outcomes: every test, in the order in which they ran.
        started_at: wall time of the start, ISO 8601.
        seconds: how long the whole run took.
        facts: what a reader has to know to repeat it (version, seed, engine, kernel …), by name.
    """

    outcomes: tuple[Outcome, ...]
    started_at: str
    seconds: float
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A rule, its verdict, and the tests that the verdict rests on."""

    rule: Rule
    verdict: Verdict
    evidence: tuple[Outcome, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not a pass, each reason once: what failed if anything did, else what is missing."""
        culprits = (one.said for one in self.evidence if _single(one.result) is self.verdict)
        return () if self.verdict is Verdict.PASS else tuple(dict.fromkeys(filter(None, culprits)))


def judge(outcomes: Iterable[Outcome]) -> Mapping[str, Judgement]:
    """Give every known rule a verdict, in the order of the table of rules.

    Raises:
        MisuseError: an outcome names a rule that does not exist.
    """
    evidence: dict[str, list[Outcome]] = {identity: [] for identity in RULES}
    for outcome in outcomes:
        for identity in dict.fromkeys(outcome.rules):
            evidence[rule(identity).id].append(outcome)
    return {
        identity: Judgement(rule=RULES[identity], verdict=merge(one.result for one in rows), evidence=tuple(rows))
        for identity, rows in evidence.items()
    }


def merge(results: Iterable[Result]) -> Verdict:
    """Fail beats unknown beats pass; without any result, nothing was tested."""
    seen = {_single(result) for result in results}
    return next((verdict for verdict in Verdict if verdict in seen), Verdict.NOT_TESTED)


def _single(result: Result) -> Verdict:
    match result:
        case Result.PASSED:
            return Verdict.PASS
        case Result.FAILED:
            return Verdict.FAIL
        case Result.ERROR | Result.SKIPPED:
            return Verdict.UNKNOWN
        case _:
            assert_never(result)


def count(judgements: Mapping[str, Judgement]) -> Mapping[Verdict, int]:
    """How many rules have each verdict; every verdict is there, if only with 0."""
    verdicts = [judgement.verdict for judgement in judgements.values()]
    return {verdict: verdicts.count(verdict) for verdict in Verdict}


def exit_status(run: Run, *, strict: bool = False) -> int:
    """Return what a run ends with: 0 fine, 1 a test failed or broke, 2 nothing was judged at all.

    A skipped test beside others that passed leaves 0: its rules stay unknown, and the report says so.

    Args:
        run: the run.
        strict: a rule that stays unknown ends the run with 1 as well.
    """
    results = {outcome.result for outcome in run.outcomes}
    if results & {Result.FAILED, Result.ERROR}:
        return 1
    if Result.PASSED not in results:
        return 2
    return int(strict and count(judge(run.outcomes))[Verdict.UNKNOWN] > 0)
