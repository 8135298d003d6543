"""Meetings: held once, where and when they should be."""

from __future__ import annotations

from typing import Any

import pytest

from testbed.checkers import Outcome, Verdict, judge
from tests.unit.checkers.telling import KILLED, Tale, iso, normal, said


def of(tale: Tale) -> Verdict:
    """What is said of a tale that is watched to its end."""
    return said(judge(tale.watched(0, tale.records[-1].monotonic_ms + 5000).records), "meetings")


def seen(tale: Tale, due_ms: float, state: str, *, on: str = "primary", at: str = "primary", **held: Any) -> Tale:
    """A meeting is seen at the end, with what became of it; held where it was scheduled, if it was, and in time."""
    item = {"id": "m", "starts_at": iso(due_ms), "scheduled_on": on, "state": state}
    if state == "held":
        item |= {"held_on": on, "held_at": iso(due_ms + 5), **held}
    told = {"server": at, "user": "alice", "collection": "meetings", "items": [item]}
    return tale.tell(15000, "contents", **told)


def failed_over(tale: Tale) -> Tale:
    """S serves from 2000 to 10000 ms."""
    tale.fault(KILLED, 1000).role("secondary", "Available", 2000).healed(KILLED, 9000)
    return tale.role("secondary", "Starting", 10000).role("primary", "Available", 10010)


def test_a_meeting_held_in_normal_running_passes() -> None:
    """MEET-1."""
    assert of(seen(normal(), 5000, "held")).evidence == ("1 meetings whose time came",)


@pytest.mark.parametrize(
    ("held", "evidence"),
    [
        ({"held_on": "secondary"}, "scheduled on the primary, held on the secondary"),
        ({"held_at": iso(6200)}, "held 1200 ms late on the primary"),
    ],
)
def test_a_meeting_in_the_wrong_place_or_too_late_fails(held: dict[str, str], evidence: str) -> None:
    """MEET-2: it never runs late."""
    verdict = of(seen(normal(), 5000, "held", **held))
    assert verdict.outcome is Outcome.FAIL
    assert f"alice's meetings/m: {evidence}" in verdict.evidence[0]


@pytest.mark.parametrize("state", ["missed", "unknown", "scheduled"])
def test_a_meeting_that_was_not_held_although_its_portal_served_fails(state: str) -> None:
    """MEET-1."""
    assert f"not held there but {state}" in of(seen(normal(), 5000, state)).evidence[0]


def planned(tale: Tale, due_ms: float) -> Tale:
    """Alice schedules a meeting on P, which it tells her."""
    fields = {"starts_at": iso(due_ms), "title": "m"}
    asked = {"client": "c", "user": "alice", "server": "primary", "collection": "meetings"}
    tale.tell(4000, "invoke", op=1, name="change", item=None, fields=fields, **asked)
    return tale.tell(4005, "ok", op=1, item={"id": "m", "scheduled_on": "primary", "state": "scheduled", **fields})


def read(tale: Tale, at_ms: float, *items: dict[str, Any]) -> Tale:
    """What alice sees of her meetings on P."""
    return tale.tell(at_ms, "contents", server="primary", user="alice", collection="meetings", items=list(items))


def test_a_meeting_of_which_nobody_saw_what_became_leaves_it_unknown() -> None:
    """A run that was killed in between, say."""
    verdict = of(planned(normal(), 5000).role("secondary", "Starting", 9000))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.evidence == ("nobody saw what became of alice's meetings/m",)


def test_a_meeting_that_is_gone_when_its_owners_are_read_is_known() -> None:
    """Whether it may be gone is another checker's matter; so too where it was deleted."""
    assert of(read(planned(normal(), 5000), 9000)).outcome is Outcome.PASS
    deleted = planned(normal(), 5000)
    asked = {"client": "c", "user": "alice", "server": "primary", "collection": "meetings", "fields": None}
    deleted.tell(4100, "invoke", op=2, name="delete", item="m", **asked).tell(4105, "ok", op=2, item=None)
    assert of(deleted).outcome is Outcome.PASS


def test_a_meeting_whose_time_came_with_the_last_reading_is_not_judged() -> None:
    """Nobody could see yet what became of it."""
    item = {"id": "m", "starts_at": iso(8500), "scheduled_on": "primary", "state": "scheduled"}
    assert of(read(planned(normal(), 8500), 9000, item)).evidence == ("nothing to judge",)
    assert of(read(planned(normal(), 7500), 9000, {**item, "starts_at": iso(7500)})).outcome is Outcome.FAIL


def test_a_meeting_due_in_failover_is_missed() -> None:
    """MEET-2: neither held nor forgotten."""
    assert of(seen(failed_over(normal()), 6000, "missed")).outcome is Outcome.PASS
    assert "held on the primary while that did not serve" in of(seen(failed_over(normal()), 6000, "held")).evidence[0]
    assert "not missed but scheduled" in of(seen(failed_over(normal()), 6000, "scheduled")).evidence[0]


def test_a_meeting_due_while_nothing_is_settled_may_end_either_way() -> None:
    """Half a second after the fault nobody can say."""
    assert of(seen(failed_over(normal()), 1500, "missed")).outcome is Outcome.PASS


def test_a_meeting_held_on_both_servers_fails() -> None:
    """Once by what stands on P, once by what S had noted before failback took it back."""
    tale = seen(failed_over(normal()), 12000, "held")
    mark = {"state": "held", "starts_at": iso(12000), "held_on": "secondary", "held_at": iso(12005)}
    entry = {"seq": 1, "made_at": "", "collection": "meetings", "owner": "alice", "id": "m", "what": "changed"}
    tale.tell(15000, "discarded", server="secondary", changes=[{**entry, "mark": mark}])
    assert "held twice: on the primary at" in of(tale).evidence[0]


def test_what_users_read_meanwhile_counts_too() -> None:
    """A meeting of S's is gone after failback; who read it on S has seen it held."""
    tale = normal().fault(KILLED, 1000).role("secondary", "Available", 2000)
    item = {"id": "m", "starts_at": iso(6000), "scheduled_on": "secondary", "state": "held"}
    tale.tell(8000, "invoke", op=1, name="read", client="c", user="alice", server="secondary", collection="meetings")
    held = {**item, "held_on": "secondary", "held_at": iso(6004)}
    read = [held]
    tale.tell(8005, "ok", op=1, items=read)
    assert of(tale).outcome is Outcome.PASS
    read[0] = {**held, "held_on": "primary"}
    assert "scheduled on the secondary, held on the primary" in of(tale).evidence[0]


def test_meetings_whose_time_has_not_come_are_not_judged() -> None:
    """Nothing came due, so nobody can say."""
    assert of(seen(normal(), 500_000, "scheduled")).outcome is Outcome.UNKNOWN


def scheduled(tale: Tale, at_ms: float, due_ms: float, *, site: str = "primary", item: str | None = None) -> Tale:
    """Alice schedules a meeting, or sets another time, and is told that it is so."""
    tale.ops += 1
    fields = {"title": "t", "starts_at": iso(due_ms)}
    asked = {"user": "alice", "server": site, "collection": "meetings", "item": item, "fields": fields}
    tale.tell(at_ms, "invoke", op=tale.ops, name="change", client="c", **asked)
    return tale.tell(
        at_ms + 5, "ok", op=tale.ops, item={"id": "m", **fields, "scheduled_on": site, "state": "scheduled"}
    )


def logged(tale: Tale, *deeds: str, at_ms: float = 14000) -> Tale:
    """P's log at the end: what happened to the meeting, in order."""
    rows = [{"seq": seq, **ENTRY, "what": what, "sha256": what} for seq, what in enumerate(deeds, start=1)]
    return tale.tell(at_ms, "log", server="primary", made_on="primary", entries=rows)


ENTRY = {"collection": "meetings", "owner": "alice", "id": "m"}


def test_a_meeting_that_is_settled_twice_on_the_primary_fails_though_nobody_read_it_in_between() -> None:
    """MEET-1, MEET-2: the log has one change too many, and the meeting looks as it should."""
    once = logged(scheduled(normal(), 4000, 5000), "added", "changed")
    assert of(seen(once, 5000, "held")).outcome is Outcome.PASS
    twice = logged(scheduled(normal(), 4000, 5000), "added", "changed", "changed")
    told = (
        "alice's meetings/m: settled 2 times on the primary, where its time came 1 times: the log has 2 changes of it"
    )
    assert told in of(seen(twice, 5000, "held")).evidence[0]


def test_a_meeting_that_is_settled_before_its_time_fails() -> None:
    """What its time has not come for has nothing to be told of."""
    tale = logged(scheduled(normal(), 4000, 500_000), "added", "changed")
    assert "where its time came 0 times" in of(seen(tale, 500_000, "scheduled")).evidence[0]


def test_changes_of_users_and_further_times_explain_what_the_log_has() -> None:
    """A title, another time, and one that nobody knows of; each time counts once, however often it is confirmed."""
    tale = scheduled(scheduled(normal(), 4000, 5000), 6000, 5000, item="m")
    scheduled(tale, 7000, 8000, item="m")
    asked = {"collection": "meetings", "item": "m", "fields": {"title": "u", "starts_at": iso(8000)}}
    tale.tell(9000, "invoke", op=9, name="change", client="c", user="alice", server="primary", **asked)
    five = ("added", *["changed"] * 5)
    assert of(seen(logged(tale, *five), 8000, "held")).outcome is Outcome.PASS
    again = logged(scheduled(scheduled(normal(), 4000, 5000), 6000, 5000, item="m"), "added", *["changed"] * 3)
    assert "settled 2 times" in of(seen(again, 5000, "held")).evidence[0]


def test_a_meeting_that_the_secondary_did_not_hold_while_it_served_fails_though_nobody_read_it_there() -> None:
    """MEET-3: what failback took back says so; one whose time had not come is lost, as it should be."""

    def tale(due_ms: float, mark: dict[str, str] | None) -> Tale:
        told = normal().fault(KILLED, 1000).role("secondary", "Available", 2000)
        scheduled(told, 5000, due_ms, site="secondary").healed(KILLED, 9000)
        told.role("secondary", "Starting", 10000).role("primary", "Available", 10010)
        entry = {"seq": 1, "made_at": "", **ENTRY, "what": "added", "mark": mark}
        return told.tell(10100, "discarded", server="secondary", changes=[entry])

    held = {"state": "held", "starts_at": iso(6000), "held_on": "secondary", "held_at": iso(6005)}
    missed = {"state": "missed", "starts_at": iso(6000)}
    assert of(tale(6000, held)).outcome is not Outcome.FAIL
    assert of(tale(20_000, None)).outcome is not Outcome.FAIL
    for mark, state in ((None, "scheduled"), (missed, "missed")):
        assert f"due while the secondary served, and not held there but {state}" in of(tale(6000, mark)).evidence[0]
