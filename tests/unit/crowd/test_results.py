"""What a crowd's figures mean: each verdict, and that unknown is none of the passes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from testbed.clients.exchange import Answer, Failure, FailureKind
from testbed.crowd import results, told
from testbed.crowd.results import CORE, PORTAL, Check, Name, One, Phase, Place, Result, percentile
from testbed.report.verdicts import Verdict

BACK = One(back_ms=1500.0, shows="home at secondary", requests=5, unanswered=1, connections=3)
AWAY = One(back_ms=None, shows="lost contact at primary", requests=9, unanswered=7, connections=2)
AT_P, AT_S = Place("primary", PORTAL), Place("secondary", PORTAL)
ONCE = {"primary": ["Starting", "Available"], "secondary": ["Available", "Starting"]}

FAILOVER = Phase(
    name=Name.FAILOVER,
    target="secondary",
    members=(BACK, replace(BACK, back_ms=2500.0)),
    answers={(AT_S, "201"): 2, (AT_P, "refused"): 3, (AT_S, "503 not_serving"): 4, (AT_S, "503"): 1},
    sessions={"primary": 0, "secondary": 2},
    seconds=3.0,
)
FAILBACK = replace(FAILOVER, name=Name.FAILBACK, target="primary", sessions={"primary": 2, "secondary": 0})
RESULT = Result(
    topology="demo",
    clients=2,
    poll_s=10.0,
    seed=0,
    phases=(FAILOVER, FAILBACK),
    roles=ONCE,
    seconds=9.0,
    started_at="2030-01-01T00:00:00+00:00",
)


def verdict(check: Check, result: Result) -> tuple[Verdict, str]:
    """Of the first phase that has this check."""
    return next((row.verdict, row.evidence) for row in results.rows(result) if row.check is check)


def of(phase: Phase) -> Result:
    """A run that ended after one phase."""
    return replace(RESULT, phases=(phase,))


def test_all_is_well_when_everybody_is_back() -> None:
    """Refusals of a portal that does not serve are documented."""
    assert {row.verdict for row in results.rows(RESULT)} == {Verdict.PASS}
    assert len(results.rows(RESULT)) == 9
    assert results.exit_status(RESULT) == 0


def test_one_who_is_not_back_fails_it_and_is_told_by_what_it_shows() -> None:
    """However many others are."""
    result = of(replace(FAILOVER, members=(BACK, AWAY)))
    assert verdict(Check.BACK, result) == (Verdict.FAIL, "1 of 2 are not at the secondary: lost contact at primary")
    assert results.exit_status(result) == 1


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ({"primary": 0, "secondary": 2}, Verdict.PASS),
        ({"primary": 0, "secondary": 3}, Verdict.PASS),  # one whose answer was lost logged in twice
        ({"primary": 0, "secondary": 1}, Verdict.FAIL),
        ({"primary": 1, "secondary": 2}, Verdict.FAIL),
        ({"primary": 0, "secondary": None}, Verdict.UNKNOWN),
        ({"primary": None, "secondary": 2}, Verdict.UNKNOWN),
        ({}, Verdict.FAIL),
    ],
)
def test_sessions_are_counted_by_the_portals_themselves(sessions: dict[str, int | None], expected: Verdict) -> None:
    """All on the one that serves, none on the other; a portal that does not say leaves it unknown."""
    result = of(replace(FAILOVER, sessions=sessions))
    assert verdict(Check.ALIVE, result)[0] is expected
    assert results.exit_status(result) == (0 if expected is Verdict.PASS else 1)


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (AT_S, "500 internal"),
        (AT_S, "500"),
        (AT_S, "503 not_ready"),
        (AT_S, "507 not_stored"),
        (AT_S, "502"),
        (Place("primary", CORE), "503 not_serving"),
    ],
)
def test_any_other_server_error_fails_it(place: Place, what: str) -> None:
    """Once is enough."""
    result = of(replace(FAILOVER, answers={**FAILOVER.answers, (place, what): 1}))
    assert verdict(Check.ERRORS, result) == (Verdict.FAIL, f"{place} answered {what} 1 times")


@pytest.mark.parametrize("what", ["503", "503 not_serving"])
def test_a_portal_that_serves_may_refuse_nobody(what: str) -> None:
    """At the first log-in the primary serves; a refusal is documented only where the portals change over."""
    first = replace(FAILBACK, name=Name.LOG_IN, answers={(AT_P, "201"): 2, (AT_P, what): 1})
    assert verdict(Check.ERRORS, of(first)) == (Verdict.FAIL, f"primary/portal answered {what} 1 times")
    assert verdict(Check.ERRORS, of(replace(first, name=Name.FAILBACK)))[0] is Verdict.PASS


def test_a_member_that_hammers_fails_it() -> None:
    """20 at once and 10 a second more (reading "hammering"), of one member, not of all together."""
    allowed = replace(FAILOVER, members=(replace(BACK, unanswered=50), replace(BACK, unanswered=50)))
    assert verdict(Check.HAMMERING, of(allowed))[0] is Verdict.PASS
    assert verdict(Check.HAMMERING, of(replace(allowed, members=(replace(BACK, unanswered=51),))))[0] is Verdict.FAIL


@pytest.mark.parametrize(
    ("server", "roles", "expected"),
    [
        ("secondary", ["Available", "Starting", "Available", "Starting"], Verdict.FAIL),
        ("secondary", [], Verdict.FAIL),
        ("primary", ["Starting"], Verdict.FAIL),
        ("primary", ["Starting", "Available", "Starting", "Available"], Verdict.FAIL),
        ("primary", ["Available"], Verdict.PASS),
        ("primary", None, Verdict.UNKNOWN),
    ],
)
def test_roles_change_once(server: str, roles: list[str] | None, expected: Verdict) -> None:
    """A portal that is too busy to be heard must not lose its role over that."""
    assert verdict(Check.ROLES, replace(RESULT, roles={**ONCE, server: roles}))[0] is expected


def test_nobody_is_no_success() -> None:
    """A crowd without members shows nothing."""
    assert verdict(Check.BACK, of(replace(FAILOVER, members=())))[0] is Verdict.UNKNOWN


def test_percentiles_are_values_that_were_measured() -> None:
    """By nearest rank."""
    assert [percentile(range(1, 101), share) for share in (0.5, 0.99, 1)] == [50, 99, 100]
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([], 0.5) is None


def test_what_a_request_came_to_is_told_apart() -> None:
    """By status and code, or by what the network did."""
    assert results.came_to(Answer(status=503, json={"error": "not_serving"})) == "503 not_serving"
    assert results.came_to(Answer(status=200, json={"user": "alice"})) == "200"
    assert results.came_to(Failure(kind=FailureKind.REFUSED, sent=False)) == "refused"


def test_json_has_the_figures_and_the_verdicts() -> None:
    """Of each phase: how long until half, nearly all and all were back, and what each client sent for it."""
    found = told.as_json(of(replace(FAILOVER, members=(BACK, replace(BACK, back_ms=2500.0, requests=8)))))
    phase = found["phases"][0]
    assert phase["back_ms"] == {"p50": 1500.0, "p99": 2500.0, "max": 2500.0}
    assert phase["requests"] == {"mean": 6.5, "p50": 5, "p99": 8, "max": 8}
    assert phase["answers"]["primary/portal refused"] == 3
    assert (found["exit_status"], found["schema"]) == (0, "portal-resilience-testbed/crowd")
    assert {row["check"] for row in found["verdicts"]} == {"back", "alive", "errors", "hammering"}


def test_the_table_is_for_people() -> None:
    """Figures first; nobody back at all is a dash, not an error."""
    lines = told.table(of(replace(FAILOVER, members=(AWAY,)))).splitlines()
    assert lines[0] == "2 web clients at demo, each polling every 10 s (seed 0)"
    assert lines[2].split()[:5] == ["failover", "0/1", "-", "-", "-"]
    assert lines[-1] == "3 of 4 pass; 9.0 s; exit 1"
    assert "lost contact at primary" in told.page(of(replace(FAILOVER, members=(AWAY,))))
