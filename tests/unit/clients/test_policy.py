"""Every transition of the three policies, without a network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from testbed.clients.exchange import Answer, Exchange, Failure, FailureKind, Standing, Verdict
from testbed.clients.policy import MAX_HOPS, step
from testbed.clients.screen import Shows
from testbed.clients.steps import (
    Accept,
    Action,
    Answered,
    AskCore,
    AskSession,
    Decided,
    Event,
    Examine,
    Examined,
    Habit,
    KeepException,
    Kept,
    Kind,
    Load,
    LogIn,
    Open,
    Poll,
    Prompt,
    Rest,
    State,
    Submit,
)
from testbed.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Sequence

P, S = "https://primary.test:9443/onexportal.html", "https://secondary.test:9443/onexportal.html"
S_HOST = "secondary.test"
S_SESSION = "https://secondary.test:9443/api/v1/session"
WEB, OUTLOOK, ASSISTANT = Kind.WEB, Kind.OUTLOOK, Kind.CALL_ASSISTANT

GOOD = Verdict(standing=Standing.TRUSTED, fingerprint="aa")
KEPT = Verdict(standing=Standing.EXCEPTION, fingerprint="aa")
BAD = Verdict(standing=Standing.UNKNOWN_CA, fingerprint="bb", openssl_code=20)

FINE = Answer(status=200, json={"user": "alice", "server": "primary"})
PAGE = Answer(status=200)
NOT_LOGGED_IN = Answer(status=401, json={"error": "not_logged_in"})
NOT_SERVING = Answer(status=503, json={"error": "not_serving"})
CREATED = Answer(status=201, json={"user": "alice"})
TO_S = Answer(status=307, headers={"location": S_SESSION})
PAGE_TO_S = Answer(status=302, headers={"location": S})
REFUSED, TIMED_OUT, RESET, UNREACHABLE, BAD_ANSWER = (
    Failure(kind=kind, sent=False)
    for kind in (
        FailureKind.REFUSED,
        FailureKind.TIMED_OUT,
        FailureKind.RESET,
        FailureKind.UNREACHABLE,
        FailureKind.BAD_ANSWER,
    )
)
UNTRUSTED = Failure(kind=FailureKind.UNTRUSTED, sent=False, verdict=BAD)
LOST: Sequence[Exchange] = (
    NOT_SERVING,
    REFUSED,
    TIMED_OUT,
    RESET,
    UNREACHABLE,
    BAD_ANSWER,
    PAGE,
    Answer(status=500),
)


def says(portal: object) -> Answer:
    """An answer of the redirect service."""
    return Answer(status=200, json={"portal": portal})


def at_p(kind: Kind, shows: Shows = Shows.HOME, doing: Action | None = None) -> State:
    """A client that lives on the primary's page."""
    return State(kind=kind, shows=shows, page=P, place=P, doing=doing or Rest())


def after(state: State, *events: Event) -> State:
    """The state after these events."""
    for event in events:
        state = step(state, event)
    return state


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("shows", [Shows.HOME, Shows.LOST_CONTACT, Shows.DISCONNECTED])
def test_every_client_asks_its_own_server_at_a_poll(kind: Kind, shows: Shows) -> None:
    """REDIR-1, REDIR-2: logged in or out of contact, a poll asks the client's own server for the session."""
    assert step(at_p(kind, shows), Poll()).doing == AskSession(P)


@pytest.mark.parametrize(
    ("kind", "shows", "doing"),
    [
        (WEB, Shows.LOGIN, AskSession(P)),
        (OUTLOOK, Shows.LOGIN, Rest()),
        (ASSISTANT, Shows.LOGIN, Rest()),
        (WEB, Shows.NOT_SERVING, Examine(P)),
        (WEB, Shows.UNREACHABLE, Examine(P)),
        (WEB, Shows.REDIRECT_LOOP, Rest()),
        (OUTLOOK, Shows.REDIRECT_LOOP, AskSession(P)),
        (WEB, Shows.CERTIFICATE_PROMPT, Rest()),
        (OUTLOOK, Shows.CERTIFICATE_PROMPT, Rest()),
    ],
)
def test_a_poll_does_what_the_screen_allows(kind: Kind, shows: Shows, doing: Action) -> None:
    """A page's script runs on the log-in form, an error page reloads, and a prompt interrupts everything."""
    assert step(at_p(kind, shows), Poll()).doing == doing


@pytest.mark.parametrize("kind", Kind)
def test_a_client_with_nothing_open_does_not_poll(kind: Kind) -> None:
    """Before any address was typed there is nobody to ask."""
    assert step(State(kind=kind), Poll()) == State(kind=kind)


@pytest.mark.parametrize("kind", Kind)
def test_a_session_that_holds_leaves_every_client_at_home(kind: Kind) -> None:
    """200 with a user is home, also after lost contact."""
    state = step(at_p(kind, Shows.LOST_CONTACT, AskSession(P)), Answered(FINE))
    assert (state.shows, state.page, state.doing) == (Shows.HOME, P, Rest())


@pytest.mark.parametrize(
    ("kind", "shows", "doing"),
    [(WEB, Shows.LOGIN, Rest()), (OUTLOOK, Shows.HOME, LogIn(P)), (ASSISTANT, Shows.LOGIN, Rest())],
)
def test_an_ended_session_asks_people_and_makes_the_plug_in_log_in(kind: Kind, shows: Shows, doing: Action) -> None:
    """401: people see the log-in form of the same server, the plug-in uses what it stored (CLIENT-1, 2)."""
    state = step(at_p(kind, doing=AskSession(P)), Answered(NOT_LOGGED_IN))
    assert (state.shows, state.doing, state.page) == (shows, doing, P)


@pytest.mark.parametrize("kind", [WEB, OUTLOOK])
def test_a_redirect_of_the_session_leads_to_the_page_of_the_server_named(kind: Kind) -> None:
    """REDIR-4: 307 names an address of the API; the client goes to that server's page, certificate first."""
    assert step(at_p(kind, doing=AskSession(P)), Answered(TO_S)).doing == Examine(S)


@pytest.mark.parametrize(
    "location", [None, "", "http://secondary.test/onexportal.html", "https://[broken", "https://h:port/"]
)
@pytest.mark.parametrize("kind", [WEB, OUTLOOK])
def test_a_redirect_to_no_https_address_is_not_followed(kind: Kind, location: str | None) -> None:
    """A missing, plain HTTP or broken Location leaves the client where it is."""
    answer = Answer(status=307, headers={} if location is None else {"location": location})
    state = step(at_p(kind, doing=AskSession(P)), Answered(answer))
    assert (state.shows, state.page, state.doing) == (Shows.LOST_CONTACT, P, Rest())


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("kind", [WEB, OUTLOOK])
def test_no_proper_answer_makes_a_client_ask_the_core_of_the_same_server(kind: Kind, lost: Exchange) -> None:
    """REDIR-1: whatever silenced the portal, its own server's core is asked who serves."""
    assert step(at_p(kind, doing=AskSession(P)), Answered(lost)).doing == AskCore(P)


def test_a_script_that_meets_an_untrusted_certificate_sees_a_failed_request() -> None:
    """A browser prompts for pages, not for a script's requests."""
    assert step(at_p(WEB, doing=AskSession(P)), Answered(UNTRUSTED)).doing == AskCore(P)


def test_a_plug_in_that_meets_an_untrusted_certificate_prompts_for_it() -> None:
    """CERT-3: a program has nobody else to show the certificate."""
    state = after(at_p(OUTLOOK, doing=AskSession(P)), Answered(UNTRUSTED), Examined(BAD))
    assert state.doing == Prompt(P, BAD)


@pytest.mark.parametrize("kind", [WEB, OUTLOOK])
def test_the_core_sends_a_client_to_the_other_server(kind: Kind) -> None:
    """REDIR-1: another host named by the core is where the client goes, certificate first."""
    assert step(at_p(kind, doing=AskCore(P)), Answered(says(S))).doing == Examine(S)


@pytest.mark.parametrize(
    "answer",
    [
        says(None),
        says(P),
        says("https://primary.test:7070/other"),
        says("http://secondary.test/"),
        says(7),
        Answer(status=200),
        Answer(status=307, headers={"location": S}),
        NOT_SERVING,
        REFUSED,
        TIMED_OUT,
        UNTRUSTED,
    ],
)
@pytest.mark.parametrize("kind", [WEB, OUTLOOK])
def test_a_core_without_news_leaves_a_client_waiting_where_it_is(kind: Kind, answer: Exchange) -> None:
    """REDIR-2: null, the own host, nonsense or no answer is lost contact, and the next poll asks again."""
    state = step(at_p(kind, doing=AskCore(P)), Answered(answer))
    assert (state.shows, state.page, state.doing) == (Shows.LOST_CONTACT, P, Rest())
    assert step(state, Poll()).doing == AskSession(P)


@pytest.mark.parametrize("answer", [*LOST, TO_S, UNTRUSTED])
def test_call_assistant_follows_nothing(answer: Exchange) -> None:
    """CLIENT-3: a redirect or a failure is "disconnected", and the own server is asked again."""
    state = step(at_p(ASSISTANT, doing=AskSession(P)), Answered(answer))
    assert (state.shows, state.page, state.doing) == (Shows.DISCONNECTED, P, Rest())
    assert step(state, Poll()).doing == AskSession(P)


@pytest.mark.parametrize("answer", [TO_S, NOT_SERVING, REFUSED, TIMED_OUT, UNTRUSTED, Answer(status=500)])
def test_call_assistant_follows_nothing_when_it_logs_in(answer: Exchange) -> None:
    """CLIENT-3: a redirect at the log-in is no better than a refusal."""
    state = after(State(kind=ASSISTANT), Open(S), Examined(GOOD), Answered(answer))
    assert (state.shows, state.place, state.doing) == (Shows.DISCONNECTED, S, Rest())


@pytest.mark.parametrize("verdict", [GOOD, KEPT])
@pytest.mark.parametrize(("kind", "doing"), [(WEB, Load(S)), (OUTLOOK, LogIn(S)), (ASSISTANT, LogIn(S))])
def test_an_accepted_certificate_lets_a_client_on(kind: Kind, doing: Action, verdict: Verdict) -> None:
    """CERT-2: a trusted certificate or an exception made before interrupts nobody."""
    assert after(State(kind=kind), Open(S), Examined(verdict)).doing == doing


@pytest.mark.parametrize("standing", [s for s in Standing if s not in {GOOD.standing, KEPT.standing}])
@pytest.mark.parametrize("kind", Kind)
def test_an_untrusted_certificate_is_put_to_the_user(kind: Kind, standing: Standing) -> None:
    """CERT-1, CERT-3: whatever is wrong with it, nothing is asked of the server before the user decided."""
    verdict = Verdict(standing=standing, fingerprint="bb")
    assert after(State(kind=kind), Open(S), Examined(verdict)).doing == Prompt(S, verdict)


@pytest.mark.parametrize(("kind", "doing"), [(WEB, Load(S)), (OUTLOOK, LogIn(S)), (ASSISTANT, LogIn(S))])
def test_an_accepting_user_goes_on_with_an_exception(kind: Kind, doing: Action) -> None:
    """CERT-1: accepting keeps the exception first, and then goes where the client was going."""
    prompted = after(at_p(kind), Open(S), Examined(BAD))
    keeping = step(prompted, Decided(Habit.ACCEPT))
    assert keeping.doing == KeepException(S, BAD)
    assert step(keeping, Kept()).doing == doing


@pytest.mark.parametrize(("kind", "doing"), [(WEB, Load(S)), (OUTLOOK, LogIn(S))])
def test_a_waiting_prompt_interrupts_until_the_user_accepts(kind: Kind, doing: Action) -> None:
    """CERT-1: polls do nothing behind a prompt; accepting it later goes on."""
    waiting = after(at_p(kind, doing=AskCore(P)), Answered(says(S)), Examined(BAD), Decided(Habit.WAIT), Poll(), Poll())
    assert (waiting.shows, waiting.place, waiting.doing) == (Shows.CERTIFICATE_PROMPT, S, Rest())
    accepted = step(waiting, Accept())
    assert accepted.doing == KeepException(S, BAD)
    assert step(accepted, Kept()).doing == doing
    assert step(accepted, Kept()).prompt is None


@pytest.mark.parametrize("kind", [WEB, OUTLOOK])
def test_a_declined_certificate_never_prompts_again(kind: Kind) -> None:
    """CERT-4: the client is disconnected, its retries meet the same certificate without a prompt."""
    sent_to_s = (Answered(REFUSED), Answered(says(S)), Examined(BAD))
    declined = after(at_p(kind), Poll(), *sent_to_s, Decided(Habit.DECLINE))
    assert (declined.shows, declined.place, declined.doing) == (Shows.DISCONNECTED, P, Rest())
    for _ in range(3):
        declined = after(declined, Poll(), *sent_to_s)
        assert (declined.shows, declined.doing) == (Shows.DISCONNECTED, Rest())
    declined = after(declined, Poll(), Answered(REFUSED), Answered(says(None)))
    assert declined.shows is Shows.DISCONNECTED
    assert step(after(declined, Poll()), Answered(FINE)).shows is Shows.HOME


def test_declining_concerns_one_certificate_only() -> None:
    """CERT-4: another certificate of the same host, or the same one elsewhere, prompts anew."""
    declined = after(at_p(WEB), Open(S), Examined(BAD), Decided(Habit.DECLINE))
    other = replace(BAD, fingerprint="cc")
    assert after(declined, Open(S), Examined(other)).doing == Prompt(S, other)
    assert after(declined, Open(P), Examined(BAD)).doing == Prompt(P, BAD)


def test_a_new_user_who_declines_stays_disconnected() -> None:
    """CERT-4: without a page to go back to, a poll does nothing at all."""
    declined = after(State(kind=WEB), Open(S), Examined(BAD), Decided(Habit.DECLINE))
    assert (declined.shows, declined.place) == (Shows.DISCONNECTED, S)
    assert step(declined, Poll()) == declined


@pytest.mark.parametrize("failure", [REFUSED, TIMED_OUT, RESET, UNREACHABLE, BAD_ANSWER])
@pytest.mark.parametrize(
    ("kind", "shows", "page"),
    [(WEB, Shows.UNREACHABLE, S), (OUTLOOK, Shows.LOST_CONTACT, P), (ASSISTANT, Shows.DISCONNECTED, S)],
)
def test_a_place_that_does_not_answer_is_no_certificate_matter(
    kind: Kind, shows: Shows, page: str, failure: Failure
) -> None:
    """A browser shows its error page there, the plug-in stays with its server, and nobody is prompted."""
    state = after(at_p(kind), Open(S), Examined(failure))
    assert (state.shows, state.page, state.doing) == (shows, page, Rest())


@pytest.mark.parametrize(
    ("answer", "shows", "doing"),
    [
        (PAGE, Shows.HOME, AskSession(S)),
        (PAGE_TO_S, Shows.REDIRECT_LOOP, Rest()),
        (Answer(status=302, headers={"location": P}), Shows.HOME, Examine(P)),
        (Answer(status=302, headers={"location": "/elsewhere"}), Shows.HOME, Examine(S[:-16] + "/elsewhere")),
        (Answer(status=302), Shows.UNREACHABLE, Rest()),
        (NOT_SERVING, Shows.NOT_SERVING, Rest()),
        (Answer(status=404), Shows.UNREACHABLE, Rest()),
        (TIMED_OUT, Shows.UNREACHABLE, Rest()),
        (UNTRUSTED, Shows.UNREACHABLE, Rest()),
    ],
)
def test_a_page_does_what_its_answer_says(answer: Exchange, shows: Shows, doing: Action) -> None:
    """CLIENT-1, REDIR-3, REDIR-5: 200 starts the script, 302 leads on, 503 says so, all else is an error page."""
    state = after(at_p(WEB), Open(S), Examined(GOOD), Answered(answer))
    assert (state.shows, state.doing) == (shows, doing)


def test_a_page_without_a_session_shows_its_log_in_form() -> None:
    """REDIR-1: who was sent to another server has to log in again there."""
    state = after(at_p(WEB), Open(S), Examined(GOOD), Answered(PAGE), Answered(NOT_LOGGED_IN))
    assert (state.shows, state.page, state.place) == (Shows.LOGIN, S, S)


@pytest.mark.parametrize(
    ("kind", "answer", "shows", "page", "doing"),
    [
        (WEB, CREATED, Shows.HOME, P, Rest()),
        (WEB, NOT_LOGGED_IN, Shows.LOGIN, P, Rest()),
        (WEB, TO_S, Shows.LOGIN, P, Examine(S)),
        (WEB, NOT_SERVING, Shows.NOT_SERVING, P, Rest()),
        (WEB, PAGE, Shows.LOST_CONTACT, P, Rest()),
        (WEB, TIMED_OUT, Shows.LOST_CONTACT, P, Rest()),
        (OUTLOOK, CREATED, Shows.HOME, P, Rest()),
        (OUTLOOK, NOT_LOGGED_IN, Shows.LOGIN, P, Rest()),
        (OUTLOOK, TO_S, Shows.LOGIN, P, Examine(S)),
        (OUTLOOK, NOT_SERVING, Shows.LOST_CONTACT, P, Rest()),
        (OUTLOOK, REFUSED, Shows.LOST_CONTACT, P, Rest()),
        (ASSISTANT, CREATED, Shows.HOME, P, Rest()),
        (ASSISTANT, NOT_LOGGED_IN, Shows.LOGIN, P, Rest()),
    ],
)
def test_a_log_in_is_one_only_when_the_portal_says_created(
    kind: Kind, answer: Exchange, shows: Shows, page: str, doing: Action
) -> None:
    """201 alone is a log-in; a refusal, a redirect and silence are each told apart."""
    state = step(at_p(kind, Shows.LOGIN, LogIn(P)), Answered(answer))
    assert (state.shows, state.page, state.doing) == (shows, page, doing)


def test_a_plug_in_moves_only_when_the_other_server_let_it_in() -> None:
    """CLIENT-2: as long as the log-in elsewhere fails, the plug-in goes on asking its own server."""
    failing = after(at_p(OUTLOOK, doing=AskCore(P)), Answered(says(S)), Examined(GOOD), Answered(NOT_SERVING))
    assert (failing.page, step(failing, Poll()).doing) == (P, AskSession(P))
    moved = after(at_p(OUTLOOK, doing=AskCore(P)), Answered(says(S)), Examined(GOOD), Answered(CREATED))
    assert (moved.page, moved.place) == (S, S)


def test_a_browser_follows_five_redirects_and_no_more() -> None:
    """REDIR-8: the sixth redirect of a chain of new places is a loop by name, and is not followed."""
    state = after(State(kind=WEB), Open(P))
    for hop in range(MAX_HOPS):
        onward = Answer(status=302, headers={"location": f"https://h{hop}.test/"})
        state = after(state, Examined(GOOD), Answered(onward))
        assert state.doing == Examine(f"https://h{hop}.test/")
    state = after(state, Examined(GOOD), Answered(Answer(status=302, headers={"location": "https://x.test/"})))
    assert (state.shows, state.doing) == (Shows.REDIRECT_LOOP, Rest())
    assert "x.test" in state.detail


def test_two_servers_that_name_each_other_are_a_loop_at_once() -> None:
    """REDIR-8: a place that was visited already is not visited twice."""
    to_p = Answer(status=302, headers={"location": P})
    state = after(State(kind=WEB), Open(P), Examined(GOOD), Answered(PAGE_TO_S), Examined(GOOD), Answered(to_p))
    assert (state.shows, state.place, state.doing) == (Shows.REDIRECT_LOOP, S, Rest())
    assert step(state, Open(P)).doing == Examine(P)


def test_a_log_in_sent_back_to_its_own_page_is_a_loop() -> None:
    """REDIR-8: the page with the form counts as visited."""
    to_p = Answer(status=307, headers={"location": P})
    assert after(at_p(WEB, Shows.LOGIN), Submit(), Answered(to_p)).shows is Shows.REDIRECT_LOOP


def test_a_prompt_on_the_way_does_not_hide_a_loop() -> None:
    """REDIR-8: places visited before the prompt still count after it; typing an address starts afresh."""
    to_p = Answer(status=302, headers={"location": P})
    waiting = after(State(kind=WEB), Open(P), Examined(GOOD), Answered(PAGE_TO_S), Examined(BAD), Decided(Habit.WAIT))
    assert after(waiting, Accept(), Kept(), Answered(to_p)).shows is Shows.REDIRECT_LOOP
    assert step(waiting, Open(S)).doing == Examine(S)


def test_a_plug_in_sent_round_keeps_its_server() -> None:
    """REDIR-8: portals that send log-ins to each other do not drive the plug-in round."""
    to_p = Answer(status=307, headers={"location": P})
    sent = after(at_p(OUTLOOK, doing=AskSession(P)), Answered(NOT_LOGGED_IN), Answered(TO_S), Examined(GOOD))
    state = step(sent, Answered(to_p))
    assert (state.shows, state.page, state.doing) == (Shows.REDIRECT_LOOP, P, Rest())


def test_a_page_whose_script_and_core_send_each_other_round_ends() -> None:
    """REDIR-8: a page that loads but has no working session service is visited once a poll."""
    state = after(at_p(WEB, doing=AskCore(P)), Answered(says(S)), Examined(GOOD), Answered(PAGE))
    state = after(state, Answered(NOT_SERVING), Answered(says(P)), Examined(GOOD), Answered(PAGE))
    state = after(state, Answered(NOT_SERVING), Answered(says(S)))
    assert (state.shows, state.doing) == (Shows.REDIRECT_LOOP, Rest())


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (at_p(WEB), Answered(FINE)),
        (at_p(WEB), Examined(GOOD)),
        (at_p(WEB), Accept()),
        (at_p(WEB), Submit()),
        (at_p(WEB, doing=AskSession(P)), Poll()),
        (at_p(WEB, doing=AskSession(P)), Open(S)),
        (at_p(WEB, doing=AskSession(P)), Examined(GOOD)),
        (at_p(WEB, doing=Examine(P)), Kept()),
        (at_p(WEB, doing=Examine(P)), Answered(FINE)),
        (at_p(WEB, doing=Prompt(P, BAD)), Kept()),
    ],
)
def test_an_event_out_of_place_is_refused(state: State, event: Event) -> None:
    """What cannot happen now raises instead of being taken for something else."""
    with pytest.raises(MisuseError, match="does not fit"):
        step(state, event)
