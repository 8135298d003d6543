"""A person at a real browser, in the words of the other clients: screens, prompts, where it is. Playwright beneath."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from testbed.clients.client import LogInError
from testbed.clients.screen import Screen, Shows
from testbed.clients.steps import Habit
from testbed.errors import MisuseError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from playwright.sync_api import Page

    from testbed.clients.chromium import Browsers
    from testbed.clients.kinds import HabitName
    from testbed.clients.world import ServerLike, World

LOOK = """() => {
  const text = (selector) => document.querySelector(selector)?.textContent.trim() ?? "";
  const seen = (selector) => document.querySelector(selector)?.checkVisibility() ?? false;
  return {
    url: location.href, view: document.body?.dataset.view ?? "", lost: seen("#banner"), banner: text("#banner"),
    refused: text("#not-serving p"), error: text("#error-code"), about: text("#main-message strong"),
    message: text("#main-message p"),
  };
}"""

_EVERY_S = 0.05


class BrowserUser:
    """A person at one page of a browser (CLIENT-1). The page goes its own way meanwhile; here it is looked at.

    Attributes:
        page: Playwright's, for whatever else a test wants of it.
        prompts: the servers about whose certificates the browser asked, in order.
    """

    def __init__(self, page: Page, *, name: str, password: str, habit: Habit, label: str, world: World) -> None:  # noqa: PLR0913 - a person has that many parts
        self.page = page
        self.label = label
        self.prompts: list[str] = []
        self._name = name
        self._password = password
        self._habit = habit
        self._world = world
        self._last = Screen(server=None, shows=Shows.NOTHING)

    def look(self) -> Screen:
        """What is on the screen now; a prompt is answered as the person is wont to, unless that is to wait."""
        screen = self._seen()
        if screen == self._last:
            return screen
        self._last = screen
        self._record("screen", server=screen.server, shows=screen.shows, detail=screen.detail)
        if screen.asks_for("certificate"):
            self.prompts.append(str(screen.server))
            self._record("prompt", server=screen.server, habit=self._habit)
            if self._habit is Habit.ACCEPT:
                self.accept_certificate()
            elif self._habit is Habit.DECLINE:
                self.decline_certificate()
        return screen

    def open(self, server: ServerLike) -> None:
        """Type a server's address; what comes of it is looked at, or awaited."""
        self._record("navigation", to=server.portal_url, server=server.name)
        # Not `goto`, to which a certificate prompt is an error.
        self.page.evaluate("(url) => { location.assign(url) }", server.portal_url)
        self._last = Screen(server=None, shows=Shows.NOTHING)

    def log_in_again(self) -> Screen:
        """Fill in the log-in form that is on the screen.

        Raises:
            LogInError: the portal did not let the user in; with what the page says.
            MisuseError: no log-in form is on the screen.
        """
        if not self.look().asks_for("login"):
            raise MisuseError(f"{self.label} sees no log-in form but {self._last}")
        self.page.get_by_label("User name").fill(self._name)
        self.page.get_by_label("Password").fill(self._password)
        self.page.get_by_role("button", name="Log in").click()
        refusal = self.page.locator("#login-error")
        screen = self._await(
            lambda seen: seen.shows is not Shows.LOGIN or bool(refusal.text_content()), what="an answer", within_s=None
        )
        if screen.shows is not Shows.HOME:
            why = refusal.text_content() if screen.shows is Shows.LOGIN else screen
            raise LogInError(f"{self.label} could not log in: {why}", screen)
        return screen

    def accept_certificate(self) -> None:
        """Go on in spite of the prompt on the screen; what comes of it is looked at, or awaited."""
        self.page.locator("#details-button").click()
        self.page.locator("#proceed-link").click()

    def decline_certificate(self) -> None:
        """Go back from the prompt on the screen."""
        self.page.locator("#primary-button").click()

    def eventually_at(self, server: ServerLike, *, within_s: float | None = None) -> Screen:
        """Look until the browser has come to a server: its log-in form, home page or certificate prompt.

        A prompt that the person accepts by habit is no arrival.

        Args:
            server: where it should come to.
            within_s: bound in seconds; the world's patience by default.

        Raises:
            NotInTimeError: it did not come; says what was last on the screen.
        """

        def arrived(screen: Screen) -> bool:
            passing = screen.asks_for("certificate") and self._habit is not Habit.WAIT
            return screen.server == server.name and screen.has_arrived and not passing

        return self._await(arrived, what=f"{self.label} to be at {server.name}", within_s=within_s)

    def eventually_shows(self, shows: Shows, *, within_s: float | None = None) -> Screen:
        """Look until the browser shows something.

        Raises:
            NotInTimeError: it did not; says what was last on the screen.
        """
        return self._await(
            lambda screen: screen.shows is shows, what=f"{self.label} to show {shows!r}", within_s=within_s
        )

    def _await(self, accept: Callable[[Screen], bool], *, what: str, within_s: float | None) -> Screen:
        bound_s = self._world.patience_s if within_s is None else within_s
        return wait_until(self.look, accept, within_s=bound_s, what=what, every_s=_EVERY_S)

    def _seen(self) -> Screen:
        from playwright.sync_api import Error  # noqa: PLC0415 - optional, and loaded by now

        try:
            found: dict[str, Any] = self.page.evaluate(LOOK)
        except Error:  # on its way from one page to the next, there is none
            return Screen(server=None, shows=Shows.NOTHING)
        host = found["about"] or urlsplit(found["url"]).hostname
        return Screen(
            server=self._world.name_of(f"https://{host}/") if host else None,
            shows=meaning(found),
            detail=_detail(found),
        )

    def _record(self, kind: str, **fields: Any) -> None:
        self._world.history.record(kind, client=self.label, **fields)


class BrowserClient:
    """Makes people at browsers of their own: what one accepts, another has never seen."""

    def __init__(
        self, world: World, browsers: Browsers, *, users: Mapping[str, str], stack: contextlib.ExitStack
    ) -> None:
        """Bind the factory.

        Args:
            world: servers, names, time scale and history.
            browsers: started when first asked for.
            users: log-in name to password.
            stack: closes what was opened.
        """
        self._world = world
        self._browsers = browsers
        self._users = users
        self._stack = stack
        self._count = itertools.count(1)

    def new(self, name: str, *, trust: Sequence[Path] = (), prompts: HabitName = "accept") -> BrowserUser:
        """A person at an empty page.

        Args:
            name: one of the users.
            trust: PEM files with the authorities that the browser trusts; none, so that every server's own prompts.
            prompts: what the person does about a certificate prompt.

        Raises:
            MisuseError: no such user, or no such habit.
            MissingError: Playwright or certutil is not there; says how to get it.
        """
        if name not in self._users:
            raise MisuseError(f"no user named {name!r}; there are {', '.join(self._users)}")
        if prompts not in set(Habit):
            raise MisuseError(f"prompts={prompts!r}: one of {', '.join(Habit)}")
        rules = ",".join(f"MAP {host} {address}" for host, address in self._world.resolver.items())
        context = self._browsers.browser(rules, anchors=trust).new_context()
        self._stack.callback(context.close)
        label = f"{name}'s browser {next(self._count)}"
        password, habit = self._users[name], Habit(prompts)
        return BrowserUser(
            context.new_page(), name=name, password=password, habit=habit, label=label, world=self._world
        )

    def log_in(
        self, name: str, *, at: ServerLike, trust: Sequence[Path] = (), prompts: HabitName = "accept"
    ) -> BrowserUser:
        """A person who has logged in; arguments as of `new`, and the server whose address is typed.

        Raises:
            LogInError: the portal did not let the user in.
            NotInTimeError: no log-in form came.
            MisuseError, MissingError: as for `new`.
        """
        user = self.new(name, trust=trust, prompts=prompts)
        user.open(at)
        user.eventually_shows(Shows.LOGIN)
        user.log_in_again()
        return user


def meaning(found: Mapping[str, Any]) -> Shows:
    """What a page means, by what was found on it."""
    if found["error"].startswith("net::ERR_CERT_"):
        return Shows.CERTIFICATE_PROMPT
    if found["url"].startswith("chrome-error:"):
        return Shows.UNREACHABLE
    if found["refused"]:
        return Shows.NOT_SERVING
    if found["view"] == "home":
        return Shows.LOST_CONTACT if found["lost"] else Shows.HOME
    return Shows.LOGIN if found["view"] == "login" else Shows.NOTHING


def _detail(found: Mapping[str, Any]) -> str:
    shown = (found["error"], found["refused"], found["banner"] if found["lost"] else "", found["message"])
    return str(next((text for text in shown if text), ""))
