"""Who serves: what passes, what fails, and what nobody can tell."""

from __future__ import annotations

import pytest

from testbed.checkers import CHECKERS, Outcome, Verdict, judge
from testbed.rules import RULES
from tests.unit.checkers.telling import CUT, KILLED, Tale, normal, said


def failover() -> Tale:
    """P's portal is killed, S takes over after the detection time, P comes back and S stops first."""
    tale = normal().fault(KILLED, 1000).role("secondary", "Available", 2000).healed(KILLED, 8000)
    tale.role("primary", "Starting", 8100).role("secondary", "Starting", 8600).role("primary", "Available", 8610)
    return tale


def test_nothing_passes_without_anything_to_judge() -> None:
    """An empty history, and one of a bed that nobody watched: each verdict is unknown, and each says why."""
    for records in ([], Tale().records, normal().records, failover().records):
        judgement = judge(records)
        assert [verdict.outcome for verdict in judgement.verdicts] == [Outcome.UNKNOWN] * len(CHECKERS)
        assert all(verdict.evidence for verdict in judgement.verdicts)
        assert (judgement.failed, judgement.rto_ms, judgement.changes_lost) == (False, None, None)


def test_every_checker_names_rules_that_exist() -> None:
    """And no two have the same name."""
    assert {rule for checker in CHECKERS for rule in checker.rules} <= set(RULES)
    assert len({checker.name for checker in CHECKERS}) == len(CHECKERS)
    assert all(checker.rules for checker in CHECKERS)


def test_failover_and_failback_pass_with_the_time_until_somebody_served() -> None:
    """From the death of the one to the beginning of the other: a second; at failback 10 ms."""
    judgement = judge(failover().watched(0, 14000).records)
    assert said(judgement, "one portal").outcome is Outcome.PASS
    assert said(judgement, "somebody serves").outcome is Outcome.PASS
    assert judgement.rto_ms == 1000


def test_two_portals_over_a_whole_link_fail() -> None:
    """By ROLE-11, even for 50 ms; the evidence says when."""
    tale = normal().role("secondary", "Available", 5000).role("secondary", "Starting", 5050).watched(0, 9000)
    verdict = said(judge(tale.records), "one portal")
    assert verdict.outcome is Outcome.FAIL
    assert verdict.rules == ("ROLE-11",)
    assert verdict.evidence == ("both portals were Available over a whole link: 5000 to 5050 ms",)


def test_two_portals_may_serve_while_the_link_is_cut_and_until_they_hear_each_other() -> None:
    """Stand-alone (ROLE-4); the hand-over is bounded by the detection time."""

    def tale(back_ms: float) -> Tale:
        split = normal().fault(CUT, 1000).role("secondary", "Available", 2000).healed(CUT, 6000)
        return split.role("secondary", "Starting", back_ms).watched(0, 9000)

    assert said(judge(tale(6800).records), "one portal").outcome is Outcome.PASS
    assert said(judge(tale(6950).records), "one portal").outcome is Outcome.FAIL


@pytest.mark.parametrize(("until_ms", "outcome"), [(4000, Outcome.PASS), (4100, Outcome.FAIL)])
def test_nobody_serving_fails_after_the_bound_and_not_before(until_ms: float, outcome: Outcome) -> None:
    """3 s after the fault was proved; and a time before which nobody could know is not judged."""
    tale = normal().fault(KILLED, 1000).role("secondary", "Available", until_ms).watched(0, 9000)
    assert said(judge(tale.records), "somebody serves").outcome is outcome


def test_nobody_has_to_serve_where_nobody_can() -> None:
    """Both cores are down: no time of that counts, neither for the bound nor as recovery."""
    cores = {
        "fault": "cores",
        "effects": [{"does": "kill", "server": each, "service": "core"} for each in ("primary", "secondary")],
    }
    tale = normal().fault(cores, 4000).role("primary", "Starting", 4020).watched(0, 20000)
    judgement = judge(tale.records)
    assert said(judgement, "somebody serves").outcome is Outcome.PASS
    assert judgement.rto_ms == 0


CORE = {"fault": "kill primary/core", "effects": [{"does": "kill", "server": "primary", "service": "core"}]}
PATH = {
    "fault": "path",
    "effects": [
        {"does": "portal path", "source": "primary", "target": "secondary"},
        {"does": "portal path", "source": "secondary", "target": "primary"},
    ],
}


def outage(*steps: dict[str, object], until_ms: float = 4100) -> Verdict:
    """P's portal is killed at 1000 ms, more happens each second, and S takes over then; the bound is 3 s."""
    tale = normal().fault(KILLED, 1000)
    for number, fault in enumerate(steps, start=2):
        tale.fault(fault, 1000 * number)
    return said(judge(tale.role("secondary", "Available", until_ms).watched(0, 4900).records), "somebody serves")


@pytest.mark.parametrize("step", [CORE, {"fault": "c", "effects": [{"does": "certificate", "server": "secondary"}]}])
def test_an_outage_counts_across_the_steps_in_it(step: dict[str, object]) -> None:
    """S could have served all along: what else happens to P, or to a certificate, gives it no more time."""
    verdict = outage(step)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.evidence == ("nobody served, though somebody could since before: 4010 to 4100 ms",)
    assert outage(step, until_ms=4000).outcome is not Outcome.FAIL


@pytest.mark.parametrize(
    "step",
    [
        {"fault": "s", "effects": [{"does": "restart", "server": "secondary", "service": "core"}]},
        {"fault": "d", "effects": [{"does": "full disk", "server": "secondary"}]},
        CUT,
        PATH,
    ],
)
def test_what_happens_to_the_one_who_could_serve_or_to_the_link_gives_time_anew(step: dict[str, object]) -> None:
    """S has to begin again, or to hear anew."""
    assert outage(step).outcome is not Outcome.FAIL


def test_a_primary_that_is_back_has_its_time_and_the_secondary_again_if_that_dies() -> None:
    """A loss of contact that is over is none (ROLE-10); one and the same site has to have been able all the time."""

    def tale(again_ms: float) -> Tale:
        told = normal().fault(KILLED, 1000).healed(KILLED, 3000).role("primary", "Starting", 3005)
        return told.fault(KILLED, again_ms).role("secondary", "Available", 6500).watched(0, 6600)

    assert said(judge(tale(3600).records), "somebody serves").outcome is not Outcome.FAIL
    told = tale(6300)
    assert said(judge(told.records), "somebody serves").evidence[0].endswith(": 6010 to 6300 ms")


def test_a_primary_that_could_serve_has_no_more_time_for_what_happens_to_the_secondary() -> None:
    """ROLE-9: S is restarted again and again, and P is there all the time."""
    restart = {"fault": "r", "effects": [{"does": "restart", "server": "secondary", "service": "portal"}]}
    tale = normal().fault(KILLED, 1000).healed(KILLED, 3000).role("primary", "Starting", 3005)
    tale.fault(restart, 4000).fault(restart, 5000).role("primary", "Available", 6300)
    verdict = said(judge(tale.watched(0, 6600).records), "somebody serves")
    assert verdict.evidence == ("nobody served, though somebody could since before: 6010 to 6300 ms",)


def worsened(server: str, effects: list[dict[str, str]]) -> Verdict:
    """The link loses packets from 1000 ms on, and a portal ceases to serve at 5000 ms."""
    worse = [{"does": "worsen", "source": "primary", "target": "secondary"}, *effects]
    tale = normal().fault({"fault": "f", "effects": worse}, 1000)
    if server == "secondary":
        tale.role("secondary", "Available", 2000)
    return said(judge(tale.role(server, "Starting", 5000).watched(0, 9000).records), "roles")


def test_on_a_bad_link_whoever_has_to_serve_however_bad_it_is_is_judged() -> None:
    """P serves while it can (ROLE-4), S while P cannot (ROLE-14); whether S does beside P nobody can say (ROLE-10)."""
    verdict = worsened("primary", [])
    assert verdict.outcome is Outcome.FAIL
    assert "the primary did not serve, where the oracle says it does: 5000 to 9000 ms" in verdict.evidence[0]
    assert worsened("secondary", []).outcome is Outcome.PASS
    dead = worsened("secondary", [{"does": "kill", "server": "primary", "service": "portal"}])
    assert "the secondary did not serve, where the oracle says it does: 5000 to 9000 ms" in dead.evidence[0]


def test_on_a_bad_link_a_manual_failback_may_be_over_or_not() -> None:
    """P that waits takes a link that is bad enough for one that is cut, and serves on when it is whole again."""
    worse = {"fault": "w", "effects": [{"does": "worsen", "source": "primary", "target": "secondary"}]}

    def told(primary: str, secondary: str) -> Verdict:
        tale = Tale(failback="manual").role("primary", "Available", 0).role("secondary", "Starting", 0)
        tale.fault(KILLED, 1000).role("secondary", "Available", 2000).healed(KILLED, 8000)
        tale.role("primary", "Starting", 8100).fault(worse, 13000)
        tale.role("primary", primary, 14000).role("secondary", secondary, 14001)
        return said(judge(tale.watched(0, 20000).records), "roles")

    for primary, secondary in (("Starting", "Available"), ("Available", "Available"), ("Available", "Starting")):
        assert told(primary, secondary).outcome is Outcome.PASS


def missed(tale: Tale, at_ms: float, from_ms: float, until_ms: float, server: str = "secondary") -> Tale:
    """Somebody looked, and a portal had changed its role more often than it remembers."""
    return tale.tell(at_ms, "missed", what="roles", why="w", server=server, from_ms=from_ms, until_ms=until_ms)


def test_a_miss_that_tells_its_time_spoils_no_other() -> None:
    """What is known of the rest is judged, and passes or fails; the verdict says what was left out."""
    good = missed(normal(), 5000, 4000, 5000).watched(0, 9000)
    verdict = said(judge(good.records), "one portal")
    left_out = "not the time 4000 to 5000 ms, in which changes of the secondary's role were missed"
    assert (verdict.outcome, verdict.evidence[1:]) == (Outcome.PASS, (left_out,))
    for at_ms, outcome in ((4500, Outcome.PASS), (6000, Outcome.FAIL)):
        tale = missed(normal(), 5000, 4000, 5000).role("secondary", "Available", at_ms)
        tale.role("secondary", "Starting", at_ms + 50).watched(0, 9000)
        assert said(judge(tale.records), "one portal").outcome is outcome


def test_a_miss_may_have_been_a_time_of_serving_for_that_portal_alone() -> None:
    """So nobody is accused of it; the other one's roles are known all the same."""
    url = "https://secondary.test:9443/api/v1/session"

    def told(server: str) -> Outcome:
        tale = missed(normal(), 4200, 4000, 4200, server).answer(4100, "POST", url, 201, begun="s")
        return said(judge(tale.watched(0, 9000).records), "sessions").outcome

    assert told("secondary") is Outcome.PASS
    assert told("primary") is Outcome.FAIL


def test_the_time_without_anybody_is_known_unless_a_miss_may_have_made_it_longer() -> None:
    """An outage elsewhere is as long as it is."""

    def tale(from_ms: float) -> Tale:
        return missed(failover(), from_ms + 300, from_ms, from_ms + 300).watched(0, 14000)

    assert judge(tale(5000).records).rto_ms == 1000
    assert judge(tale(1800).records).rto_ms is None


def test_roles_that_were_missed_leave_it_unknown() -> None:
    """What was seen may still fail; without a breach nobody knows."""
    tale = normal().tell(3000, "missed", what="roles", why="too many changes between two looks").watched(0, 9000)
    verdict = said(judge(tale.records), "one portal")
    assert (verdict.outcome, verdict.evidence) == (Outcome.UNKNOWN, ("too many changes between two looks",))
    assert judge(tale.records).rto_ms is None


def test_a_portal_that_begins_to_serve_while_it_is_ended_has_ended() -> None:
    """It takes some time to end one: what it says meanwhile holds no longer than that."""
    again = {**KILLED, "fault": "kill again"}
    tale = failover().tell(12000, "fault", state="planned", **again).role("primary", "Starting", 12001)
    tale.role("primary", "Available", 12005).tell(12010, "fault", state="injected", **again)
    tale.role("secondary", "Available", 13000).watched(0, 20000)
    judgement = judge(tale.records)
    assert {said(judgement, name).outcome for name in ("one portal", "somebody serves", "roles")} == {Outcome.PASS}


def silent(tale: Tale, from_ms: float, until_ms: float, server: str = "primary") -> Outcome:
    """What is said of a history in which a portal was not heard for that time, of three checkers alike."""
    tale.tell(until_ms, "silent", server=server, why="it does not answer", from_ms=from_ms, until_ms=until_ms)
    judgement = judge(tale.watched(0, 20000).records)
    (outcome,) = {said(judgement, name).outcome for name in ("one portal", "somebody serves", "roles")}
    return outcome


def test_a_portal_that_falls_silent_without_a_fault_leaves_it_unknown() -> None:
    """It may have ended, or served on; while a fault explains it, what it told last holds."""
    assert silent(normal(), 5000, 20000) is Outcome.UNKNOWN
    assert silent(failover(), 990, 8500) is Outcome.PASS
    assert silent(failover(), 12000, 20000) is Outcome.UNKNOWN
    assert silent(failover(), 3000, 20000, "secondary") is Outcome.UNKNOWN


def test_a_portal_that_fell_silent_does_not_serve_for_sure_while_the_other_does() -> None:
    """It may have crashed, so that the other one took over: nobody can say that both served."""
    tale = normal().role("secondary", "Available", 7000)
    tale.tell(20_000, "silent", server="primary", why="it does not answer", from_ms=6000, until_ms=20_000)
    assert said(judge(tale.watched(0, 20_000).records), "one portal").outcome is Outcome.UNKNOWN


def test_what_keeps_the_watch_from_a_portal_explains_that_it_is_silent() -> None:
    """Neither a way that is cut, nor new settings, end it."""
    cut = {"fault": "c", "effects": [{"does": "cut", "source": "clients", "target": "primary"}]}
    assert silent(normal().fault(cut, 5000), 4990, 20000) is Outcome.PASS

    def configured(*states: str) -> Tale:
        tale = normal()
        for number, state in enumerate(states):
            tale.tell(10_000 + 1000 * number, "configured", state=state)
        return tale

    assert silent(configured("begins", "ends"), 10_200, 11_500) is Outcome.PASS  # each look between the two
    assert silent(configured("begins"), 10_200, 11_500) is not Outcome.UNKNOWN
    assert silent(configured("begins", "ends"), 11_200, 19_000) is Outcome.UNKNOWN


def test_who_was_not_seen_to_serve_alone_was_not_judged() -> None:
    """Neither was anything else at that time."""
    tale = missed(normal(), 9000, 0, 9000).watched(0, 9000)
    assert said(judge(tale.records), "one portal").outcome is Outcome.UNKNOWN


def waiting(until_ms: float) -> Tale:
    """Manual failback: P is back, and waits while S serves, until P serves."""
    tale = Tale(failback="manual").role("primary", "Available", 0).role("secondary", "Starting", 0)
    tale.fault(KILLED, 1000).role("secondary", "Available", 2000).healed(KILLED, 8000)
    tale.role("primary", "Starting", 8100)
    return tale.role("secondary", "Starting", until_ms).role("primary", "Available", until_ms + 10).watched(0, 20000)


def test_a_primary_that_waits_for_its_administrator_is_as_it_should_be() -> None:
    """ROLE-8: who serves after the fault is over depends on who served before, and that is known."""
    verdict = said(judge(waiting(30000).records), "roles")
    assert verdict.outcome is Outcome.PASS
    verdict = said(judge(waiting(8500).records), "roles")
    assert verdict.outcome is Outcome.FAIL
    assert "the secondary did not serve, where the oracle says it does" in verdict.evidence[1]


@pytest.mark.parametrize(
    ("effects", "checker", "outcome"),
    [
        ([{"does": "cut", "source": "clients", "target": "primary"}], "one portal", Outcome.FAIL),
        ([{"does": "worsen", "source": "primary", "target": "secondary"}], "one portal", Outcome.PASS),
        ([{"does": "cut", "source": "clients", "target": "primary"}], "roles", Outcome.FAIL),
        ([{"does": "worsen", "source": "primary", "target": "secondary"}], "roles", Outcome.PASS),
        ([{"does": "certificate", "server": "primary"}], "roles", Outcome.FAIL),
        ([{"does": "what is to come"}], "roles", Outcome.PASS),
    ],
)
def test_a_fault_excuses_two_portals_if_it_is_between_them(
    effects: list[dict[str, str]], checker: str, outcome: Outcome
) -> None:
    """What clients cannot reach is no excuse; of a fault that nobody can tell the effect of, nothing is judged."""
    tale = normal().fault({"fault": "f", "effects": effects}, 4000).role("secondary", "Available", 5000)
    assert said(judge(tale.watched(0, 9000).records), checker).outcome is outcome


def test_settings_count_from_when_they_are_in_effect() -> None:
    """Without failover S never serves (CFG-6); while it is changed, and in the time it takes, nobody can say."""

    def told(until_ms: float) -> Verdict:
        tale = normal().tell(4000, "configured", state="begins").tell(4500, "configured", state="ends", unmet=["CFG-6"])
        tale.role("primary", "Starting", 5000).role("secondary", "Available", 5100)
        return said(judge(tale.watched(0, until_ms).records), "roles")

    assert told(7000).outcome is Outcome.PASS
    assert told(9000).outcome is Outcome.FAIL
    assert len(told(9000).evidence) == 2


def test_evidence_is_cut_short_and_says_so() -> None:
    """Of what went wrong a thousand times twenty lines are enough."""
    tale = normal()
    for turn in range(30):
        tale.role("secondary", "Available", 4000 + 10 * turn).role("secondary", "Starting", 4005 + 10 * turn)
    evidence = said(judge(tale.watched(0, 9000).records), "one portal").evidence
    assert len(evidence) == 21
    assert evidence[-1] == "and 10 more"


def test_a_figure_that_is_unknown_for_one_part_is_unknown_for_all() -> None:
    """The longest time without anybody may be the one that nobody saw."""
    tale = normal().watched(0, 9000)
    assert judge(tale.records).rto_ms == 0
    tale.tell(10000, "bed", **tale.records[0].fields).role("primary", "Available", 10001)
    assert judge(tale.records).rto_ms is None
