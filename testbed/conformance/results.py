"""The verdicts of one run of `testbed conform`, and what it ends with. Pure: values in, values out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from testbed.conformance.acts import WATCHED_S
from testbed.conformance.judgement import BURST, PER_S, how_ended, judge
from testbed.conformance.scenarios import NOT_OF, Check, Kind
from testbed.report import verdicts
from testbed.report.verdicts import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from testbed.conformance.acts import Act, Ended
    from testbed.conformance.scenarios import Scenario, Step
    from testbed.report.verdicts import Judgement

SCHEMA = "portal-resilience-testbed/conform"
SCHEMA_VERSION = 1
"""Rises when a field of the JSON goes or changes its meaning; a new field does not count."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One verdict.

    Attributes:
        scenario: in which.
        check: of what.
        rules: that say so; none, where it is manners only.
        verdict: pass, fail or unknown.
        evidence: what it rests on, or why there is none.
    """

    scenario: str
    check: Check
    rules: tuple[str, ...]
    verdict: Verdict
    evidence: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """A whole run.

    Attributes:
        client: what was run or observed.
        kind: what it was taken for.
        topology: name of the topology.
        rows: all verdicts.
        trouble: what is wrong with the run as such, for a person: the client crashed, or never connected.
        ended: the client, if it ended by itself.
        missed: what the servers saw and nobody can read any more.
        seconds: how long the run took.
        started_at: wall time, ISO 8601.
        facts: what a reader has to know to repeat it.
        broken: why the run itself did not come to its end; `None`: it did.
        no_names: why the servers' names do not resolve for the client; empty: they do; `None`: nobody here knows.
    """

    client: str
    kind: Kind
    topology: str
    rows: tuple[Row, ...]
    trouble: str | None
    ended: Ended | None
    missed: tuple[str, ...]
    seconds: float
    started_at: str
    facts: Mapping[str, str] = field(default_factory=dict)
    broken: str | None = None
    no_names: str | None = None


def rows_of(scenario: Scenario, step: Step, kind: Kind, act: Act) -> list[Row]:
    """The verdicts on one step."""
    found = []
    for check, rules in step.checks:
        if check not in NOT_OF[kind]:
            verdict, evidence = judge(check, kind, act)
            found.append(
                Row(
                    scenario=scenario.name,
                    check=check,
                    rules=rules_of(check, rules, kind),
                    verdict=verdict,
                    evidence=evidence,
                )
            )
    return found


def unknown_rows(scenario: Scenario, steps: Sequence[Step], kind: Kind, why: str) -> list[Row]:
    """The verdicts on steps that did not take place."""
    return [
        Row(
            scenario=scenario.name,
            check=check,
            rules=rules_of(check, rules, kind),
            verdict=Verdict.UNKNOWN,
            evidence=why,
        )
        for step in steps
        for check, rules in step.checks
        if check not in NOT_OF[kind]
    ]


def rules_of(check: Check, rules: tuple[str, ...], kind: Kind) -> tuple[str, ...]:
    """The rules behind a check: an assistant is not redirected, whatever happens (CLIENT-3)."""
    return ("CLIENT-3",) if check is Check.REDIRECT and kind is Kind.ASSISTANT else rules


def trouble_of(ended: Ended | None, *, connected: bool, within_s: float) -> str | None:
    """What is wrong with a client as such, in one line: it ended by itself, or never came."""
    if ended is not None:
        last = f": {ended.said[-1]}" if ended.said else ""
        never = "" if connected else ", and never connected to a server"
        return f"{how_ended(ended)}{never}{last}"
    return None if connected else f"the client never connected to any server in {within_s:g} s"


def count(rows: Sequence[Row]) -> Mapping[Verdict, int]:
    """How many rows have each verdict."""
    verdicts = [row.verdict for row in rows]
    return {verdict: verdicts.count(verdict) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN)}


def in_the_dark(rows: Sequence[Row]) -> tuple[str, ...]:
    """The scenarios in which nothing at all could be judged."""
    names = dict.fromkeys(row.scenario for row in rows)
    return tuple(name for name in names if all(row.verdict is Verdict.UNKNOWN for row in rows if row.scenario == name))


def exit_status(result: Result, *, strict: bool = False) -> int:
    """What the run ends with: 0 all that could be judged passed, else 1; 2 if it did not come to its end.

    A check that stays unknown beside others that passed leaves 0, and is listed; a scenario in which nothing could be
    judged, a client that ended by itself and one that never connected do not.

    Args:
        result: of the run.
        strict: any unknown ends it with 1.
    """
    if result.broken is not None:
        return 2
    counts = count(result.rows)
    if counts[Verdict.FAIL] or result.trouble is not None or not counts[Verdict.PASS] or in_the_dark(result.rows):
        return 1
    return int(strict and counts[Verdict.UNKNOWN] > 0)


_RESULTS = {
    Verdict.PASS: verdicts.Result.PASSED,
    Verdict.FAIL: verdicts.Result.FAILED,
    Verdict.UNKNOWN: verdicts.Result.SKIPPED,
}


def by_rule(rows: Sequence[Row]) -> tuple[Judgement, ...]:
    """The verdict on each rule that some check speaks for, with all of these: fail beats unknown beats pass."""
    outcomes = [
        Outcome(
            nodeid=f"{row.scenario}: {row.check.value}",
            rules=row.rules,
            result=_RESULTS[row.verdict],
            seconds=0.0,
            message=row.evidence,
        )
        for row in rows
    ]
    return tuple(one for one in verdicts.judge(outcomes).values() if one.evidence)


def decisive(judgement: Judgement) -> Outcome:
    """The first check that the verdict on a rule rests on."""
    wanted = _RESULTS[judgement.verdict]
    return next(one for one in judgement.evidence if one.result is wanted)


def as_json(result: Result, *, strict: bool = False) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "started_at": result.started_at,
        "seconds": round(result.seconds, 3),
        "client": result.client,
        "kind": result.kind.value,
        "topology": result.topology,
        "exit_status": exit_status(result, strict=strict),
        "summary": {verdict.value: number for verdict, number in count(result.rows).items()},
        "trouble": result.trouble,
        "broken": result.broken,
        "names_resolve": None if result.no_names is None else not result.no_names,
        "why_names_do_not_resolve": result.no_names or None,
        "ended": None if result.ended is None else asdict(result.ended),
        "thresholds": {"burst": BURST, "per_second": PER_S, "watched_seconds": WATCHED_S},
        "verdicts": [
            {
                "scenario": row.scenario,
                "check": row.check.value,
                "rules": list(row.rules),
                "verdict": row.verdict.value,
                "evidence": row.evidence,
            }
            for row in result.rows
        ],
        "rules": [
            {
                "rule": one.rule.id,
                "promise": one.rule.promise,
                "verdict": one.verdict.value,
                "evidence": [f"{each.nodeid}: {each.said}" for each in one.evidence],
            }
            for one in by_rule(result.rows)
        ],
        "missed": list(result.missed),
        "facts": dict(result.facts),
    }
