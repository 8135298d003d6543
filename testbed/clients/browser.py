"""A person at a real browser, in the words of the other clients: screens, prompts, where it is. Drives any engine."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from testbed.clients.album import Album
from testbed.clients.client import LogInError
from testbed.clients.page import NoPictureError, detail, meaning
from testbed.clients.screen import Screen, Shows
from testbed.clients.steps import Habit
from testbed.errors import MisuseError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from testbed.clients.kinds import HabitName
    from testbed.clients.page import Engine, Found, Page
    from testbed.clients.world import ServerLike, World

EngineName: TypeAlias = Literal["chromium", "firefox"]

_EVERY_S = 0.05
_NOTHING = Screen(server=None, shows=Shows.NOTHING)


class BrowserUser:
    """A person at one page of a browser (CLIENT-1). The page goes its own way meanwhile; here it is looked at.

    Attributes:
        page: the engine's own page (Playwright's, or a `FirefoxPage`), for whatever else a test wants of it.
        prompts: the servers about whose certificates the browser asked, in order; asked anew counts anew.
    """

    def __init__(  # noqa: PLR0913 - a person has that many parts
        self,
        page: Page,
        *,
        name: str,
        password: str,
        habit: Habit,
        label: str,
        world: World,
        album: Album | None = None,
    ) -> None:
        self.page: Any = page.raw
        self.label = label
        self.prompts: list[str] = []
        self._page = page
        self._name = name
        self._password = password
        self._habit = habit
        self._world = world
        self._album = album
        self._last = _NOTHING
        self._found: Found | None = None
        self._left: float | None = None  # the document that was there when an address was typed, or a prompt answered
        self._asked: float | None = None  # the document by which the browser asked last

    def look(self) -> Screen:
        """What is on the screen now; a prompt is answered as the person is wont to, unless that is to wait.

        Raises:
            EngineError: the browser is gone.
        """
        screen = self._seen()
        asks = screen.asks_for("certificate")
        anew = asks and self._found is not None and self._found.document != self._asked
        if screen == self._last and not anew:
            return screen
        self._last = screen
        self._record("screen", server=screen.server, shows=screen.shows, detail=screen.detail)
        self._picture(screen)
        if anew and self._found is not None:
            self._asked = self._found.document
            self.prompts.append(str(screen.server))
            self._record("prompt", server=screen.server, habit=self._habit)
            self._answer()
        return screen

    def open(self, server: ServerLike) -> None:
        """Type a server's address; what comes of it is looked at, or awaited."""
        self._record("navigation", to=server.portal_url, server=server.name)
        before = self._page.look()
        self._left = before.document if before else None
        self._page.open(server.portal_url)
        self._last = _NOTHING

    def log_in_again(self) -> Screen:
        """Fill in the log-in form that is on the screen.

        Raises:
            LogInError: the portal did not let the user in; with what the page says.
            MisuseError: no log-in form is on the screen.
        """
        before = self.look()
        if not before.asks_for("login"):
            raise MisuseError(f"{self.label} sees no log-in form but {self._last}")
        self._page.fill("User name", self._name)
        self._page.fill("Password", self._password)
        self._page.press("Log in")

        def answered(seen: Screen) -> bool:
            waits = seen.shows is Shows.NOTHING or (seen.shows is Shows.LOGIN and seen.server == before.server)
            return not waits or bool(self._rejected)

        screen = self._await(answered, what="an answer", within_s=None)
        if screen.shows is not Shows.HOME:
            raise LogInError(f"{self.label} could not log in: {self._rejected or screen}", screen)
        return screen

    def accept_certificate(self) -> None:
        """Go on in spite of the prompt on the screen; what comes of it is looked at, or awaited.

        Raises:
            MisuseError: no prompt is on the screen, or one that the browser lets nobody pass.
        """
        found = self._prompt()
        if not found.passable:
            raise MisuseError(f"{self.label} cannot go on: the browser lets nobody pass {found.error} of {found.host}")
        self._page.proceed()
        self._left = found.document

    def decline_certificate(self) -> None:
        """Go back from the prompt on the screen.

        Raises:
            MisuseError: no prompt is on the screen.
        """
        found = self._prompt()
        self._page.go_back()
        self._left = found.document

    def screenshot(self) -> bytes:
        """A picture of what is on the screen (PNG)."""
        return self._page.screenshot()

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

    @property
    def _rejected(self) -> str:
        return self._found.rejected if self._found else ""

    def _seen(self) -> Screen:
        self._found = found = self._page.look()
        if found is None or found.document == self._left:
            return _NOTHING
        self._left = None
        return Screen(
            server=self._world.name_of(f"https://{found.host}/") if found.host else None,
            shows=meaning(found),
            detail=detail(found),
        )

    def _prompt(self) -> Found:
        found = self._page.look()
        if found is None or found.of != "certificate":
            raise MisuseError(f"{self.label} sees no certificate prompt but {self._last}")
        return found

    def _answer(self) -> None:
        if self._habit is Habit.ACCEPT:
            self.accept_certificate()
        elif self._habit is Habit.DECLINE:
            self.decline_certificate()

    def _picture(self, screen: Screen) -> None:
        """Keep a picture, if the screen is still the one that was seen: the page does not wait for it."""
        if self._album is None or screen.shows is Shows.NOTHING or self._found is None:
            return
        with contextlib.suppress(NoPictureError):  # it is being left: not the screen any more that was seen
            picture, after = self._page.screenshot(), self._page.look()
            if after is not None and (after.document, meaning(after)) == (self._found.document, screen.shows):
                self._album.keep(picture, f"{screen.server}-{screen.shows}")

    def _record(self, kind: str, **fields: Any) -> None:
        self._world.history.record(kind, client=self.label, **fields)


class BrowserClient:
    """Makes people at browsers of their own: what one accepts, another has never seen."""

    def __init__(  # noqa: PLR0913 - what a person needs, and where it goes
        self,
        world: World,
        engines: Mapping[EngineName, Engine],
        *,
        users: Mapping[str, str],
        stack: contextlib.ExitStack,
        pictures: Path | None = None,
        story: str = "",
    ) -> None:
        """Bind the factory.

        Args:
            world: servers, names, time scale and history.
            engines: kinds of browsers, started when first asked for.
            users: log-in name to password.
            stack: closes what was opened.
            pictures: folder for a picture of each screen; none are taken without.
            story: what their files' names begin with.
        """
        self._world = world
        self._engines = engines
        self._users = users
        self._stack = stack
        self._pictures = pictures
        self._story = story
        self._count = itertools.count(1)

    def new(
        self,
        name: str,
        *,
        trust: Sequence[Path] = (),
        prompts: HabitName = "accept",
        engine: EngineName = "chromium",
    ) -> BrowserUser:
        """A person at an empty page.

        Args:
            name: one of the users.
            trust: PEM files with the authorities that the browser trusts; none, so that every server's own prompts.
            prompts: what the person does about a certificate prompt.
            engine: the kind of browser.

        Raises:
            MisuseError: no such user, no such habit, or no such browser.
            MissingError: the browser, or what drives it, is not there; says how to get it.
            EngineError: it did not start.
        """
        if name not in self._users:
            raise MisuseError(f"no user named {name!r}; there are {', '.join(self._users)}")
        if prompts not in set(Habit):
            raise MisuseError(f"prompts={prompts!r}: one of {', '.join(Habit)}")
        if engine not in self._engines:
            raise MisuseError(f"engine={engine!r}: one of {', '.join(get_args(EngineName))}")
        page = self._stack.enter_context(self._engines[engine].page(self._world.resolver, anchors=trust))
        label = f"{name}'s browser {next(self._count)}"
        album = Album(self._pictures, f"{self._story}-{label}") if self._pictures else None
        password, habit = self._users[name], Habit(prompts)
        return BrowserUser(page, name=name, password=password, habit=habit, label=label, world=self._world, album=album)

    def log_in(
        self,
        name: str,
        *,
        at: ServerLike,
        trust: Sequence[Path] = (),
        prompts: HabitName = "accept",
        engine: EngineName = "chromium",
    ) -> BrowserUser:
        """A person who has logged in; arguments as of `new`, and the server whose address is typed.

        Raises:
            LogInError: the portal did not let the user in.
            NotInTimeError: no log-in form came.
            MisuseError, MissingError, EngineError: as for `new`.
        """
        user = self.new(name, trust=trust, prompts=prompts, engine=engine)
        user.open(at)
        user.eventually_shows(Shows.LOGIN)
        user.log_in_again()
        return user
