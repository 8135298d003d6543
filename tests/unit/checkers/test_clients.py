"""Sessions, redirects and prompts: what passes, what fails, and what nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testbed.checkers import Outcome, Verdict, judge
from tests.unit.checkers.telling import CUT, KILLED, Tale, iso, normal, said

if TYPE_CHECKING:
    from collections.abc import Callable

P, S = "https://primary.test:9443", "https://secondary.test:9443"
SESSION, PAGE, CORE = "/api/v1/session", "/onexportal.html", "https://primary.test:50804/api/v1/redirect"
STOPPED = {"fault": "stop primary/portal", "effects": [{"does": "stop", "server": "primary", "service": "portal"}]}


def of(checker: str, tale: Tale) -> Verdict:
    """What a checker says of a tale that is watched to its end."""
    return said(judge(tale.watched(0, tale.records[-1].monotonic_ms + 1).records), checker)


def failed_over() -> Tale:
    """S serves from 2000 ms on."""
    return normal().fault(KILLED, 1000).role("secondary", "Available", 2000)


def failed_back(tale: Tale) -> Tale:
    """And P again from 8510 ms on."""
    return tale.healed(KILLED, 8000).role("secondary", "Starting", 8500).role("primary", "Available", 8510)


def logged_in(tale: Tale, at_ms: float, *, at: str = P, session: str = "s") -> Tale:
    """A user logs in."""
    return tale.answer(at_ms, "POST", at + SESSION, 201, begun=session)


def asked(tale: Tale, at_ms: float, *, at: str = P, session: str = "s", status: int = 200) -> Tale:
    """A user shows a session."""
    return tale.answer(at_ms, "GET", at + SESSION, status, session=session)


def test_a_session_that_works_where_it_began_passes() -> None:
    """And what is refused elsewhere is as it should be."""
    tale = asked(asked(logged_in(normal(), 100), 200), 300, at=S, status=401)
    verdict = of("sessions", tale)
    assert (verdict.outcome, verdict.evidence) == (Outcome.PASS, ("1 sessions, 2 answers to them",))


def test_a_session_that_works_on_the_other_server_fails() -> None:
    """REDIR-6."""
    verdict = of("sessions", asked(failed_over_with(logged_in(normal(), 100)), 3000, at=S))
    assert verdict.outcome is Outcome.FAIL
    assert "a session of the primary's works: c: GET /api/v1/session at the secondary" in verdict.evidence[0]


def failed_over_with(tale: Tale) -> Tale:
    """The same, after what was told."""
    return tale.fault(KILLED, 1000).role("secondary", "Available", 2000)


def test_a_session_on_the_secondary_is_worth_nothing_after_failback() -> None:
    """REDIR-6, when S serves again; a new one is."""
    tale = failed_back(logged_in(failed_over(), 3000, at=S)).fault(KILLED, 9000).role("secondary", "Available", 10000)
    assert of("sessions", asked(logged_in(tale, 10100, at=S, session="new"), 10200, at=S, session="new")).outcome is (
        Outcome.PASS
    )
    verdict = of("sessions", asked(tale, 10300, at=S))
    assert "a session from before 8500 ms, when the secondary ceased to serve, works" in verdict.evidence[0]


def test_the_page_that_anybody_is_shown_proves_no_session() -> None:
    """A browser sends its old cookie along with whatever it asks for."""
    tale = failed_back(logged_in(failed_over(), 3000, at=S)).fault(KILLED, 9000).role("secondary", "Available", 10000)
    assert of("sessions", tale.answer(10100, "GET", S + PAGE, 200, session="s")).outcome is Outcome.PASS


def logged_out(tale: Tale, at_ms: float) -> Tale:
    """A user ends a session."""
    return tale.answer(at_ms, "DELETE", P + SESSION, 204, session="s")


def test_a_session_that_works_after_its_user_ended_it_fails() -> None:
    """Reading "logged out"; what was under way then may still be answered, and to end it twice does no harm."""
    verdict = of("sessions", asked(logged_out(logged_in(normal(), 100), 200), 300))
    assert verdict.outcome is Outcome.FAIL
    assert "a session that its user had ended at 205 ms works: c: GET /api/v1/session" in verdict.evidence[0]
    refused = asked(logged_out(logged_out(logged_in(normal(), 100), 200), 250), 300, status=401)
    assert of("sessions", refused).outcome is Outcome.PASS
    under_way = logged_in(normal(), 100).tell(190, "request", client="c", method="GET", url=P + "/api/v1/contacts")
    logged_out(under_way, 200).tell(
        210, "answer", client="c", method="GET", url=P + "/api/v1/contacts", status=200, session="s"
    )
    assert of("sessions", under_way).outcome is Outcome.PASS


@pytest.mark.parametrize(("at_ms", "outcome"), [(1990.0, Outcome.FAIL), (1996.0, Outcome.PASS)])
def test_a_log_in_at_a_portal_that_does_not_serve_fails(at_ms: float, outcome: Outcome) -> None:
    """ROLE-1: S serves from 2000 ms on, and the answer takes 5 ms."""
    verdict = of("sessions", logged_in(failed_over(), at_ms, at=S))
    assert verdict.outcome is outcome
    assert outcome is Outcome.PASS or "logged in by a portal that does not serve" in verdict.evidence[0]


def test_sessions_are_not_judged_where_nobody_logged_in() -> None:
    """Nor is logging out, nor a session of which nobody saw the beginning."""
    tale = asked(normal(), 100, session="old").answer(200, "DELETE", P + SESSION, 204, session="old")
    assert of("sessions", tale).outcome is Outcome.UNKNOWN


def sent(tale: Tale, at_ms: float, *, source: str = S, to: str = P + PAGE, path: str = PAGE) -> Tale:
    """A server redirects."""
    return tale.answer(at_ms, "GET", source + path, 302, location=to)


def test_a_redirect_to_the_portal_that_serves_passes() -> None:
    """REDIR-5."""
    assert of("redirects", sent(normal(), 4000)).evidence == ("1 redirects",)


@pytest.mark.parametrize(("at_ms", "outcome"), [(1300.0, Outcome.PASS), (1450.0, Outcome.FAIL)])
def test_a_redirect_to_a_dead_portal_fails_once_the_news_has_had_time_to_travel(at_ms: float, outcome: Outcome) -> None:
    """REDIR-8: P is dead since 1010 ms at the latest, and is heard of for 400 ms."""
    verdict = of("redirects", sent(normal().fault(KILLED, 1000), at_ms))
    assert verdict.outcome is outcome
    assert outcome is Outcome.PASS or "sent to the primary, which does not serve" in verdict.evidence[0]


@pytest.mark.parametrize(("at_ms", "outcome"), [(1300.0, Outcome.PASS), (1450.0, Outcome.FAIL)])
def test_a_redirect_is_judged_whoever_was_redirected(at_ms: float, outcome: Outcome) -> None:
    """CLIENT-4: by what the server saw, when it saw it, of a client that records nothing."""
    told = {"what": "request", "server": "secondary", "port": 9443, "client": "10.0.0.9", "client_port": 1}
    told |= {"method": "GET", "path": PAGE, "status": 302, "location": P + PAGE, "seen_at": iso(at_ms)}
    verdict = of("redirects", normal().fault(KILLED, 1000).tell(5000, "seen", **told))
    assert verdict.outcome is outcome
    assert outcome is Outcome.PASS or "10.0.0.9: GET /onexportal.html at the secondary" in verdict.evidence[0]


@pytest.mark.parametrize(
    ("tale", "evidence"),
    [
        (sent(normal(), 4000, to=S + PAGE), "sent to the same address again"),
        (sent(normal(), 4000, to="https://elsewhere.test/"), "sent to elsewhere.test, which is no portal of the pair"),
        (sent(failed_over(), 6000, source=P, to=S + PAGE), "the primary's portal sends to the secondary"),
        (sent(normal().fault(CUT, 1000).role("secondary", "Available", 2000), 6000), "in stand-alone mode"),
        (normal().tell(5000, "screen", client="c", shows="redirect loop", detail="a → b → a"), "was sent round"),
    ],
)
def test_a_redirect_in_a_circle_or_to_nowhere_or_from_the_wrong_place_fails(tale: Tale, evidence: str) -> None:
    """REDIR-3, REDIR-7, REDIR-8."""
    verdict = of("redirects", tale)
    assert verdict.outcome is Outcome.FAIL
    assert evidence in verdict.evidence[0]


def test_a_host_name_that_was_set_later_leads_to_its_server() -> None:
    """A Host Domain Name is what redirects name (CFG-12)."""
    tale = sent(normal().tell(100, "configured", state="begins"), 4000, to="https://new.test:9443/")
    assert of("redirects", tale).outcome is Outcome.FAIL
    named = normal().tell(100, "configured", state="ends", hosts={"new.test": "primary"})
    assert of("redirects", sent(named, 4000, to="https://new.test:9443/")).outcome is Outcome.PASS


def test_a_circle_while_roles_change_is_nobodys_fault() -> None:
    """Each of its redirects was true when it was said."""
    tale = failed_over().tell(2100, "screen", client="c", shows="redirect loop", detail="a → b → a")
    assert of("redirects", tale).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("tale", "evidence"),
    [
        (normal().answer(4000, "GET", S + PAGE, 503), "not sent to the primary"),
        (failed_over().answer(6000, "GET", CORE, 200, names=None), "the primary's core names nobody"),
        (failed_over().answer(6000, "GET", CORE, 200, names=P), "the primary's core names nobody"),
    ],
)
def test_a_redirect_that_is_due_and_does_not_come_fails(tale: Tale, evidence: str) -> None:
    """REDIR-5 in normal running, REDIR-1 in failover; before all is settled nobody can say."""
    verdict = of("redirects", tale)
    assert verdict.outcome is Outcome.FAIL
    assert evidence in verdict.evidence[0]
    soon = failed_over().answer(2500, "GET", CORE, 200, names=None)
    assert of("redirects", soon).outcome is Outcome.UNKNOWN


def on_secondary() -> Tale:
    """A user was logged in on S, and P serves again from 8510 ms on."""
    return failed_back(logged_in(failed_over(), 3000, at=S))


@pytest.mark.parametrize("status", [503, 401, 200])
@pytest.mark.parametrize("path", [SESSION, "/api/v1/contacts"])
def test_a_user_of_the_secondary_who_is_not_sent_to_the_primary_after_failback_fails(status: int, path: str) -> None:
    """REDIR-4: as soon as S has had time to hear that P serves, and not only once all has settled."""
    verdict = of("redirects", on_secondary().answer(8920, "GET", S + path, status, session="s"))
    assert verdict.outcome is Outcome.FAIL
    assert "not sent to the primary, which has served since failback" in verdict.evidence[0]
    sent_back = on_secondary().answer(8920, "GET", S + path, 307, session="s", location=P + path)
    assert of("redirects", sent_back).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "tale",
    [
        on_secondary().answer(8900, "GET", S + SESSION, 503, session="s"),  # the news may be on its way
        on_secondary().answer(8920, "DELETE", S + SESSION, 204, session="s"),
        # It has just begun anew, and hears of P only now.
        on_secondary().role("secondary", "Starting", 14600).answer(14610, "GET", S + SESSION, 503, session="s"),
        on_secondary().answer(8920, "GET", S + SESSION, 401, session="of somebody else"),
        on_secondary().answer(8920, "GET", S + SESSION, None, session="s", failure="refused"),
        logged_in(failed_over(), 3000, at=S).answer(8920, "GET", S + SESSION, 200, session="s"),
        logged_in(normal(), 3000).answer(8920, "GET", P + SESSION, 401, session="s"),
    ],
)
def test_nobody_else_has_to_be_sent_to_the_primary(tale: Tale) -> None:
    """Nor before S can know, nor while S serves."""
    assert of("redirects", tale).outcome is not Outcome.FAIL


def test_the_core_that_names_the_portal_that_serves_passes() -> None:
    """REDIR-1; a portal of its own that it names is no redirect."""
    tale = failed_over().answer(6000, "GET", CORE, 200, names=S)
    assert of("redirects", tale).outcome is Outcome.PASS


BAD, GOOD = {"server": "primary", "fingerprint": "f", "standing": "self-signed"}, "trusted"


def examined(tale: Tale, at_ms: float, **changed: Any) -> Tale:
    """A client examines a certificate that it does not trust, unless said otherwise."""
    return tale.tell(at_ms, "examined", client="c", **{**BAD, **changed})


def prompted(tale: Tale, at_ms: float, habit: str = "accept", **changed: Any) -> Tale:
    """It asks its user."""
    return tale.tell(at_ms, "prompt", client="c", habit=habit, **{**BAD, **changed})


def accepted(tale: Tale, at_ms: float, *, fingerprint: str = "f") -> Tale:
    """Who made an exception."""
    return tale.tell(at_ms, "exception", client="c", server="primary", fingerprint=fingerprint)


def test_one_prompt_for_what_is_not_trusted_passes() -> None:
    """CERT-1, CERT-2: accepted once, it is asked no more."""
    tale = accepted(prompted(examined(normal(), 100), 101), 102).answer(110, "GET", P + PAGE, 200)
    assert of("prompts", examined(tale, 200, standing="exception")).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("tale", "evidence"),
    [
        (prompted(examined(normal(), 100, standing=GOOD), 101), "which it trusts"),
        (prompted(accepted(prompted(examined(normal(), 100), 101), 102), 200), "which it trusts"),
        (prompted(prompted(examined(normal(), 100), 101, "decline"), 200, "decline"), "which its user had declined"),
        (examined(normal(), 100).answer(110, "GET", P + PAGE, 200), "it had no reason to take"),
        (
            prompted(examined(normal(), 100), 101, "decline").answer(110, "GET", P + PAGE, 200),
            "it had no reason to take",
        ),
    ],
)
def test_a_prompt_that_is_not_due_or_comes_again_or_is_missing_fails(tale: Tale, evidence: str) -> None:
    """CERT-1, CERT-2, CERT-4."""
    verdict = of("prompts", tale)
    assert verdict.outcome is Outcome.FAIL
    assert evidence in verdict.evidence[0]


def test_another_certificate_is_another_prompt() -> None:
    """CERT-5: replaced since it was declined."""
    tale = prompted(examined(normal(), 100), 101, "decline")
    tale = prompted(examined(tale, 200, fingerprint="g"), 201, "decline", fingerprint="g")
    assert of("prompts", tale).outcome is Outcome.PASS


def over(tale: Tale, at_ms: float, fingerprint: str, standing: str) -> Tale:
    """An answer over a connection with that certificate."""
    return tale.answer(at_ms, "GET", P + PAGE, 200, fingerprint=fingerprint, standing=standing)


def trusting() -> Tale:
    """A client trusts P's certificate, and is answered."""
    return over(examined(normal(), 100, standing=GOOD), 110, "f", "trusted")


def excepting() -> Tale:
    """A user accepted P's certificate, and is answered."""
    return over(accepted(prompted(examined(normal(), 100), 101), 102), 110, "f", "exception")


@pytest.mark.parametrize("before", [trusting, excepting])
@pytest.mark.parametrize("standing", ["replaced since accepted", "unknown CA", "exception"])
def test_going_on_over_a_certificate_that_was_replaced_without_a_prompt_fails(
    before: Callable[[], Tale], standing: str
) -> None:
    """CERT-1: whoever trusted or accepted the former has no reason to take this one, whatever it takes it for."""
    assert of("prompts", before()).outcome is Outcome.PASS
    verdict = of("prompts", over(before(), 200, "g", standing))
    assert verdict.outcome is Outcome.FAIL
    assert "c at 205 ms: sent something to the primary, whose certificate it had no reason to take" in verdict.evidence


def test_a_certificate_that_was_replaced_is_taken_by_who_trusts_it_or_accepted_it() -> None:
    """CERT-2; and the one before, when it is back, is as good as ever."""
    tale = over(examined(normal(), 100, standing=GOOD), 110, "f", "trusted")
    tale = accepted(prompted(examined(tale, 200, fingerprint="g"), 201, fingerprint="g"), 202, fingerprint="g")
    over(over(over(tale, 210, "g", "exception"), 300, "f", "trusted"), 400, "h", "trusted")
    assert of("prompts", tale).outcome is Outcome.PASS


def test_an_exception_that_nobody_was_asked_about_fails() -> None:
    """CERT-1: the prompt is missing."""
    verdict = of("prompts", accepted(examined(normal(), 100), 102))
    assert "an exception for the certificate of the primary that nobody was asked about" in verdict.evidence[0]


def test_an_answer_without_tls_to_a_server_that_refused_is_no_word_of_the_clients() -> None:
    """A failure to connect sends nothing."""
    tale = examined(normal(), 100).answer(110, "GET", P + PAGE, None, failure="untrusted")
    assert of("prompts", tale).outcome is Outcome.PASS


def test_clients_that_met_no_certificate_are_not_judged() -> None:
    """Nothing examined, nothing asked; nor is a real browser, which does not tell which certificate it asks about."""
    assert of("prompts", normal().answer(110, "GET", P + PAGE, 200)).outcome is Outcome.UNKNOWN
    browser = normal().tell(100, "prompt", client="b", server="primary", habit="accept")
    assert of("prompts", browser).outcome is Outcome.UNKNOWN


def test_what_happened_before_a_reset_is_another_story() -> None:
    """The bed begins anew: what was wrong in one part is named with it, and both parts count."""
    tale = prompted(examined(normal(), 100, standing=GOOD), 101)
    tale.tell(500, "bed", **tale.records[0].fields)
    verdict = said(judge(tale.records), "prompts")
    assert verdict.outcome is Outcome.FAIL
    assert verdict.evidence[0].startswith("b from 0 ms: c at 101 ms")
