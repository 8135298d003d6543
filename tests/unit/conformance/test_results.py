"""What a run ends with, and how people and pipelines are told: unknown is never a pass."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from testbed.conformance.acts import Ended
from testbed.conformance.page import render
from testbed.conformance.results import (
    Result,
    Row,
    as_json,
    by_rule,
    decisive,
    exit_status,
    rows_of,
    trouble_of,
    unknown_rows,
)
from testbed.conformance.scenarios import SCENARIOS, WRONG, Check, Kind, chosen
from testbed.conformance.told import WIDTH, junit, table
from testbed.errors import MisuseError
from testbed.report.verdicts import Verdict
from testbed.rules import RULES
from tests.unit.conformance.seen import CRASHED, S, act, log_in

FAILOVER, FAILBACK = chosen(("failover", "failback"), Kind.PLUGIN)


def row(verdict: Verdict, scenario: str = "failover", check: Check = Check.REDIRECT, **more: Any) -> Row:
    """A verdict."""
    fields: dict[str, Any] = {"rules": ("REDIR-1",), "evidence": "it came <at once>", **more}
    return Row(scenario=scenario, check=check, verdict=verdict, **fields)


def result(*rows: Row, **more: Any) -> Result:
    """A run with these verdicts."""
    fields: dict[str, Any] = {
        "client": "client --ca {ca}",
        "kind": Kind.PLUGIN,
        "topology": "demo",
        "rows": rows,
        "trouble": None,
        "ended": None,
        "missed": (),
        "seconds": 1.5,
        "started_at": "2026-01-01T00:00:00+00:00",
        **more,
    }
    return Result(**fields)


PASSED, FAILED, DARK = row(Verdict.PASS), row(Verdict.FAIL), row(Verdict.UNKNOWN)
ELSEWHERE = row(Verdict.UNKNOWN, "certificate")


@pytest.mark.parametrize(
    ("run", "code", "strictly"),
    [
        (result(PASSED), 0, 0),
        (result(PASSED, DARK), 0, 1),
        (result(PASSED, FAILED), 1, 1),
        (result(DARK), 1, 1),
        (result(PASSED, ELSEWHERE), 1, 1),
        (result(), 1, 1),
        (result(PASSED, trouble="it crashed"), 1, 1),
        (result(PASSED, FAILED, broken="the engine went away"), 2, 2),
    ],
)
def test_the_exit_code_is_0_only_if_something_was_judged_everywhere_and_passed(
    run: Result, code: int, strictly: int
) -> None:
    """Unknown beside passes is listed; a scenario that stayed dark, a fail and a crash end the run with 1."""
    assert (exit_status(run), exit_status(run, strict=True)) == (code, strictly)


def test_the_table_has_every_verdict_and_why_the_run_ended_badly() -> None:
    """The evidence, the last words of a client that crashed, and the scenarios in which nothing could be judged."""
    text = table(result(PASSED, ELSEWHERE, trouble="it crashed", ended=CRASHED, missed=("a handshake\x1b[31m",)))
    assert "redirect     pass     REDIR-1          it came <at once>" in text
    assert "its stderr: ValueError: no" in text
    assert "nothing could be judged in certificate" in text
    assert text.splitlines()[-1] == "1 pass, 0 fail, 1 unknown; 1.5 s; exit 1"
    assert "\x1b" not in text
    assert max(len(line) for line in table(result(*[row(Verdict.PASS)] * 3)).splitlines()) <= WIDTH


def test_every_rule_that_was_judged_has_its_verdict_and_evidence() -> None:
    """Fail beats unknown beats pass, and what the verdict rests on is told; a check of manners speaks for no rule."""
    rows = (
        PASSED,
        row(Verdict.UNKNOWN, "failback"),
        row(Verdict.PASS, "certificate", Check.CERTIFICATE, rules=("CERT-4",)),
        row(Verdict.FAIL, "certificate", Check.CERTIFICATE, rules=("CERT-4", "CERT-5"), evidence="took it " * 20),
        row(Verdict.PASS, check=Check.HAMMERING, rules=()),
    )
    found = {one.rule.id: (one.verdict, decisive(one).said, len(one.evidence)) for one in by_rule(rows)}
    assert found == {
        "CERT-4": (Verdict.FAIL, "took it " * 20, 2),
        "CERT-5": (Verdict.FAIL, "took it " * 20, 1),
        "REDIR-1": (Verdict.UNKNOWN, "it came <at once>", 2),
    }
    lines = table(result(*rows)).partition("by rule\n")[2].splitlines()
    assert lines[0] == "  REDIR-1      unknown  failback: redirect: it came <at once> (and 1 more)"
    assert lines[1].startswith("  CERT-4       fail     certificate: certificate: took it took it ")
    assert lines[1].endswith("took … (and 1 more)")
    assert len(lines[1]) <= WIDTH
    rules = as_json(result(*rows))["rules"]
    assert [(one["rule"], one["verdict"], len(one["evidence"])) for one in rules] == [
        ("REDIR-1", "unknown", 2),
        ("CERT-4", "fail", 2),
        ("CERT-5", "fail", 1),
    ]


def test_the_page_has_every_rule_and_every_check_and_nothing_of_the_client_s_own_making() -> None:
    """It is one file, which loads nothing; what a client said is text in it."""
    run = result(PASSED, ELSEWHERE, broken="the engine <went> away", no_names="not <permitted>", client="<script>x")
    page = render(run, files=["junit.xml"])
    assert "it came &lt;at once&gt;" in page
    assert page.count("<strong>redirect</strong>") == len(run.rows)
    assert 'id="REDIR-1"' in page
    assert "the engine &lt;went&gt; away" in page
    assert "&lt;script&gt;x" in page
    assert "do not resolve for the client (not &lt;permitted&gt;)" in page
    assert 'href="./junit.xml"' in page
    assert "nothing could be judged in certificate" in page
    assert not re.search(r"<script|src=|https?://", page)


@pytest.mark.parametrize(
    ("no_names", "says", "resolve"),
    [
        ("", "the servers' names resolve for the client, and for nobody else", True),
        ("not permitted", "do not resolve for the client (not permitted): it needs TESTBED_HOSTS", False),
    ],
)
def test_whether_names_resolve_is_said(no_names: str, says: str, *, resolve: bool) -> None:
    """In the table and in the JSON; of a client that somebody else runs, nobody knows."""
    assert says in table(result(PASSED, no_names=no_names))
    assert as_json(result(PASSED, no_names=no_names))["names_resolve"] is resolve
    assert "resolve" not in table(result(PASSED))
    assert as_json(result(PASSED))["names_resolve"] is None


def test_a_run_that_broke_off_is_told_everywhere_and_is_no_verdict() -> None:
    """Exit code 2, an error in JUnit, a line in the table; what was judged before stays."""
    run = result(PASSED, DARK, broken="the run broke off: the engine went away")
    assert "the run broke off: the engine went away" in table(run)
    assert table(run).endswith("exit 2")
    assert as_json(run)["broken"] == "the run broke off: the engine went away"
    suites = {suite.attrib["name"]: suite.attrib for suite in ET.fromstring(junit(run))}  # noqa: S314 - it is ours
    assert (suites["conform.run"]["errors"], suites["conform.failover"]["errors"]) == ("1", "1")


def test_junit_has_a_suite_per_scenario_and_counts_that_add_up() -> None:
    """A fail is a failure; an unknown that ends the run with 1 is an error, another one is skipped."""
    text = junit(result(PASSED, FAILED, DARK, ELSEWHERE))
    suites = {suite.attrib["name"]: suite.attrib for suite in ET.fromstring(text)}  # noqa: S314 - it is ours
    assert set(suites) == {"conform.failover", "conform.certificate", "conform.run"}
    assert {**suites["conform.failover"], "name": ""} == {
        "name": "",
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    assert suites["conform.certificate"]["errors"] == "1"
    assert suites["conform.run"]["errors"] == "0"


def test_junit_makes_an_error_of_a_crash() -> None:
    """A pipeline that counts errors must see it, whatever passed before; what no XML may hold is taken out."""
    text = junit(result(PASSED, DARK, trouble="the client ended\x00\x1b with exit code 3"))
    suites = {suite.attrib["name"]: suite.attrib for suite in ET.fromstring(text)}  # noqa: S314 - it is ours
    assert (suites["conform.run"]["errors"], suites["conform.failover"]["errors"]) == ("1", "1")


def test_json_has_what_the_table_has() -> None:
    """And the thresholds that it was judged by."""
    found = json.loads(json.dumps(as_json(result(PASSED, DARK, ended=CRASHED, trouble="it crashed"))))
    assert (found["schema_version"], found["exit_status"]) == (1, 1)
    assert found["summary"] == {"pass": 1, "fail": 0, "unknown": 1}
    assert found["verdicts"][0]["rules"] == ["REDIR-1"]
    assert found["ended"] == {"code": 3, "said": ["Traceback", "ValueError: no"]}
    assert found["thresholds"] == {"burst": 20, "per_second": 10, "watched_seconds": 3.0}


def test_a_client_that_ended_or_never_came_is_trouble() -> None:
    """With its exit code or the signal, and its last line; one that runs and was seen is none."""
    assert trouble_of(None, connected=True, within_s=5) is None
    assert trouble_of(None, connected=False, within_s=5) == "the client never connected to any server in 5 s"
    crashed = trouble_of(CRASHED, connected=True, within_s=5)
    assert crashed == "the client ended with exit code 3 during the run: ValueError: no"
    killed = trouble_of(Ended(code=-9), connected=False, within_s=5)
    assert killed == "the client was ended by signal 9 during the run, and never connected to a server"


def test_rows_are_of_the_checks_that_fit_the_kind() -> None:
    """Nobody expects a browser to log in by itself; an assistant's rule is another one."""
    (step,) = FAILOVER.steps
    seen = act(log_in(S, 11_400))
    plugin, browser, assistant = ({one.check: one for one in rows_of(FAILOVER, step, kind, seen)} for kind in Kind)
    assert list(plugin) == [Check.REDIRECT, Check.RECONNECT, Check.HAMMERING]
    assert set(plugin) - set(browser) == {Check.RECONNECT}
    assert (assistant[Check.REDIRECT].rules, assistant[Check.REDIRECT].verdict) == (("CLIENT-3",), Verdict.FAIL)
    assert [one.verdict for one in plugin.values()] == [Verdict.PASS] * 3


def test_what_did_not_take_place_is_unknown() -> None:
    """With the reason, for each check of the steps that are left."""
    rows = unknown_rows(FAILBACK, FAILBACK.steps, Kind.PLUGIN, "it crashed")
    assert {one.check for one in rows} == {Check.REDIRECT, Check.RECONNECT, Check.CHANGES}
    assert {(one.verdict, one.evidence) for one in rows} == {(Verdict.UNKNOWN, "it crashed")}


def test_scenarios_name_known_rules_and_end_where_they_began() -> None:
    """Every check names rules that there are; every check is asked of somebody."""
    steps = [step for scenario in SCENARIOS for step in scenario.steps]
    assert {rule for step in steps for _check, rules in step.checks for rule in rules} <= set(RULES)
    assert {check for step in steps for check, _rules in step.checks} == set(Check)
    assert all(scenario.steps[0].injects for scenario in SCENARIOS)
    assert all(scenario.steps_for(kind) for scenario in SCENARIOS for kind in scenario.kinds)


def test_only_a_client_that_tries_again_by_itself_meets_further_certificates() -> None:
    """A browser stops at the first one; an assistant never comes. Each step shows one that no other shows."""
    (certificate,) = chosen(("certificate",), Kind.PLUGIN)
    shown = {
        kind: [WRONG[one] for step in certificate.steps_for(kind) for one in step.injects if one in WRONG]
        for kind in Kind
    }
    assert shown[Kind.PLUGIN] == list(WRONG.values())
    assert shown[Kind.BROWSER] == shown[Kind.ASSISTANT] == shown[Kind.PLUGIN][:1]


def test_chosen_refuses_what_it_does_not_know() -> None:
    """An unknown name, and a scenario that says nothing about the kind."""
    assert [one.name for one in chosen((), Kind.ASSISTANT)] == ["failover", "split-brain", "certificate"]
    assert [one.name for one in chosen(("certificate", "failover"), Kind.PLUGIN)] == ["failover", "certificate"]
    with pytest.raises(MisuseError, match="no scenario is called 'failovr'; there are failover"):
        chosen(("failovr",), Kind.PLUGIN)
    with pytest.raises(MisuseError, match="failback says nothing about a client of the kind assistant"):
        chosen(("failback",), Kind.ASSISTANT)
