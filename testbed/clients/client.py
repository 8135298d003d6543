"""The shell around a policy: performs what it says, records every step, is driven by whoever waits for it.

A client has no thread of its own: it moves when `poll` or one of the waiting methods is called. One thread
drives one client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from testbed.clients import outcome
from testbed.clients.cookies import Cookies
from testbed.clients.exchange import Exchange, Failure, FailureKind, Verdict
from testbed.clients.places import api_of, host_of
from testbed.clients.screen import Screen
from testbed.clients.steps import (
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
    Poll,
    Prompt,
    Rest,
    State,
)
from testbed.clients.told import SESSION_COOKIE, described, mark, named
from testbed.clients.transport import Transport
from testbed.errors import BedError, MisuseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbed.clients.outcome import Outcome
    from testbed.clients.trust import TrustStore
    from testbed.clients.world import ServerLike, World


class LogInError(BedError):
    """A user could not log in. The message says what the client showed instead.

    Attributes:
        screen: that screen.
    """

    exit_code = 1

    def __init__(self, message: str, screen: Screen) -> None:
        super().__init__(message)
        self.screen = screen


@dataclass(frozen=True, kw_only=True)
class PromptMet:
    """A certificate prompt that a user met.

    Attributes:
        server: name of the server whose certificate it was.
        verdict: what was wrong with it.
        habit: what the user did.
    """

    server: str
    verdict: Verdict
    habit: Habit


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who uses a client.

    Attributes:
        name: log-in name.
        password: log-in password.
        habit: what the person does about a certificate prompt.
    """

    name: str
    password: str
    habit: Habit


class Client:
    """One client program of one person. The kinds are in `testbed.clients.kinds`."""

    def __init__(self, kind: Kind, person: Person, *, label: str, trust: TrustStore, world: World) -> None:
        """Start the program; it has nothing open yet.

        Args:
            kind: the policy it follows.
            person: its user.
            label: its name in the history.
            trust: the trust store it starts with.
            world: servers, names, time scale and history.
        """
        self.person = person
        self.label = label
        self.trust = trust
        self._world = world
        self._state = State(kind=kind)
        self._cookies = Cookies()
        self._prompts: list[PromptMet] = []
        self._screens: list[Screen] = [self._view()]
        self._transport = _transport(world, kind)

    @property
    def screen(self) -> Screen:
        """What the client shows now; does not poll."""
        return self._screens[-1]

    @property
    def screens(self) -> tuple[Screen, ...]:
        """Everything it has shown, in order."""
        return tuple(self._screens)

    @property
    def prompts(self) -> tuple[PromptMet, ...]:
        """The certificate prompts met, in order."""
        return tuple(self._prompts)

    @property
    def session_cookie(self) -> str | None:
        """The session cookie held for the server on the screen."""
        place = self._state.place
        return self._cookies.value(host_of(place), SESSION_COOKIE) if place else None

    def session_cookie_of(self, server: ServerLike) -> str | None:
        """The session cookie held for a server."""
        return self._cookies.value(server.hostname, SESSION_COOKIE)

    def try_cookie(self, cookie: str, *, at: ServerLike) -> Exchange:
        """Show a session cookie, wherever it came from, to a server (REDIR-6); its own state stays."""
        url = f"{at.api_url}/session"
        return self._request("GET", url, cookie_header=f"{SESSION_COOKIE}={cookie}")

    def poll(self) -> Screen:
        """Let one poll interval's work happen now; returns the screen after it."""
        return self._happen(Poll())

    def read(self, collection: str) -> Outcome:
        """Read the user's "contacts", "settings" or "meetings" at the server that the client is at."""
        return self._operate("read", "GET", collection, sent=None)

    def change(self, collection: str, fields: Mapping[str, Any], *, item: str | int | None = None) -> Outcome:
        """Add an item, or replace the one named, at the server that the client is at.

        Args:
            collection: "contacts", "settings" or "meetings".
            fields: the item's fields.
            item: id of the item to replace; None adds one.
        """
        method = "POST" if item is None else "PUT"
        return self._operate("change", method, collection, sent=fields, item=item)

    def delete(self, collection: str, item: str | int) -> Outcome:
        """Delete an item at the server that the client is at."""
        return self._operate("delete", "DELETE", collection, sent=None, item=item)

    def _operate(
        self,
        name: str,
        method: str,
        collection: str,
        *,
        sent: Mapping[str, Any] | None,
        item: str | int | None = None,
    ) -> Outcome:
        page = self._state.page
        if page is None:
            raise MisuseError(f"{self.label} is at no server: log in first")
        server = self._world.name_of(page)
        op = self._world.history.invoke(
            name,
            client=self.label,
            user=self.person.name,
            server=server,
            collection=collection,
            item=item,
            fields=sent,
        )
        path = f"/{collection}" if item is None else f"/{collection}/{item}"
        exchange = self._request(method, api_of(page, path), body=sent, carry=True)
        end = outcome.of_read(exchange) if name == "read" else outcome.of_change(exchange, sent)
        self._world.history.complete(op, end.end, status=end.status, error=end.error, item=end.item, items=end.items)
        return end

    def _happen(self, event: Event) -> Screen:
        """Feed an event to the policy and do what it says, until it rests.

        The work is done on a copy of the state: an error on the way leaves the client where it was.
        """
        state = self._world.step(self._state, event)
        while not isinstance(state.doing, Rest):
            state = self._world.step(state, self._perform(state))
        self._state = state
        shown = self._view()
        if shown != self._screens[-1]:
            self._screens.append(shown)
            self._record("screen", server=shown.server, shows=shown.shows, detail=shown.detail)
        return shown

    def _perform(self, state: State) -> Event:  # noqa: PLR0911 -- one line for each kind of action
        match state.doing:
            case AskSession(page=page):
                return Answered(self._request("GET", api_of(page, "/session"), carry=True))
            case AskCore(page=page):
                return Answered(self._ask_core(page))
            case Examine(page=page):
                return Examined(self._examine(page))
            case Load(page=page):
                return Answered(self._request("GET", page, carry=True))
            case LogIn(page=page):
                credentials = {"user": self.person.name, "password": self.person.password}
                return Answered(self._request("POST", api_of(page, "/session"), body=credentials, carry=True))
            case Prompt(page=page, verdict=verdict):
                return self._prompt(page, verdict)
            case KeepException(page=page, verdict=verdict):
                self.trust = self.trust.accepting(host_of(page), verdict.fingerprint)
                self._record("exception", server=self._world.name_of(page), fingerprint=verdict.fingerprint)
                return Kept()
            case Rest():
                raise MisuseError("resting is nothing to perform")
            case _:
                assert_never(state.doing)

    def _prompt(self, page: str, verdict: Verdict) -> Decided:
        server = self._world.name_of(page) or page
        self._prompts.append(PromptMet(server=server, verdict=verdict, habit=self.person.habit))
        self._record("prompt", server=server, habit=self.person.habit, **described(verdict))
        return Decided(self.person.habit)

    def _examine(self, page: str) -> Verdict | Failure:
        self._record("navigation", to=page, server=self._world.name_of(page))
        result = self._transport.examine(page, trust=self.trust)
        self._record("examined", server=self._world.name_of(page), **described(result))
        return result

    def _ask_core(self, page: str) -> Exchange:
        core = self._world.core_of(page)
        if core is None:
            return Failure(kind=FailureKind.UNREACHABLE, sent=False, detail=f"no core known for {page}")
        return self._request("GET", f"{core}/api/v1/redirect")

    def _request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        carry: bool = False,
        cookie_header: str | None = None,
    ) -> Exchange:
        """One recorded exchange; with `carry` the cookies of that host go along and are kept up to date.

        The history never holds a password or the value of a cookie.
        """
        carried = cookie_header or (self._cookies.header(host_of(url)) if carry else None)
        self._record("request", method=method, url=url, cookie=bool(carried))
        exchange, set_cookies = self._transport.exchange(
            method,
            url,
            trust=self.trust,
            cookies=self._cookies if carry else None,
            cookie_header=cookie_header,
            body=body,
        )
        if carry:
            self._cookies = self._cookies.after(host_of(url), set_cookies)
        told = {**described(exchange), **named(url, exchange)}
        marks = {"session": mark([carried or ""]), "begun": mark(set_cookies)}
        self._record("answer", method=method, url=url, **told, **marks)
        return exchange

    def _view(self) -> Screen:
        state = self._state
        return Screen(server=self._world.name_of(state.place), shows=state.shows, detail=state.detail)

    def _record(self, kind: str, **fields: Any) -> None:
        self._world.history.record(kind, client=self.label, **fields)


def _transport(world: World, kind: Kind) -> Transport:
    agent = f"portal-testbed ({kind})"
    return Transport(world.resolver, timeout_s=world.timeout_s, answer_s=world.answer_s, user_agent=agent)
