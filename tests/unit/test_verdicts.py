"""A verdict never says more than its tests did."""

from __future__ import annotations

import pytest

from testbed.errors import MisuseError
from testbed.report.verdicts import Outcome, Result, Run, Verdict, count, exit_status, judge, merge
from testbed.rules import RULES


def outcome(result: Result, *rules: str, message: str = "", reason: str = "") -> Outcome:
    """One test of the rules, named after its result."""
    return Outcome(nodeid=f"t::{result}", rules=rules, result=result, seconds=0.1, message=message, reason=reason)


def run_of(*outcomes: Outcome) -> Run:
    """A run of these tests."""
    return Run(outcomes=outcomes, started_at="2026-01-02T03:04:05+00:00", seconds=1.0)


P, F, E, K = Result.PASSED, Result.FAILED, Result.ERROR, Result.SKIPPED


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ([], Verdict.NOT_TESTED),
        ([P], Verdict.PASS),
        ([P, P], Verdict.PASS),
        ([K], Verdict.UNKNOWN),
        ([P, K], Verdict.UNKNOWN),
        ([E], Verdict.UNKNOWN),
        ([P, E], Verdict.UNKNOWN),
        ([F], Verdict.FAIL),
        ([P, F], Verdict.FAIL),
        ([K, F, P, E], Verdict.FAIL),
    ],
)
def test_merge_lets_fail_beat_unknown_beat_pass(results: list[Result], verdict: Verdict) -> None:
    """Unknown never passes, whatever stands beside it, and nothing at all is no pass either."""
    assert merge(results) is verdict
    assert merge(reversed(results)) is verdict


def test_judge_lists_every_rule_in_the_order_of_the_table() -> None:
    """A rule that no test names is listed as not tested, not left out."""
    judged = judge([outcome(P, "ROLE-2")])
    assert list(judged) == list(RULES)
    assert judged["ROLE-2"].verdict is Verdict.PASS
    assert {one.verdict for key, one in judged.items() if key != "ROLE-2"} == {Verdict.NOT_TESTED}


def test_judge_gives_each_rule_the_tests_that_name_it() -> None:
    """A test speaks for all of its rules, and once for a rule it names twice."""
    both, one = outcome(P, "ROLE-2", "REDIR-1", "ROLE-2"), outcome(F, "ROLE-2")
    judged = judge([both, one])
    assert judged["ROLE-2"].evidence == (both, one)
    assert judged["REDIR-1"].evidence == (both,)
    assert judged["REDIR-1"].verdict is Verdict.PASS


def test_judge_refuses_a_rule_that_does_not_exist() -> None:
    """Evidence for a mistyped rule must not vanish."""
    with pytest.raises(MisuseError, match="ROLE-99"):
        judge([outcome(P, "ROLE-99")])


def test_a_judgement_says_why_it_is_no_pass() -> None:
    """What failed if anything did, else what is missing; each reason once."""
    skip, fail = outcome(K, "ROLE-2", reason="no netem"), outcome(F, "ROLE-2", message="S never served")
    assert judge([skip, skip])["ROLE-2"].reasons == ("no netem",)
    assert judge([skip, fail])["ROLE-2"].reasons == ("S never served",)
    assert judge([outcome(P, "ROLE-2", message="chatter")])["ROLE-2"].reasons == ()
    assert judge([])["ROLE-2"].reasons == ()


def test_count_adds_up_to_all_rules() -> None:
    """No rule is counted twice, and no verdict is left out."""
    counts = count(judge([outcome(P, "ROLE-1"), outcome(F, "ROLE-2"), outcome(K, "ROLE-3")]))
    assert list(counts.values()) == [1, 1, 1, len(RULES) - 3]


@pytest.mark.parametrize(
    ("results", "status", "strict"),
    [
        ([], 2, 2),
        ([K], 2, 2),
        ([P], 0, 0),
        ([P, K], 0, 1),
        ([P, F], 1, 1),
        ([P, E], 1, 1),
        ([K, E], 1, 1),
    ],
)
def test_exit_status_is_0_only_when_something_passed_and_nothing_broke(
    results: list[Result], status: int, strict: int
) -> None:
    """A run that judged nothing must not look like one that found nothing."""
    run = run_of(*(outcome(result, "ROLE-2") for result in results))
    assert exit_status(run) == status
    assert exit_status(run, strict=True) == strict


def test_exit_status_counts_tests_without_a_rule() -> None:
    """A failure is a failure, whether or not it speaks for a rule."""
    assert exit_status(run_of(outcome(P, "ROLE-2"), outcome(F))) == 1
