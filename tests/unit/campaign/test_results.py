"""What a run came to: unknown is no pass, and what shrinking says of it is said in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from testbed import checkers
from testbed.campaign import results
from testbed.campaign.results import EXIT_CODES, Outcome, Result, as_json, missing, table, told
from testbed.checkers.changes import Change, Item
from testbed.checkers.verdict import Judgement, Loss, Verdict
from testbed.schedules.schedule import Schedule, Step, Verb
from testbed.schedules.shrinking import Ended, Shrunk
from testbed.world import Failback

SCHEDULE = Schedule(
    seed=9, detection_minutes=1.5, failback=Failback.AUTOMATIC, steps=(Step(10, Verb.KILL, "primary/core"),)
)


@pytest.fixture(autouse=True)
def _due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of the checkers have something to judge."""
    monkeypatch.setattr(results, "due", lambda _schedule: frozenset({"checker 0", "checker 1"}))


def result(*outcomes: checkers.Outcome, wrong: tuple[str, ...] = (), failed: tuple[str, ...] = ()) -> Result:
    """A run with one verdict for each of these."""
    verdicts = tuple(
        Verdict(checker=f"checker {number}", rules=("ROLE-1",), outcome=outcome, evidence=("because",))
        for number, outcome in enumerate(outcomes)
    )
    return Result(
        schedule=SCHEDULE,
        history="there.jsonl",
        wrong=wrong,
        failed=failed,
        judgement=Judgement(verdicts=verdicts, rto_ms=None, changes_lost=None),
        counts=Counter(ok=3),
        recovered_s=1.0,
        seconds=2.0,
    )


PASS, FAIL, UNKNOWN = checkers.Outcome.PASS, checkers.Outcome.FAIL, checkers.Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("one", "outcome", "broken"),
    [
        (result(PASS, PASS), Outcome.PASS, set()),
        (result(PASS, PASS, UNKNOWN), Outcome.PASS, set()),
        (result(PASS, UNKNOWN, PASS), Outcome.UNKNOWN, set()),
        (result(UNKNOWN), Outcome.UNKNOWN, set()),
        (result(), Outcome.UNKNOWN, set()),
        (result(PASS, FAIL), Outcome.FAIL, {"checker 1"}),
        (result(PASS, wrong=("nobody came back",)), Outcome.FAIL, {"liveness"}),
        (result(UNKNOWN, wrong=("nobody came back",)), Outcome.FAIL, {"liveness"}),
        (result(PASS, FAIL, failed=("no effect",)), Outcome.FAIL, {"checker 1"}),
        (result(PASS, wrong=("it never came back",), failed=("no effect",)), Outcome.FAIL, {"liveness"}),
        (result(PASS, PASS, failed=("no effect",)), Outcome.BROKEN, set()),
        (result(UNKNOWN, failed=("no effect",)), Outcome.BROKEN, set()),
    ],
)
def test_a_run_is_as_good_as_the_worst_of_it(one: Result, outcome: Outcome, broken: set[str]) -> None:
    """A run of which nothing can be told is no success; nor is one where a checker cannot tell that had to."""
    assert one.outcome is outcome
    assert one.broken == broken
    assert as_json(one)["outcome"] == outcome.value


def test_every_outcome_has_its_exit_code() -> None:
    """1 a rule was broken or nobody can tell, 2 the testbed itself failed."""
    assert EXIT_CODES == {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 1, Outcome.BROKEN: 2}


def test_why_a_run_is_no_pass_is_said_in_a_line() -> None:
    """Each checker that could not tell, with what it lacked; and what failed of the testbed."""
    one = result(UNKNOWN, PASS, UNKNOWN, failed=("no effect",))
    assert missing(one) == [
        "the testbed itself failed: no effect",
        "checker 0 could not be judged, though this schedule gives it something to: because",
    ]
    assert all(line in table(one) for line in missing(one))
    assert as_json(one)["undecided"] == ["checker 0"]
    assert missing(result(PASS, PASS)) == []


def test_what_is_wrong_is_shown() -> None:
    """With the rules and the evidence; what passed is one line."""
    text = table(result(PASS, FAIL, wrong=("nobody came back",)))
    assert text.count("because") == 1
    assert "liveness: nobody came back" in text
    assert "there.jsonl" in text


def test_which_changes_are_lost_is_told() -> None:
    """SYNC-4: JSON has each, with whether it was let go; text has how many, and which."""
    change = Change(
        op=7,
        site="secondary",
        item=Item("settings", "alice", "k"),
        what="added",
        fields={},
        end="ok",
        begin_ms=1.0,
        end_ms=2.0,
    )
    losses = (Loss("b", change, "taken back at failback", allowed=True),)
    lost = replace(result(PASS), judgement=Judgement(verdicts=(), rto_ms=40.0, changes_lost=1, losses=losses))
    assert [(one["op"], one["allowed"]) for one in as_json(lost)["losses"]] == [(7, True)]
    text = table(lost)
    assert "acknowledged changes lost: 1\n" in text
    assert f"taken back at failback: {change}" in text
    assert "nobody served for at most: 40 ms" in text


@pytest.mark.parametrize(
    ("failed", "reruns", "ended", "says"),
    [
        (3, 3, Ended.MINIMAL, "real (3 of 3 re-runs failed, 100%); reduced in 7 runs to 1 faults and 0 clients\n"),
        (1, 3, Ended.MINIMAL, "flaky (1 of 3 re-runs failed, 33%); reduced in 7 runs to 1 faults"),
        (3, 3, Ended.TIME, "; the time was over, so it may be reducible further"),
        (3, 3, Ended.VOID, "; the testbed itself failed, again and again, so it may be reducible further"),
        (3, 3, Ended.STOPPED, "; it was stopped, so it may be reducible further"),
        (0, 3, Ended.GONE, "not reduced: it never failed again (0 of 3 re-runs failed, 0%)"),
        (0, 0, Ended.TIME, "not reduced: the time was over"),
        (0, 0, Ended.VOID, "not reduced: the testbed itself failed, again and again"),
    ],
)
def test_a_flaky_failure_is_told_from_a_real_one(failed: int, reruns: int, ended: Ended, says: str) -> None:
    """With its rate; and a time that was too short for any re-run proves nothing."""
    shrunk = Shrunk(schedule=SCHEDULE, failed=failed, reruns=reruns, runs=7, ended=ended)
    assert says in told(shrunk)
    values = as_json(result(FAIL), shrunk)["shrunk"]
    assert (values["flaky"], values["minimal"]) == (failed < reruns, ended is Ended.MINIMAL)
