"""Each verdict follows from what the servers saw, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from stubs.ports import CORE_SERVICES
from testbed.conformance.acts import users, what_came
from testbed.conformance.judgement import allowed, is_settled, judge
from testbed.conformance.scenarios import Check, Kind
from testbed.report.verdicts import Verdict
from tests.unit.conformance.seen import (
    CRASHED,
    P,
    S,
    act,
    asked,
    change,
    log_in,
    refusal,
    shaken,
    taken,
)

if TYPE_CHECKING:
    from testbed.conformance.acts import Act

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
CAME = (shaken(S, 11_200), asked(S, 11_300, status=401))
BACK = {"source": S, "target": P, "before": (log_in(P, 1000), log_in(S, 2000), asked(S, 9000))}
HERE = {"source": P, "target": P}
SENT: dict[str, Any] = {"status": 307, "location": "https://primary.test:9443/api/v1/session"}
TOOK = (shaken(S, 11_100), log_in(S, 11_100))
LOST, AGAIN, IN_DOUBT = taken(is_there=False), taken(is_there=True), taken(is_there=None)

CASES = [
    # It went where it was sent (REDIR-1, REDIR-4).
    (Check.REDIRECT, act(*CAME), PASS, "it came to the secondary within 200 ms"),
    (Check.REDIRECT, act(shaken(S, 10_500)), PASS, "within 0 ms"),
    (Check.REDIRECT, act(refusal(S, 11_100)), PASS, "and stopped at the certificate"),
    (Check.REDIRECT, act(replace(asked(S, 12_000), port=CORE_SERVICES)), FAIL, "it never came"),
    (Check.REDIRECT, act(asked(P, 12_000)), FAIL, "it never came to the secondary in 4.0 s"),
    (Check.REDIRECT, act(asked(S, 11_000, **SENT), **BACK), FAIL, "sent there 1 times by the secondary"),
    (Check.REDIRECT, act(asked(P, 11_500), **BACK), PASS, "it came to the primary within 500 ms"),
    (Check.REDIRECT, act(*CAME, before=()), UNKNOWN, "it was not logged in at the primary before"),
    (Check.REDIRECT, act(before=(asked(P, 1, status=401),)), UNKNOWN, "it was not logged in"),
    (Check.REDIRECT, act(before=(log_in(P, 1), log_in(S, 2))), UNKNOWN, "it was not at the primary any more"),
    (Check.REDIRECT, act(*CAME, serving_at=None), UNKNOWN, "the secondary was not seen to serve"),
    (Check.REDIRECT, act(ended=CRASHED), UNKNOWN, "ended with exit code 3"),
    (Check.REDIRECT, act(*CAME, ended=CRASHED), PASS, "ended with exit code 3"),
    # It logged in there by itself (CLIENT-2).
    (Check.RECONNECT, act(*CAME, log_in(S, 11_400)), PASS, "by itself within 400 ms"),
    (Check.RECONNECT, act(*CAME), FAIL, "1 times 401"),
    (Check.RECONNECT, act(), FAIL, "nothing asked there"),
    (Check.RECONNECT, act(asked(S, 11_400, "POST", status=401)), FAIL, "1 times 401"),
    (Check.RECONNECT, act(log_in(P, 11_400)), FAIL, "nothing asked there"),
    (Check.RECONNECT, act(refusal(S, 11_100)), UNKNOWN, "it stopped at the certificate of the secondary"),
    (Check.RECONNECT, act(log_in(S, 11_400), before=()), UNKNOWN, "it was not logged in at the primary"),
    (Check.RECONNECT, act(serving_at=None), UNKNOWN, "not seen to serve"),
    (Check.RECONNECT, act(ended=CRASHED), UNKNOWN, "ended with exit code 3"),
    # It stayed where it was (REDIR-7).
    (Check.STAY, act(asked(P, 11_500), **HERE), PASS, "the primary served it 1 more times"),
    (Check.STAY, act(asked(P, 11_500), log_in(S, 12_000), **HERE), FAIL, "it went to the secondary"),
    (Check.STAY, act(asked(P, 11_500), refusal(S, 12_000), **HERE), PASS, "no other portal was asked"),
    (Check.STAY, act(asked(P, 11_500, status=401), **HERE), UNKNOWN, "asked the primary for nothing"),
    (Check.STAY, act(**HERE), UNKNOWN, "asked the primary for nothing in 4.0 s"),
    (Check.STAY, act(asked(P, 11_500), before=(), **HERE), UNKNOWN, "it was not logged in"),
    (Check.STAY, act(asked(P, 11_500), ended=CRASHED, **HERE), UNKNOWN, "ended with exit code 3"),
    (Check.STAY, act(log_in(S, 11_500), ended=CRASHED, **HERE), FAIL, "it went to the secondary"),
    # It stopped at the certificate (CERT-1, CERT-4).
    (Check.CERTIFICATE, act(refusal(S, 11_100), refusal(S, 11_300)), PASS, "2 times alert unknown_ca"),
    (Check.CERTIFICATE, act(shaken(S, 11_100, "unused")), PASS, "left without a word"),
    (Check.CERTIFICATE, act(*CAME), FAIL, "it took the certificate of an unknown authority, and sent"),
    (
        Check.CERTIFICATE,
        act(refusal(S, 11_100), shaken(S, 11_300), log_in(S, 11_300)),
        FAIL,
        "after refusing it (1 times alert unknown_ca)",
    ),
    (
        Check.CERTIFICATE,
        act(shaken(S, 11_100, "dropped")),
        UNKNOWN,
        "otherwise than over the certificate of an unknown authority: dropped",
    ),
    (Check.CERTIFICATE, act(shaken(S, 11_100, "alert", "protocol_version")), UNKNOWN, "protocol_version"),
    (Check.CERTIFICATE, act(asked(P, 11_000)), UNKNOWN, "it never came to the secondary"),
    (Check.CERTIFICATE, act(refusal(S, 11_100), ended=CRASHED), UNKNOWN, "ended with exit code 3"),
    (Check.CERTIFICATE, act(*TOOK, ended=CRASHED), FAIL, "it took the certificate"),
    (Check.CERTIFICATE, act(*TOOK, certificate="for another host"), FAIL, "it took the certificate for another host"),
    (Check.CERTIFICATE, act(refusal(S, 11_100), certificate="that has expired"), PASS, "the certificate that has"),
    # Over a connection of before it meets no certificate.
    (Check.CERTIFICATE, act(log_in(S, 11_100)), UNKNOWN, "did not meet the certificate of an unknown authority"),
    # It left alone what did not take it.
    (Check.HAMMERING, act(), PASS, "5 connection attempts at the dead primary in 5.0 s (70 allowed)"),
    (Check.HAMMERING, act(tried=0), PASS, "0 connection attempts"),
    (Check.HAMMERING, act(tried=70), PASS, "70 connection attempts"),
    (Check.HAMMERING, act(tried=71), FAIL, "71 connection attempts"),
    (Check.HAMMERING, act(*[refusal(S, 11_000 + n) for n in range(71)]), FAIL, "71 at the secondary that ended"),
    (Check.HAMMERING, act(*[refusal(S, 11_000 + n) for n in range(70)]), PASS, "70 at the secondary that ended"),
    (Check.HAMMERING, act(*[asked(S, 11_000 + n, status=503) for n in range(71)]), FAIL, "71 requests that"),
    (Check.HAMMERING, act(*[asked(S, 11_000 + n, **SENT) for n in range(71)]), FAIL, "turned away"),
    (Check.HAMMERING, act(*[asked(S, 11_000 + n) for n in range(200)]), PASS, "5 connection attempts"),
    (Check.HAMMERING, act(tried=None), UNKNOWN, "nobody counted"),
    (Check.HAMMERING, act(before=()), UNKNOWN, "it was never seen"),
    (Check.HAMMERING, act(ended=CRASHED), UNKNOWN, "ended with exit code 3"),
    (Check.HAMMERING, act(tried=71, ended=CRASHED), FAIL, "ended with exit code 3"),
    # It lost no change that was acknowledged (SYNC-4).
    (Check.CHANGES, act(change(S, 9500), **BACK), PASS, "1 changes were acknowledged, and none was taken back"),
    (Check.CHANGES, act(change(S, 9500), **BACK, taken=(LOST,)), FAIL, "not made again: settings added (alice)"),
    (Check.CHANGES, act(change(S, 9500), **BACK, taken=(AGAIN, LOST, IN_DOUBT)), FAIL, "settings added (alice)"),
    (Check.CHANGES, act(change(S, 9500), change(P, 11_500), **BACK, taken=(LOST,)), FAIL, "not made again"),
    (Check.CHANGES, act(change(S, 9500), **BACK, taken=(AGAIN, AGAIN)), PASS, "it made them again"),
    (Check.CHANGES, act(change(S, 9500), **BACK, taken=(AGAIN, IN_DOUBT)), UNKNOWN, "nobody knows what was in it"),
    (Check.CHANGES, act(asked(P, 11_500, "POST", "settings", 409), **BACK, taken=()), UNKNOWN, "no change of its"),
    (Check.CHANGES, act(**BACK), UNKNOWN, "no change of its was acknowledged"),
    (Check.CHANGES, act(change(P, 11_500), **BACK, taken=None), UNKNOWN, "did not say which"),
    (Check.CHANGES, act(change(S, 9500), **BACK, taken=(LOST,), ended=CRASHED), UNKNOWN, "exit code 3"),
    (Check.CHANGES, act(change(S, 9500), **BACK, ended=CRASHED), PASS, "none was taken back"),
]


@pytest.mark.parametrize(("check", "seen", "verdict", "says"), CASES)
def test_judge_says_what_follows_from_what_was_seen(check: Check, seen: Act, verdict: Verdict, says: str) -> None:
    """The verdict, and evidence that a person can follow."""
    found, evidence = judge(check, Kind.PLUGIN, seen)
    assert found is verdict, evidence
    assert says in evidence


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (act(asked(P, 12_000)), PASS),
        (act(*CAME), FAIL),
        (act(refusal(S, 12_000)), FAIL),
        (act(watched_s=2.9), UNKNOWN),
        (act(before=()), UNKNOWN),
        (act(ended=CRASHED), UNKNOWN),
        (act(*CAME, ended=CRASHED), FAIL),
    ],
)
def test_an_assistant_is_right_to_stay(seen: Act, verdict: Verdict) -> None:
    """CLIENT-3: what is a fault of a plug-in's is its way, and the other way round."""
    assert judge(Check.REDIRECT, Kind.ASSISTANT, seen)[0] is verdict


def test_who_was_logged_in_is_known_by_what_the_servers_saw() -> None:
    """Once each; a request of nobody names nobody."""
    seen = (asked(P, 1, user="bob"), asked(P, 2), asked(S, 3, user="alice"), asked(S, 4, user="bob"), shaken(S, 5))
    assert users(seen) == ["alice", "bob"]


def test_what_came_instead_of_a_log_in_is_told() -> None:
    """Refusals of the certificate and answers, counted, at that portal alone."""
    seen = (refusal(P, 1), refusal(P, 2), shaken(P, 3, "dropped"), shaken(P, 4), asked(P, 4, "POST", status=401))
    assert what_came((*seen, asked(S, 5)), P) == "2 times unknown_ca, 1 times dropped, 1 times POST /api/v1/session 401"
    assert what_came(seen, S) == "nothing"


def test_every_verdict_of_every_check_has_a_case() -> None:
    """A verdict that no case shows may never be given."""
    shown = {(check, verdict) for check, _act, verdict, _says in CASES}
    assert shown == {(check, verdict) for check in Check for verdict in (PASS, FAIL, UNKNOWN)}


def test_allowed_is_twenty_at_once_and_ten_a_second() -> None:
    """Reading "hammering"."""
    assert [allowed(seconds) for seconds in (0, 1, 10)] == [20, 30, 120]


@pytest.mark.parametrize(
    ("check", "kind", "seen", "settled"),
    [
        (Check.REDIRECT, Kind.PLUGIN, act(*CAME), True),
        (Check.REDIRECT, Kind.PLUGIN, act(watched_s=9), False),
        (Check.REDIRECT, Kind.ASSISTANT, act(watched_s=2), False),
        (Check.REDIRECT, Kind.ASSISTANT, act(watched_s=3), True),
        (Check.REDIRECT, Kind.ASSISTANT, act(*CAME, watched_s=1), True),
        (Check.RECONNECT, Kind.PLUGIN, act(*CAME), False),
        (Check.STAY, Kind.PLUGIN, act(asked(P, 11_500), **HERE), False),
        (Check.STAY, Kind.PLUGIN, act(asked(P, 11_500), asked(P, 11_600), **HERE), True),
        (Check.STAY, Kind.PLUGIN, act(log_in(S, 11_500), **HERE), True),
        (Check.CERTIFICATE, Kind.PLUGIN, act(refusal(S, 11_100), watched_s=1), False),
        (Check.CERTIFICATE, Kind.PLUGIN, act(refusal(S, 11_100), watched_s=3), True),
        (Check.CERTIFICATE, Kind.PLUGIN, act(refusal(S, 11_100), watched_s=1, watch_s=1), True),
        (Check.CERTIFICATE, Kind.PLUGIN, act(*TOOK, watched_s=0), True),
        (Check.CERTIFICATE, Kind.PLUGIN, act(watched_s=9), False),
        (Check.HAMMERING, Kind.PLUGIN, act(), True),
        (Check.CHANGES, Kind.PLUGIN, act(change(P, 11_500), **BACK), True),
        (Check.CHANGES, Kind.PLUGIN, act(change(S, 9000), **BACK, taken=(LOST,), watched_s=9), False),
        (Check.CHANGES, Kind.PLUGIN, act(log_in(P, 11_500), change(S, 9000), **BACK, taken=(LOST,)), True),
        (
            Check.CHANGES,
            Kind.PLUGIN,
            act(log_in(P, 11_500), change(S, 9000), **BACK, taken=(LOST,), watched_s=1),
            False,
        ),
    ],
)
def test_a_check_is_settled_once_more_time_changes_nothing(
    check: Check, kind: Kind, seen: Act, *, settled: bool
) -> None:
    """What must be done ends the wait when it is done; what must not be done has its time (reading "long enough")."""
    assert is_settled(check, kind, seen) is settled
