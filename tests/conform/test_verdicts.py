"""Each example client gets the verdicts that its conduct deserves, from the servers' side alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from testbed.conformance.plan import Names, Plan
from testbed.conformance.results import exit_status
from testbed.conformance.run import run
from testbed.conformance.scenarios import Kind, chosen
from testbed.errors import MissingError
from testbed.report.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.conformance.results import Result
    from testbed.history import History

    Judge = Callable[..., Result]

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN

WITHIN_S = 4.0
"""What is waited for in vain costs this much; what comes, comes at once."""


@pytest.fixture
def judged(bed: Bed, history: History, tmp_path: Path) -> Judge:
    """Runs one of the example clients, and judges it; the bed is in normal running afterwards."""

    def judge(
        client: str,
        *only: str,
        kind: Kind = Kind.PLUGIN,
        within_s: float = WITHIN_S,
        rest: Sequence[str] = (),
        **more: Any,
    ) -> Result:
        command = (sys.executable, "-m", f"tests.conform.clients.{client}", *rest)
        plan = Plan(scenarios=chosen(only, kind), kind=kind, within_s=within_s, command=command, **more)
        result = run(bed, history, plan, folder=tmp_path)
        assert (bed.status()["resilience"], bed.status()["faults"]) == ("normal", [])
        return result

    return judge


def verdicts(result: Result) -> dict[tuple[str, str], list[Verdict]]:
    """The verdicts by scenario and check."""
    found: dict[tuple[str, str], list[Verdict]] = {}
    for row in result.rows:
        found.setdefault((row.scenario, row.check.value), []).append(row.verdict)
    return found


ALL_PASS = {
    ("failover", "redirect"): [PASS],
    ("failover", "reconnect"): [PASS],
    ("failover", "hammering"): [PASS],
    ("failback", "redirect"): [PASS],
    ("failback", "reconnect"): [PASS],
    ("failback", "changes"): [PASS],
    ("split-brain", "stay"): [PASS, PASS],
    ("split-brain", "changes"): [PASS],
    ("certificate", "certificate"): [PASS, PASS, PASS],
    ("certificate", "hammering"): [PASS],
}


@pytest.mark.rule("CLIENT-4", "CLIENT-2", "REDIR-1", "REDIR-4", "REDIR-7", "CERT-1", "CERT-4", "CERT-5", "CERT-6")
@pytest.mark.parametrize(
    ("client", "rest", "names"),
    [
        ("correct", (), Names.NONE),
        ("plain", ("{portal_url}", "{user}", "{password}", "{ca}"), Names.HOSTS),
    ],
)
def test_a_correct_client_passes_everything(
    bed: Bed, judged: Judge, client: str, rest: tuple[str, ...], names: Names
) -> None:
    """It follows both ways, stays in split brain, stops at each certificate, and makes its changes again.

    One is told the servers' addresses; the other knows no more than any program does, and resolves names.
    """
    assert bed.name
    try:
        result = judged(client, within_s=20, rest=rest, names=names)
    except MissingError as error:
        pytest.skip(str(error))
    assert verdicts(result) == ALL_PASS, result
    assert (result.trouble, result.ended, exit_status(result, strict=True)) == (None, None, 0)
    assert bool(result.no_names) is (names is Names.NONE)
    (again,) = (row.evidence for row in result.rows if (row.scenario, row.check) == ("failback", "changes"))
    assert again.endswith("were taken back at failback, and it made them again")


@pytest.mark.rule("CLIENT-4", "CERT-4", "CERT-5")
@pytest.mark.parametrize(
    ("client", "found", "took"),
    [
        ("nameless", [PASS, FAIL, PASS], "it took the certificate for another host"),
        ("dateless", [PASS, PASS, FAIL], "it took the certificate that has expired"),
    ],
)
def test_a_client_that_leaves_one_thing_out_fails_at_that_certificate_alone(
    bed: Bed, judged: Judge, client: str, found: list[Verdict], took: str
) -> None:
    """Each certificate is judged by itself, and the evidence says which it was."""
    assert bed.name
    result = judged(client, "certificate")
    assert verdicts(result) == {("certificate", "certificate"): found, ("certificate", "hammering"): [PASS]}, result
    (wrong,) = (row.evidence for row in result.rows if row.verdict is FAIL)
    assert wrong.startswith(took)
    assert exit_status(result) == 1


@pytest.mark.rule("CLIENT-4", "REDIR-1")
def test_a_client_that_ignores_redirects_fails_in_failover_alone(bed: Bed, judged: Judge) -> None:
    """It never comes to the secondary, so nobody can say what it does there; it does no harm meanwhile."""
    assert bed.name
    result = judged("stubborn", "failover", "failback", within_s=2)
    assert verdicts(result) == {
        ("failover", "redirect"): [FAIL],
        ("failover", "reconnect"): [FAIL],
        ("failover", "hammering"): [PASS],
        ("failback", "redirect"): [UNKNOWN],
        ("failback", "reconnect"): [UNKNOWN],
        ("failback", "changes"): [UNKNOWN],
    }, result
    assert (result.trouble, exit_status(result)) == (None, 1)


@pytest.mark.rule("CLIENT-4", "CLIENT-3")
def test_the_same_client_is_right_as_an_assistant(bed: Bed, judged: Judge) -> None:
    """Nobody redirects a Call Assistant."""
    assert bed.name
    result = judged("stubborn", "failover", kind=Kind.ASSISTANT)
    assert verdicts(result) == {("failover", "redirect"): [PASS], ("failover", "hammering"): [PASS]}, result
    assert [row.rules for row in result.rows] == [("CLIENT-3",), ()]
    assert exit_status(result, strict=True) == 0


@pytest.mark.rule("CLIENT-4")
def test_a_client_that_retries_without_end_hammers(bed: Bed, judged: Judge) -> None:
    """The dead portal keeps no record; the attempts are counted all the same."""
    assert bed.name
    result = judged("endless", "failover", within_s=2)
    assert verdicts(result) == {
        ("failover", "redirect"): [FAIL],
        ("failover", "reconnect"): [FAIL],
        ("failover", "hammering"): [FAIL],
    }, result
    assert (result.trouble, exit_status(result)) == (None, 1)


@pytest.mark.rule("CLIENT-4", "CERT-4", "SYNC-4")
def test_a_careless_client_takes_any_certificate_and_loses_changes(bed: Bed, judged: Judge) -> None:
    """It follows well, so nothing but its carelessness is held against it."""
    assert bed.name
    result = judged("careless", "failback", "certificate")
    assert verdicts(result) == {
        ("failback", "redirect"): [PASS],
        ("failback", "reconnect"): [PASS],
        ("failback", "changes"): [FAIL],
        ("certificate", "certificate"): [FAIL, FAIL, FAIL],
        ("certificate", "hammering"): [PASS],
    }, result
    (lost,) = (row.evidence for row in result.rows if row.check == "changes")
    assert lost == "acknowledged, taken back at failback, and not made again: settings added (alice)"


@pytest.mark.rule("CLIENT-4")
def test_a_crash_is_told_with_its_last_words_and_is_no_pass(bed: Bed, judged: Judge) -> None:
    """What it can no longer show is unknown, in this scenario and in the next."""
    assert bed.name
    result = judged("crashing", "failover", "split-brain")
    assert set(map(tuple, verdicts(result).values())) == {(UNKNOWN,), (UNKNOWN, UNKNOWN)}, result
    assert result.ended is not None
    assert result.ended.code == 1
    assert "Error" in result.ended.said[-1]
    assert result.trouble == f"the client ended with exit code 1 during the run: {result.ended.said[-1]}"
    assert exit_status(result) == 1


@pytest.mark.rule("CLIENT-4")
def test_a_client_that_never_connects_is_said_to(bed: Bed, judged: Judge) -> None:
    """No scenario is begun for it, and it ends although it ignores SIGTERM."""
    assert bed.name
    result = judged("silent", connect_s=1)
    assert {row.verdict for row in result.rows} == {UNKNOWN}
    assert {row.evidence for row in result.rows} == {"it never connected"}
    assert result.trouble == "the client never connected to any server in 1 s"
    assert exit_status(result) == 1
