"""Histories of real runs, judged again; and altered, so that each checker finds what was planted.

They were recorded by `tests/scenarios/test_judged.py`, with TESTBED_KEEP_HISTORIES naming this folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from testbed.checkers import CHECKERS, Outcome, judge
from testbed.history import Record, read
from tests.unit.checkers.telling import said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FOLDER = Path(__file__).parents[1] / "histories"

JUDGED: dict[str, tuple[set[str], tuple[int, int], int]] = {
    "failover": (set(), (900, 2000), 14),
    "split_brain": (set(), (0, 100), 8),
    "restart": ({"redirects", "meetings"}, (300, 3000), 0),
}
"""What nobody can tell from each history, between which milliseconds its recovery time lies, and what was lost."""

Records = list[Record]


def history(name: str) -> Records:
    """A history as it was recorded."""
    return list(read(FOLDER / f"{name}.jsonl"))


def test_every_saved_history_is_judged() -> None:
    """None is left out, and none of those that are judged is missing."""
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == set(JUDGED)


@pytest.mark.parametrize("name", JUDGED)
def test_a_saved_history_is_judged_as_it_was(name: str) -> None:
    """No rule broken; the figures are those of the run."""
    unknown, (least_ms, most_ms), lost = JUDGED[name]
    judgement = judge(history(name))
    assert [(one.checker, one.evidence) for one in judgement.verdicts if one.outcome is Outcome.FAIL] == []
    assert {one.checker for one in judgement.unknown} == unknown
    assert judgement.rto_ms is not None
    assert least_ms <= judgement.rto_ms <= most_ms
    assert judgement.changes_lost == lost


@pytest.mark.parametrize("name", JUDGED)
def test_a_history_that_was_cut_short_accuses_nobody(name: str) -> None:
    """A run that was killed leaves a part of it: nothing in what is missing may look like a breach."""
    records = history(name)
    telling = [place + 1 for place, one in enumerate(records) if one.kind in ("role", "observed", "discarded", "log")]
    for length in sorted({*range(0, len(records), 23), *telling}):
        judgement = judge(records[:length])
        assert [(one.checker, one.evidence) for one in judgement.verdicts if one.outcome is Outcome.FAIL] == [], length


def changed(record: Record, **fields: Any) -> Record:
    """A record that says something else."""
    return replace(record, fields={**record.fields, **fields})


def where(records: Records, kind: str, **fields: Any) -> Iterator[int]:
    """The places of the records of a kind whose fields are these."""
    for place, record in enumerate(records):
        if record.kind == kind and all(record.fields.get(key) == value for key, value in fields.items()):
            yield place


def without_takeover(records: Records) -> Records:
    """S never served."""
    gone = set(where(records, "role", server="secondary", role="Available"))
    return [record for place, record in enumerate(records) if place not in gone]


def serving_twice(records: Records) -> Records:
    """S served for 40 ms in the middle of normal running."""
    first = next(where(records, "role", server="primary", role="Available"))
    at_ms = records[first].monotonic_ms + 4000
    told = [
        Record(
            kind="role",
            at=records[first].at,
            monotonic_ms=at_ms,
            fields={**records[first].fields, "server": "secondary", "role": role, "since_ms": since_ms},
        )
        for role, since_ms in (("Available", at_ms), ("Starting", at_ms + 40))
    ]
    return records[: first + 1] + told + records[first + 1 :]


def staying(records: Records) -> Records:
    """S goes on serving after failback."""
    *_, last = where(records, "role", server="secondary", role="Starting")
    return [*records[:last], *records[last + 1 :]]


def shorter(records: Records, server: str, made_on: str, place: int) -> Records:
    """An entry is missing in a log."""
    (at,) = where(records, "log", server=server, made_on=made_on)
    entries = list(records[at].fields["entries"])
    del entries[place]
    return [*records[:at], changed(records[at], entries=entries), *records[at + 1 :]]


def unnamed(records: Records) -> Records:
    """Failback names all that it took back but the last."""
    found = [changed(one, changes=one.fields["changes"][:-1]) if one.kind == "discarded" else one for one in records]
    assert found != records
    return found


def session_carried_over(records: Records) -> Records:
    """P took for its own the session that a user had on S."""
    mine = next(where(records, "answer", status=201))
    theirs = next(
        place
        for place in where(records, "answer", status=201)
        if records[place].fields["url"].split("/")[2] != records[mine].fields["url"].split("/")[2]
    )
    *_, last = (
        place
        for place in where(records, "answer", status=200)
        if records[place].fields["session"] is not None and "primary" in records[place].fields["url"]
    )
    return [*records[:last], changed(records[last], session=records[theirs].fields["begun"]), *records[last + 1 :]]


def sent_to_the_dead(records: Records) -> Records:
    """While P is dead its core still names it, to whoever it sent to S."""
    at = next(place for place in where(records, "answer") if "secondary" in str(records[place].fields.get("names")))
    moved = changed(records[at], url=records[at].fields["url"].replace("primary", "secondary"))
    names = str(records[at].fields["names"]).replace("secondary", "primary")
    return [*records[:at], changed(moved, names=names), *records[at + 1 :]]


def asked_twice(records: Records) -> Records:
    """A user is asked about the same certificate again."""
    at = next(where(records, "exception"))
    prompt = records[next(where(records, "prompt"))]
    return [*records[: at + 1], replace(prompt, monotonic_ms=records[at].monotonic_ms), *records[at + 1 :]]


def held_late(records: Records) -> Records:
    """The meeting that P missed was held by P after it was back."""
    found = []
    for record in records:
        items = record.fields.get("items", ())
        missed = [one for one in items if one.get("state") == "missed"] if record.kind == "contents" else []
        held = {"state": "held", "held_on": "primary", "held_at": record.at}
        found.append(changed(record, items=[{**one, **held} for one in missed]) if missed else record)
    assert found != records
    return found


ALTERED: dict[str, tuple[Callable[[Records], Sequence[Record]], str, str]] = {
    "one portal": (serving_twice, "both portals were Available over a whole link", "ROLE-11"),
    "somebody serves": (without_takeover, "nobody served, though somebody could", "ROLE-2"),
    "roles": (staying, "the secondary served, where the oracle says it does not", "ROLE-5"),
    "changes kept": (lambda records: shorter(records, "primary", "primary", 3), "acknowledged, and gone", "SYNC-6"),
    "in step": (lambda records: shorter(records, "secondary", "primary", 3), "has change 5 where 4 was due", "SYNC-1"),
    "sessions": (session_carried_over, "a session of the secondary's works", "REDIR-6"),
    "redirects": (sent_to_the_dead, "sent to the primary, which does not serve", "REDIR-8"),
    "prompts": (asked_twice, "which it trusts", "CERT-2"),
    "meetings": (held_late, "late on the primary", "MEET-2"),
}
"""For each checker an alteration of the history of a failover, what it says of that, and a rule that it names."""


@pytest.mark.parametrize("checker", [each.name for each in CHECKERS])
def test_each_checker_fails_on_a_real_history_with_a_breach(checker: str) -> None:
    """What was altered is the only difference to a run that passes."""
    alter, evidence, rule = ALTERED[checker]
    verdict = said(judge(alter(history("failover"))), checker)
    assert verdict.outcome is Outcome.FAIL
    assert any(evidence in line for line in verdict.evidence)
    assert rule in verdict.rules


def test_changes_taken_back_without_a_word_fail_on_a_real_history() -> None:
    """SYNC-4: the figure counts them as lost all the same."""
    judgement = judge(unnamed(history("failover")))
    verdict = said(judgement, "changes kept")
    assert verdict.outcome is Outcome.FAIL
    assert len(verdict.evidence) == 1
    assert "without being named" in verdict.evidence[0]
    assert judgement.changes_lost == JUDGED["failover"][2]


@pytest.mark.parametrize("kind", ["role", "log", "bed", "observed"])
def test_a_real_history_without_what_it_takes_passes_nothing_that_rests_on_it(kind: str) -> None:
    """Unknown, and neither pass nor fail."""
    resting = {
        "role": {"one portal", "somebody serves", "roles", "sessions", "redirects", "meetings"},
        "log": {"changes kept", "in step"},
        "bed": {checker.name for checker in CHECKERS},
        "observed": {"one portal", "somebody serves", "roles", "sessions", "redirects", "meetings"},
    }
    judgement = judge([record for record in history("failover") if record.kind != kind])
    outcomes = {one.checker: one.outcome for one in judgement.verdicts if one.checker in resting[kind]}
    assert outcomes == dict.fromkeys(resting[kind], Outcome.UNKNOWN)
