"""What a kind of client does next, given its state and what it just saw. Pure: no clock, network or chance.

The rules (REDIR, CERT and CLIENT of the product):

* Web client, as the script of the portal's page does it: asks for its session at every poll. 200: all is
  well. 401: the session is over here, the page asks for a log-in. 307: the page goes to the server named. No
  proper answer: it asks the redirect service of the core of the *same* server; another host named there is
  where it goes, anything else leaves it waiting ("lost contact"), polling on. A page that did not load is
  loaded again at the next poll.
* Outlook plug-in: learns where to go in the same way, and logs in there by itself with stored credentials.
* Call Assistant: follows nothing. It shows "disconnected" until its own server answers, or its user types
  another.

To go somewhere is: examine the certificate first; only then ask for the page (or log in). An untrusted one is
put to the user. Accepted: an exception is kept and the way goes on. Left waiting: interrupted until the user
accepts. Declined: disconnected, and that certificate never prompts again.

Between two rests there are at most `MAX_HOPS` redirects, and no place is visited twice: more is a redirect
loop, by that name. An event that does not fit the state raises, and changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from testbed.clients.exchange import Answer, Exchange, Failure, FailureKind, Verdict
from testbed.clients.places import host_of, portal_page_of, target_of
from testbed.clients.screen import Shows
from testbed.clients.steps import (
    Accept,
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

MAX_HOPS = 5
"""Redirects followed in one go; the sixth is a loop."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""The answers of HTTP that lead elsewhere."""


def step(state: State, event: Event) -> State:
    """The next state; its `doing` says what to do now.

    Raises:
        MisuseError: the event does not fit what the client is doing.
    """
    match event:
        case Poll() | Open() | Submit() | Accept():
            following = _begin(state, event)
        case Examined() | Decided() | Kept():
            following = _judged(state, event)
        case Answered(exchange=exchange):
            following = _answered(state, exchange)
        case _:
            assert_never(event)
    if following is None:
        raise MisuseError(f"{event} does not fit a client that shows {state.shows!r}, doing {state.doing}")
    return following


def _begin(state: State, event: Poll | Open | Submit | Accept) -> State | None:
    """The user or the timer wakes a client that rests."""
    if not isinstance(state.doing, Rest):
        return None
    match event:
        case Poll():
            return _poll(state)
        case Open(page=page):
            return _go(replace(state, route=()), page)
        case Submit() if state.shows is Shows.LOGIN and state.page is not None:
            return replace(state, route=(state.page,), doing=LogIn(state.page))
        case Accept() if state.prompt is not None and state.place is not None:
            return replace(state, doing=KeepException(state.place, state.prompt))
        case Submit() | Accept():
            return None
        case _:
            assert_never(event)


def _judged(state: State, event: Examined | Decided | Kept) -> State | None:
    """A certificate was examined, or its prompt answered."""
    match event, state.doing:
        case Examined(result=result), Examine(page=page):
            return _examined(state, page, result)
        case Decided(habit=habit), Prompt(page=page, verdict=verdict):
            return _decided(state, page, verdict, habit)
        case Kept(), KeepException(page=page):
            return _enter(replace(state, prompt=None), page)
        case _:
            return None


def _answered(state: State, exchange: Exchange) -> State | None:
    """A request ended, with an answer or without."""
    match state.doing:
        case AskSession(page=page) if state.kind is Kind.CALL_ASSISTANT:
            return _assistants_session(state, page, exchange)
        case AskSession(page=page):
            return _session(state, page, exchange)
        case AskCore(page=page):
            return _core(state, page, exchange)
        case Load(page=page):
            return _loaded(state, page, exchange)
        case LogIn(page=page):
            return _logged_in(state, page, exchange)
        case Rest() | Examine() | Prompt() | KeepException():
            return None
        case _:
            assert_never(state.doing)


def _rest(state: State, shows: Shows, *, at: str | None, page: str | None, why: str = "") -> State:
    """Settle on a screen about `at`; the loop goes on from `page`."""
    return replace(state, shows=shows, detail=why, place=at, page=page, route=(), prompt=None, doing=Rest())


def _wait(state: State, why: str) -> State:
    """No way on for now: stay at the page, and poll on."""
    kept = state.shows is Shows.DISCONNECTED or state.kind is Kind.CALL_ASSISTANT
    shows = Shows.DISCONNECTED if kept else Shows.LOST_CONTACT
    return _rest(state, shows, at=state.page or state.place, page=state.page, why=why)


def _poll(state: State) -> State:
    """What the client's own loop does, by what it shows."""
    if state.page is None:
        return state
    match state.shows:
        case Shows.HOME | Shows.LOST_CONTACT | Shows.DISCONNECTED:
            return replace(state, doing=AskSession(state.page))
        case Shows.LOGIN if state.kind is Kind.WEB:
            return replace(state, doing=AskSession(state.page))  # the script runs on the log-in form too
        case Shows.REDIRECT_LOOP if state.kind is not Kind.WEB:
            return replace(state, doing=AskSession(state.page))
        case Shows.NOT_SERVING | Shows.UNREACHABLE:
            return _go(state, state.page)
        case Shows.NOTHING | Shows.LOGIN | Shows.REDIRECT_LOOP | Shows.CERTIFICATE_PROMPT:
            return state
        case _:
            assert_never(state.shows)


def _go(state: State, page: str) -> State:
    """Set out for a page, unless that would be a loop."""
    if page in state.route or len(state.route) > MAX_HOPS:
        why = "redirected round: " + " → ".join(host_of(visited) for visited in (*state.route, page))
        at = state.route[-1] if state.kind is Kind.WEB else (state.page or page)
        return _rest(state, Shows.REDIRECT_LOOP, at=at, page=at, why=why)
    return replace(state, route=(*state.route, page), prompt=None, doing=Examine(page))


def _enter(state: State, page: str) -> State:
    """The certificate is no obstacle: a browser loads the page, a program logs in."""
    match state.kind:
        case Kind.WEB:
            return replace(state, doing=Load(page))
        case Kind.OUTLOOK | Kind.CALL_ASSISTANT:
            return replace(state, doing=LogIn(page))
        case _:
            assert_never(state.kind)


def _examined(state: State, page: str, result: Verdict | Failure) -> State:
    match result:
        case Verdict(accepted=True):
            return _enter(state, page)
        case Verdict(fingerprint=fingerprint) if (host_of(page), fingerprint) in state.declined:
            return _decline(state, page, result)
        case Verdict():
            return replace(state, doing=Prompt(page, result))
        case Failure():
            return _missed(state, page, f"{host_of(page)}: {result.kind}")
        case _:
            assert_never(result)


def _decided(state: State, page: str, verdict: Verdict, habit: Habit) -> State:
    match habit:
        case Habit.ACCEPT:
            return replace(state, doing=KeepException(page, verdict))
        case Habit.WAIT:
            rested = _rest(state, Shows.CERTIFICATE_PROMPT, at=page, page=state.page, why=verdict.standing)
            return replace(rested, prompt=verdict, route=state.route)
        case Habit.DECLINE:
            return _decline(state, page, verdict)
        case _:
            assert_never(habit)


def _decline(state: State, page: str, verdict: Verdict) -> State:
    """CERT-4: disconnected; what led here may be asked again, but this certificate prompts no more."""
    declined = state.declined | {(host_of(page), verdict.fingerprint)}
    why = f"certificate of {host_of(page)} declined: {verdict.standing}"
    at = state.page or page
    return _rest(replace(state, declined=declined), Shows.DISCONNECTED, at=at, page=state.page, why=why)


def _missed(state: State, page: str, why: str) -> State:
    """The place the client set out for did not answer: a browser shows its own error page there."""
    match state.kind:
        case Kind.WEB:
            return _rest(state, Shows.UNREACHABLE, at=page, page=page, why=why)
        case Kind.OUTLOOK:
            return _wait(replace(state, page=state.page or page), why)
        case Kind.CALL_ASSISTANT:
            return _rest(state, Shows.DISCONNECTED, at=page, page=page, why=why)
        case _:
            assert_never(state.kind)


def _assistants_session(state: State, page: str, exchange: Exchange) -> State:
    """CLIENT-3: whatever is said about other servers, it stays where its user put it."""
    match exchange:
        case Answer(status=200, json={"user": _}):
            return _rest(state, Shows.HOME, at=page, page=page)
        case Answer(status=401):
            return _rest(state, Shows.LOGIN, at=page, page=page, why=_why(exchange))
        case Answer() | Failure():
            return _wait(state, _why(exchange))
        case _:
            assert_never(exchange)


def _session(state: State, page: str, exchange: Exchange) -> State:
    """REDIR-1, REDIR-4: what the client's own server says, or fails to say, of its session."""
    match exchange:
        case Answer(status=200, json={"user": _}):
            return _rest(state, Shows.HOME, at=page, page=page)
        case Answer(status=401) if state.kind is Kind.OUTLOOK:
            return replace(state, route=(*state.route, page), doing=LogIn(page))
        case Answer(status=401):
            return _rest(state, Shows.LOGIN, at=page, page=page, why=_why(exchange))
        case Answer(status=status) if status in REDIRECTS:
            return _redirected(state, page, exchange)
        case Failure(kind=FailureKind.UNTRUSTED) if state.kind is Kind.OUTLOOK:
            return _go(state, page)  # a program shows the prompt at once; a script's request merely fails
        case Answer() | Failure():
            return replace(state, detail=_why(exchange), doing=AskCore(page))
        case _:
            assert_never(exchange)


def _redirected(state: State, asked: str, answer: Answer) -> State:
    """An API answer names the serving server: go to that server's page."""
    target = portal_page_of(asked, answer.location)
    return _wait(state, f"redirected to {answer.location!r}") if target is None else _go(state, target)


def _core(state: State, page: str, exchange: Exchange) -> State:
    match exchange:
        case Answer(status=200, json={"portal": named}):
            target = target_of(page, named)
            if target is not None and host_of(target) != host_of(page):
                return _go(state, target)
            return _wait(state, f"{state.detail}; the core names {named or 'nobody'}")
        case Answer() | Failure():
            return _wait(state, f"{state.detail}; the core: {_why(exchange)}")
        case _:
            assert_never(exchange)


def _loaded(state: State, page: str, exchange: Exchange) -> State:
    match exchange:
        case Answer(status=200):
            # The page's script asks for the session first; without one that leads to the log-in form.
            return replace(state, page=page, place=page, doing=AskSession(page))
        case Answer(status=status, location=location) if status in REDIRECTS:
            target = target_of(page, location)
            return _missed(state, page, f"redirected to {location!r}") if target is None else _go(state, target)
        case Answer(status=503):
            return _rest(state, Shows.NOT_SERVING, at=page, page=page, why=_why(exchange))
        case Answer() | Failure():
            return _missed(state, page, _why(exchange))
        case _:
            assert_never(exchange)


def _logged_in(state: State, page: str, exchange: Exchange) -> State:
    match exchange:
        case Answer(status=201):
            return _rest(state, Shows.HOME, at=page, page=page)
        case Answer(status=401):
            return _rest(state, Shows.LOGIN, at=page, page=page, why=_why(exchange))
        case Answer(status=status) if status in REDIRECTS and state.kind is not Kind.CALL_ASSISTANT:
            return _redirected(state, page, exchange)
        case Answer(status=503) if state.kind is Kind.WEB:
            return _rest(state, Shows.NOT_SERVING, at=page, page=page, why=_why(exchange))
        case Answer() | Failure() if state.kind is Kind.CALL_ASSISTANT:
            return _rest(state, Shows.DISCONNECTED, at=page, page=page, why=_why(exchange))
        case Answer() | Failure():
            return _wait(replace(state, page=state.page or page), _why(exchange))
        case _:
            assert_never(exchange)


def _why(exchange: Exchange) -> str:
    match exchange:
        case Answer(status=status):
            return f"answered {status} {exchange.error or ''}".rstrip()
        case Failure(kind=kind):
            return str(kind)
        case _:
            assert_never(exchange)
