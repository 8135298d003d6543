"""Acknowledged changes and synchronisation: what is gone, what may be, and what is out of step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stubs.portal.api import DIRECTORY, SHARED
from testbed.checkers import Outcome, judge
from tests.unit.checkers.telling import KILLED, Tale, iso, normal, said

if TYPE_CHECKING:
    from testbed.checkers import Verdict

BOTH = (("a", "added"), ("b", "added"))


def written() -> Tale:
    """Two settings are added on P in normal running."""
    return normal().change(4000, "a").change(4100, "b")


def failed_over() -> Tale:
    """P is down from 1000 to 8000 ms, and S serves meanwhile."""
    return normal().fault(KILLED, 1000).role("secondary", "Available", 2000)


def failed_back(tale: Tale) -> Tale:
    """And P serves again."""
    return tale.healed(KILLED, 8000).role("secondary", "Starting", 8500).role("primary", "Available", 8510)


def looked(tale: Tale, **values: str) -> Tale:
    """And what alice sees of her settings on the primary at the end."""
    items = [{"id": item, "key": item, "value": value} for item, value in values.items()]
    return tale.tell(9000, "contents", server="primary", user="alice", collection="settings", items=items)


def kept(tale: Tale) -> Verdict:
    """What is said of the acknowledged changes."""
    return said(judge(tale.watched(0, tale.records[-1].monotonic_ms + 1).records), "changes kept")


def step(tale: Tale) -> Verdict:
    """What is said of the synchronisation."""
    return said(judge(tale.watched(0, tale.records[-1].monotonic_ms + 1).records), "in step")


def test_changes_that_are_in_the_log_are_kept() -> None:
    """The evidence says how many there were."""
    verdict = kept(looked(written().stock(9000, BOTH), a="1", b="1"))
    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence == ("2 acknowledged changes, of which failback took back 0 as it may",)


@pytest.mark.parametrize(
    ("tale", "evidence"),
    [
        (written().stock(9000, BOTH[:1]), "gone: alice's settings/b added on the primary (operation 2, at 4105 ms)"),
        (normal().change(4000, "a").change(4100, "a", what="changed").stock(9000, BOTH[:1]), "settings/a changed"),
        (normal().change(4000, "a").change(4100, "a", what="deleted").stock(9000, BOTH[:1]), "settings/a deleted"),
    ],
)
def test_an_acknowledged_change_of_the_primary_that_is_gone_fails_and_is_named(tale: Tale, evidence: str) -> None:
    """SYNC-6, and how many is told as a figure."""
    assert judge(tale.records).changes_lost == 1
    verdict = kept(tale)
    assert verdict.outcome is Outcome.FAIL
    assert evidence in verdict.evidence[0]


def entered(item: str) -> Tale:
    """An administrator adds an entry to the system directory, in normal running."""
    tale = normal()
    asked = {"client": "administrator", "user": "Administrator", "collection": "directory", "item": None}
    fields = {"name": "somebody", "number": "100"}
    tale.tell(4000, "invoke", op=1, name="change", server="primary", fields=fields, **asked)
    return tale.tell(4005, "ok", op=1, status=201, error=None, item={"id": item, **fields}, items=[])


def directory(tale: Tale, *ids: str) -> Tale:
    """Both logs hold these entries of the directory, which belong to nobody in particular."""
    shared = {"collection": DIRECTORY, "owner": SHARED, "what": "added", "sha256": "1"}
    rows = [{"seq": seq, "id": one, **shared} for seq, one in enumerate(ids, start=1)]
    for server in ("primary", "secondary"):
        for made_on in ("primary", "secondary"):
            found = rows if made_on == "primary" else []
            tale.tell(9000, "log", server=server, made_on=made_on, entries=found)
    return tale.tell(9000, "discarded", server="secondary", changes=[])


def test_an_entry_of_the_directory_is_kept_under_no_owner() -> None:
    """SYNC-6: an administrator made it, and the portal keeps it for all users."""
    assert judge(directory(entered("7"), "7").records).changes_lost == 0
    assert kept(directory(entered("7"), "7")).outcome is Outcome.PASS
    lost = kept(directory(entered("7")))
    assert lost.outcome is Outcome.FAIL
    assert "gone: directory/7 added on the primary" in lost.evidence[0]


def test_what_failback_took_back_and_named_is_lost_as_the_rules_have_it() -> None:
    """SYNC-4: no breach, but it counts among the losses."""
    tale = failed_back(failed_over().change(6000, "s", site="secondary")).stock(15000, (), taken_back=[("s", "added")])
    assert judge(tale.records).changes_lost == 1
    verdict = kept(tale)
    assert (verdict.outcome, verdict.evidence) == (
        Outcome.PASS,
        (
            "1 acknowledged changes, of which failback took back 1 as it may",
            "taken back, and named: alice's settings/s added on the secondary (operation 1, at 6005 ms)",
        ),
    )


def test_every_loss_is_named_and_told_apart() -> None:
    """The allowed ones too, each with what became of it; of a change that is kept there is none."""
    tale = normal().change(500, "p").fault(KILLED, 1000).role("secondary", "Available", 2000)
    tale.change(500, "kept").change(6000, "s", site="secondary").change(6100, "t", site="secondary")
    tale.stock(15000, [("kept", "added")], taken_back=[("s", "added")])
    losses = judge(tale.records).losses
    assert [(one.change.op, one.why, one.allowed) for one in losses] == [
        (1, "gone", False),
        (3, "taken back, and named", True),
        (4, "taken back, and not named", False),
    ]
    assert str(losses[1].change) == "alice's settings/s added on the secondary (operation 3, at 6005 ms)"
    assert losses[1].row()["acknowledged_ms"] == 6005
    assert judge(tale.records).changes_lost == len(losses)


def test_of_many_that_were_taken_back_the_evidence_names_some_and_the_losses_all() -> None:
    """It says how many more there are."""
    tale, items = failed_over(), [f"s{number}" for number in range(30)]
    for number, item in enumerate(items):
        tale.change(6000 + 10 * number, item, site="secondary")
    failed_back(tale).stock(15000, (), taken_back=[(item, "added") for item in items])
    evidence = kept(tale).evidence
    assert (len(evidence), evidence[-1]) == (20, "and 12 more")
    assert [one.change.item.id for one in judge(tale.records).losses] == items


def twice_failed_back() -> Tale:
    """One change is taken back by each of two failbacks; nobody read the list of the first."""
    tale = failed_back(failed_over().change(6000, "s", site="secondary"))
    tale.tell(8520, "unread", server="secondary", why="busy", until_ms=8520)
    tale.fault(KILLED, 12000).role("secondary", "Available", 13000).change(17000, "t", site="secondary")
    return tale.healed(KILLED, 18000).role("secondary", "Starting", 18500).role("primary", "Available", 18510)


def test_a_list_that_nobody_read_spoils_only_what_may_have_been_in_it() -> None:
    """How many are gone is known all the same; and what was taken back later had to be named."""
    tale = twice_failed_back().stock(25000, (), taken_back=[("t", "added")])
    judgement = judge(tale.records)
    assert judgement.changes_lost == 2
    assert [one.allowed for one in judgement.losses] == [True, None]
    assert said(judgement, "changes kept").evidence == ("the secondary could not be read: busy",)
    verdict = kept(twice_failed_back().stock(25000, (), taken_back=[("s", "added")]))
    assert verdict.outcome is Outcome.FAIL
    assert "without being named: alice's settings/t" in verdict.evidence[0]


def test_a_list_that_nobody_read_and_nobody_misses_spoils_nothing() -> None:
    """Both changes were named, one way or another."""
    tale = twice_failed_back().stock(25000, (), taken_back=[("s", "added"), ("t", "added")])
    assert kept(tale).outcome is Outcome.PASS


def test_a_primary_that_could_not_be_read_whole_leaves_it_unknown() -> None:
    """Its log is there, and what users see is not; the figure rests on the log alone."""
    tale = written().stock(9000, BOTH).tell(9001, "unread", server="primary", why="no answer")
    assert kept(tale).outcome is Outcome.UNKNOWN
    assert judge(tale.records).changes_lost == 0


def test_what_failback_took_back_without_naming_it_fails() -> None:
    """SYNC-4: the status names how many and which."""
    verdict = kept(failed_back(failed_over().change(6000, "s", site="secondary")).stock(15000, ()))
    assert verdict.outcome is Outcome.FAIL
    assert "gone without being named: alice's settings/s" in verdict.evidence[0]


def test_what_could_not_be_read_may_have_been_named() -> None:
    """So that nobody can say whether it was."""
    tale = failed_back(failed_over().change(6000, "s", site="secondary")).stock(15000, ())
    tale.tell(15001, "unread", server="secondary", why="no answer")
    verdict = kept(tale)
    assert (verdict.outcome, verdict.evidence) == (Outcome.UNKNOWN, ("the secondary could not be read: no answer",))


def test_what_is_still_on_a_secondary_that_serves_is_not_lost() -> None:
    """The history ends in failover."""
    tale = failed_over().change(6000, "s", site="secondary").stock(7000, (), own=[("s", "added")])
    assert judge(tale.records).changes_lost == 0
    assert kept(tale).outcome is Outcome.PASS


def test_a_change_that_the_secondary_took_in_normal_running_may_not_be_taken_back() -> None:
    """Outside the window in which the rules allow it: nothing was wrong with P for 3 s."""
    tale = normal().change(5000, "s", site="secondary").stock(9000, (), taken_back=[("s", "added")])
    verdict = kept(tale)
    assert verdict.outcome is Outcome.FAIL
    assert "acknowledged in normal running, and taken back" in verdict.evidence[0]


def test_what_nobody_knows_is_no_loss() -> None:
    """An operation that ended with info, or never, was not acknowledged; and nothing acknowledged is nothing judged."""
    tale = normal().change(4000, "a", end="info").change(4100, "b", what="changed", end="info")
    assert kept(tale.change(4200, "c", what="deleted", end="none").stock(9000, ())).outcome is Outcome.UNKNOWN


def test_what_was_refused_and_is_stored_all_the_same_fails() -> None:
    """SYNC-8; a second acknowledged one of the same kind would explain it."""
    refused = normal().change(4000, "a").change(4100, "a", what="changed", end="fail")
    log = [("a", "added"), ("a", "changed")]
    assert "refused, and stored" in kept(refused.stock(9000, log)).evidence[0]
    both = normal().change(4000, "a").change(4100, "a", what="changed", end="fail").change(4200, "a", what="changed")
    assert kept(looked(both.stock(9000, log), a="1")).outcome is Outcome.PASS


def test_what_nobody_looked_at_in_the_end_leaves_it_unknown() -> None:
    """A log may hold a change, and the data not; where the primary does not serve, nobody can look."""
    verdict = kept(written().stock(9000, BOTH))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.evidence == ("nobody read alice's settings on the primary at the end",)
    lost = written().fault(KILLED, 5000).role("secondary", "Available", 6000).stock(9000, BOTH)
    assert kept(lost).outcome is Outcome.PASS


def test_a_stock_that_was_not_read_to_its_end_accuses_nobody() -> None:
    """What failback took back is read after the secondary's log: cut off in between, nobody knows what was named."""
    tale = failed_back(failed_over().change(4000, "s", site="secondary")).stock(9000, [])
    *whole, discarded = tale.records
    assert discarded.kind == "discarded"
    tale.records = whole
    assert kept(tale).outcome is Outcome.UNKNOWN


def test_a_log_that_nobody_read_leaves_it_unknown() -> None:
    """Whatever was acknowledged."""
    assert kept(written()).outcome is Outcome.UNKNOWN
    assert judge(written().records).changes_lost is None


@pytest.mark.parametrize(("there", "outcome"), [("2", Outcome.PASS), ("1", Outcome.FAIL), (None, Outcome.FAIL)])
def test_what_users_see_at_the_end_is_what_was_acknowledged_last(there: str | None, outcome: Outcome) -> None:
    """A log may hold a change, and the data not."""
    tale = normal().change(4000, "a").change(4100, "a", what="changed", value="2")
    items = [] if there is None else [{"id": "a", "key": "a", "value": there}]
    tale.stock(9000, [("a", "added"), ("a", "changed")])
    tale.tell(9000, "contents", server="primary", user="alice", collection="settings", items=items)
    assert kept(tale).outcome is outcome


def test_either_of_two_changes_at_the_same_time_may_be_the_last() -> None:
    """The one that was asked for first need not have come first."""
    tale = normal().change(4000, "a").change(4100, "a", what="changed", value="2", end="none")
    tale.change(4101, "a", what="changed", value="3").stock(9000, [("a", "added"), ("a", "changed"), ("a", "changed")])
    items = [{"id": "a", "key": "a", "value": "2"}]
    tale.tell(9000, "contents", server="primary", user="alice", collection="settings", items=items)
    assert kept(tale).outcome is Outcome.PASS


def test_a_copy_that_is_the_log_is_in_step() -> None:
    """In normal running, after all has settled."""
    verdict = step(written().stock(9000, BOTH))
    assert (verdict.outcome, verdict.evidence) == (
        Outcome.PASS,
        ("2 changes on the primary, 2 of them on the secondary",),
    )


@pytest.mark.parametrize(
    ("copy", "evidence"),
    [
        (BOTH[1:], "change 1 is alice's settings/a added"),
        (BOTH[::-1], "change 1 is alice's settings/a added"),
        (BOTH[:1], "normal and quiet, and not on the secondary: alice's settings/b added (change 2)"),
        ((*BOTH, ("c", "added")), "the secondary has 1 changes of the primary's that the primary has not"),
    ],
)
def test_a_copy_that_skips_reorders_lacks_or_invents_a_change_fails(
    copy: tuple[tuple[str, str], ...], evidence: str
) -> None:
    """SYNC-1, SYNC-7."""
    verdict = step(written().stock(9000, BOTH, copy=copy))
    assert verdict.outcome is Outcome.FAIL
    assert evidence in verdict.evidence[0]


def dated(tale: Tale, log: int, place: int, at_ms: float) -> Tale:
    """An entry of a log tells when it was made: of P's log, or of the third one, S's copy."""
    [one for one in tale.records if one.kind == "log"][log].fields["entries"][place]["at"] = iso(at_ms)
    return tale


def test_what_was_made_between_two_readings_or_just_before_is_not_held_against_the_other() -> None:
    """Both logs are read one after the other, and a change takes some time to travel."""
    more = (*BOTH, ("c", "added"))
    for at_ms, outcome in ((9001, Outcome.PASS), (8999, Outcome.FAIL)):
        assert step(dated(written().stock(9000, BOTH, copy=more), 2, 2, at_ms)).outcome is outcome
    for at_ms, outcome in ((6001, Outcome.PASS), (5999, Outcome.FAIL)):
        assert step(dated(written().stock(9000, more, copy=BOTH), 0, 2, at_ms)).outcome is outcome


@pytest.mark.parametrize(("at_ms", "outcome"), [(8000, Outcome.PASS), (5000, Outcome.FAIL)])
def test_digests_are_compared_of_what_has_stood_for_long_enough(at_ms: float, outcome: Outcome) -> None:
    """A change that was made just before the end of the watch may be seen on one server alone."""
    tale = written().tell(1000, "sync", server="secondary", state="running", head=1, digest="d", discarded=0)
    tale.tell(at_ms, "sync", server="primary", state="running", head=1, digest="e", discarded=0)
    tale.watched(0, 9000).stock(9100, BOTH)
    assert said(judge(tale.records), "in step").outcome is outcome


def test_a_log_of_what_the_secondary_may_not_have_changed_must_have_been_read() -> None:
    """SYNC-2: what nobody looked for nobody has found."""
    tale = written().stock(9000, BOTH)
    tale.records = [one for one in tale.records if one.fields.get("made_on") != "secondary"]
    assert step(tale).evidence == ("nobody read the primary's log of what the secondary changed",)


def test_a_copy_with_other_contents_fails() -> None:
    """The same change of the same item, and something else in it."""
    tale = written().stock(9000, BOTH)
    copy = [one for one in tale.records if one.kind == "log"][2]
    copy.fields["entries"][1]["sha256"] = "other"
    assert "change 2 is alice's settings/b added" in step(tale).evidence[0]


def test_a_hole_in_the_numbers_of_a_log_fails() -> None:
    """Even if both have it."""
    tale = written().stock(9000, BOTH)
    for record in tale.records:
        if record.kind == "log" and record.fields["made_on"] == "primary":
            record.fields["entries"][1]["seq"] = 3
    assert "has change 3 where 2 was due" in step(tale).evidence[0]


def test_a_change_of_the_secondary_that_reached_the_primary_fails() -> None:
    """SYNC-2."""
    tale = written().stock(9000, BOTH)
    backwards = [one for one in tale.records if one.kind == "log"][1]
    backwards.fields["entries"].append({"seq": 1, "collection": "settings", "owner": "bob", "id": "x", "what": "added"})
    assert "reached the primary: bob's settings/x" in step(tale).evidence[0]


def test_changes_that_travel_while_resilience_is_in_force_fail() -> None:
    """SYNC-3; at once after the fault nobody can say yet."""

    def tale(at_ms: float) -> Tale:
        told = failed_over().tell(900, "sync", server="secondary", state="running", head=5, digest="d", discarded=0)
        told.tell(at_ms, "sync", server="secondary", state="suspended", head=6, digest="e", discarded=0)
        return told.stock(7500, BOTH)

    assert "1 changes reached the secondary by 6000 ms" in step(tale(6000)).evidence[0]
    assert step(tale(3000)).outcome is Outcome.UNKNOWN


def test_an_order_other_than_that_of_the_users_fails() -> None:
    """SYNC-1: the first was acknowledged before the second was asked for."""
    verdict = step(written().stock(9000, BOTH[::-1]))
    assert verdict.outcome is Outcome.FAIL
    assert "stands before" in verdict.evidence[0]


def test_digests_that_differ_in_normal_and_quiet_running_fail() -> None:
    """SYNC-7, though the logs agree."""
    tale = written()
    for server in ("primary", "secondary"):
        tale.tell(5000, "sync", server=server, state="running", head=2, digest=server, discarded=0)
    (evidence,) = step(tale.stock(9000, BOTH)).evidence
    assert evidence.endswith("and the secondary as well at 8000 ms, and their digests differ")


def synced(tale: Tale, at_ms: float, head: int, *, server: str, digest: str = "") -> Tale:
    """A portal is at a change."""
    told = {"state": "running", "head": head, "digest": digest or f"d{head}", "discarded": 0}
    return tale.tell(at_ms, "sync", server=server, **told)


def stalled(until_ms: float, *, last: int = 2) -> Tale:
    """P is at its second change from 4100 ms on; S at the first, and at the last from then on."""
    tale = synced(synced(normal(), 10, 0, server="primary"), 10, 0, server="secondary")
    synced(synced(tale, 4000, 1, server="primary"), 4020, 1, server="secondary")
    return synced(synced(tale, 4100, 2, server="primary"), until_ms, last, server="secondary")


@pytest.mark.parametrize(("until_ms", "outcome"), [(7100, Outcome.PASS), (7101, Outcome.FAIL)])
def test_a_stall_that_ends_too_late_fails_though_all_is_there_in_the_end(until_ms: float, outcome: Outcome) -> None:
    """SYNC-1: 3 s (reading "within") after P had the change."""
    verdict = step(stalled(until_ms).stock(12000, BOTH))
    assert verdict.outcome is outcome
    told = (
        "in normal running since 0 ms: the primary was at change 2 at 4100 ms, and the secondary still at 1 at 7100 ms"
    )
    assert outcome is Outcome.PASS or verdict.evidence == (told,)


def test_a_stall_counts_across_a_fault_that_no_role_depends_on_and_not_across_a_failover() -> None:
    """A certificate is no excuse; while resilience is in force nothing may travel, and then the time begins anew."""
    certificate: dict[str, Any] = {"fault": "c", "effects": [{"does": "certificate", "server": "primary"}]}

    def tale(fault: dict[str, Any]) -> Tale:
        told = synced(synced(normal(), 10, 0, server="primary"), 10, 0, server="secondary")
        synced(told, 4000, 1, server="primary").fault(fault, 5000).healed(fault, 6000)
        return synced(told, 7500, 1, server="secondary").stock(12000, BOTH[:1])

    assert step(tale(certificate)).outcome is Outcome.FAIL
    assert step(tale(KILLED)).outcome is Outcome.PASS


def test_a_stall_that_nobody_watched_to_its_end_is_not_judged() -> None:
    """What the secondary had by then is not known."""
    tale = stalled(5000, last=1)
    synced(tale.watched(0, 6000), 8000, 2, server="secondary")
    assert said(judge(tale.stock(12000, BOTH).records), "in step").outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("head", "digest", "evidence"),
    [(2, "other", "their digests differ"), (3, "", "the secondary at 3 at 7100 ms")],
)
def test_what_stands_in_normal_running_and_differs_fails_whatever_comes_later(
    head: int, digest: str, evidence: str
) -> None:
    """SYNC-7: not only at the end."""
    tale = synced(stalled(4120), 4200, head, server="secondary", digest=digest)
    synced(synced(tale, 8000, 3, server="primary"), 8020, 3, server="secondary")
    assert evidence in step(tale.stock(12000, (*BOTH, ("c", "added")))).evidence[0]


def test_a_history_that_ends_elsewhere_than_in_normal_running_leaves_it_unknown() -> None:
    """The copy may be behind then; what it has must be right all the same."""
    tale = written().fault(KILLED, 5000).role("secondary", "Available", 6000)
    assert step(tale.stock(9000, BOTH, copy=BOTH[:1])).outcome is Outcome.UNKNOWN
