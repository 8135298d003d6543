"""The browser of the plugin, without one: what its pages mean, what its user does, and what is said."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from testbed import environment
from testbed.clients.album import Album
from testbed.clients.browser import BrowserClient, BrowserUser
from testbed.clients.chromium import Browsers
from testbed.clients.client import LogInError
from testbed.clients.firefox import Firefox
from testbed.clients.nss import trust
from testbed.clients.page import Found, NoPictureError, detail, meaning
from testbed.clients.screen import Shows
from testbed.clients.steps import Habit
from testbed.clients.world import World
from testbed.errors import EngineError, MissingError, MisuseError
from testbed.history import History
from testbed.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PRIMARY, SECONDARY = "primary.demo.test", "secondary.demo.test"
LOGIN = Found(document=1, host=PRIMARY, view="login")
HOME = Found(document=1, host=PRIMARY, view="home")
PROMPT = Found(document=2, of="certificate", host=SECONDARY, error="NOT_KNOWN", passable=True, says="Careful.")


@pytest.mark.parametrize(
    ("found", "shows"),
    [
        (Found(document=1), Shows.NOTHING),
        (Found(document=1, view="starting"), Shows.NOTHING),
        (LOGIN, Shows.LOGIN),
        (HOME, Shows.HOME),
        (Found(document=1, view="home", lost=True), Shows.LOST_CONTACT),
        (Found(document=1, view="login", lost=True), Shows.LOGIN),
        (Found(document=1, closed="no log-in here"), Shows.NOT_SERVING),
        (PROMPT, Shows.CERTIFICATE_PROMPT),
        (Found(document=1, of="network", says="refused"), Shows.UNREACHABLE),
        (Found(document=1, of="network", error="refused"), Shows.UNREACHABLE),
        (Found(document=1, of="network"), Shows.NOTHING),
        (Found(document=1, of="certificate", error="NOT_KNOWN"), Shows.NOTHING),
    ],
)
def test_each_page_has_its_meaning(found: Found, shows: Shows) -> None:
    """In the words of all clients; a page of the browser's own that it has not written yet is none."""
    assert meaning(found) is shows


def test_a_screen_says_why() -> None:
    """By the first of what was found; a banner that nobody sees says nothing."""
    assert detail(PROMPT) == "NOT_KNOWN"
    assert detail(Found(document=1, banner="Connection lost", lost=True)) == "Connection lost"
    assert detail(Found(document=1, banner="Connection lost")) == ""


class FakePage:
    """Shows what it is given, the last of it for ever, and writes down what it is told."""

    def __init__(self, *shows: Found | None) -> None:
        self.shows = list(shows)
        self.told: list[tuple[str, ...]] = []
        self.pictures = 0
        self.is_leaving = False
        self.after: Callable[[str], None] = lambda _button: None

    @property
    def raw(self) -> Any:
        """Itself."""
        return self

    def look(self) -> Found | None:
        """What comes next."""
        return self.shows.pop(0) if len(self.shows) > 1 else self.shows[0]

    def open(self, url: str) -> None:
        """Written down."""
        self.told.append(("open", url))

    def fill(self, label: str, text: str) -> None:
        """Written down."""
        self.told.append(("fill", label, text))

    def press(self, button: str) -> None:
        """Written down; something may come of it."""
        self.told.append(("press", button))
        self.after(button)

    def proceed(self) -> None:
        """Written down."""
        self.told.append(("proceed",))

    def go_back(self) -> None:
        """Written down."""
        self.told.append(("go back",))

    def screenshot(self) -> bytes:
        """Counted; none while it is being left."""
        self.pictures += 1
        if self.is_leaving:
            raise NoPictureError("Unable to capture screenshot")
        return b"PNG"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two servers that only have names."""
    servers = [Named(name, host) for name, host in (("primary", PRIMARY), ("secondary", SECONDARY))]
    with History(tmp_path / "history.jsonl") as history:
        yield World(servers=servers, resolver={}, time_scale=Topology().time_scale, history=history)


class Named:
    """A server as a client knows it."""

    def __init__(self, name: str, hostname: str) -> None:
        self.name, self.hostname, self.address = name, hostname, "127.0.0.1"
        self.portal_url = self.api_url = self.core_url = f"https://{hostname}:9443/onexportal.html"


def user_at(page: FakePage, world: World, habit: Habit = Habit.WAIT, album: Album | None = None) -> BrowserUser:
    """Somebody who looks at this page."""
    return BrowserUser(page, name="alice", password="right", habit=habit, label="alice", world=world, album=album)


def test_a_prompt_counts_once_for_each_document_that_asks(world: World) -> None:
    """Looked at again it is the same; the same words in another document are another question (CERT-4)."""
    again = Found(document=3, of="certificate", host=SECONDARY, error="NOT_KNOWN", passable=True, says="Careful.")
    page = FakePage(PROMPT, PROMPT, again, again)
    user = user_at(page, world)
    for _ in range(4):
        assert user.look().asks_for("certificate")
    assert user.prompts == ["secondary", "secondary"]


@pytest.mark.parametrize(("habit", "told"), [(Habit.ACCEPT, "proceed"), (Habit.DECLINE, "go back")])
def test_a_habit_answers_each_question_once(habit: Habit, told: str, world: World) -> None:
    """However often it is looked at before the page is gone."""
    page = FakePage(PROMPT)
    user = user_at(page, world, habit)
    assert user.look().asks_for("certificate")
    assert user.look().shows is Shows.NOTHING
    assert page.told == [(told,)]


def test_what_cannot_be_accepted_is_said_at_once(world: World) -> None:
    """No prompt at all, or one without a way on; nothing is pressed in vain."""
    final = Found(document=2, of="certificate", host=SECONDARY, error="NEVER", says="No.")
    page = FakePage(LOGIN)
    user = user_at(page, world)
    for answer in (user.accept_certificate, user.decline_certificate):
        with pytest.raises(MisuseError, match="alice sees no certificate prompt"):
            answer()
    page.shows = [final]
    with pytest.raises(MisuseError, match="nobody pass NEVER of secondary"):
        user.accept_certificate()
    assert page.told == []


def test_the_page_that_is_left_is_no_news(world: World) -> None:
    """After an address was typed, what stood there before counts for nothing."""
    page = FakePage(LOGIN)
    user = user_at(page, world)
    assert user.look().asks_for("login")
    user.open(world.servers[0])
    assert user.look().shows is Shows.NOTHING
    page.shows = [Found(document=2, host=PRIMARY, view="login")]
    assert user.look().asks_for("login")


def test_a_log_in_is_refused_in_the_words_of_the_page(world: World) -> None:
    """Read in the same look as the rest: the page may leave at any time."""
    page = FakePage(LOGIN)
    rejected = Found(document=1, host=PRIMARY, view="login", rejected="no such luck")
    page.after = lambda _button: page.shows.extend([rejected])
    with pytest.raises(LogInError, match="no such luck"):
        user_at(page, world).log_in_again()
    assert page.told == [("fill", "User name", "alice"), ("fill", "Password", "right"), ("press", "Log in")]


def test_a_page_that_is_being_left_has_no_picture_and_is_looked_at_all_the_same(world: World, tmp_path: Path) -> None:
    """Nobody is kept from going on; the next screen has one."""
    page = FakePage(LOGIN)
    page.is_leaving = True
    user = user_at(page, world, album=Album(tmp_path / "screens", "story"))
    assert user.look().shows is Shows.LOGIN
    assert page.pictures == 1
    assert not (tmp_path / "screens").exists() or not list((tmp_path / "screens").iterdir())


def test_each_new_screen_has_its_picture(world: World, tmp_path: Path) -> None:
    """Named after what is on it; none of a page that left while it was taken, and none of nothing."""
    page = FakePage(None)
    user = user_at(page, world, album=Album(tmp_path / "screens", "a[b] story"))
    for shows in ([None], [LOGIN], [LOGIN], [HOME, LOGIN], [PROMPT]):
        page.shows = list(shows)
        user.look()
    pictures = sorted(path.name for path in (tmp_path / "screens").iterdir())
    assert pictures == ["a-b-story-1-primary-login.png", "a-b-story-2-secondary-certificate-prompt.png"]


def test_a_browser_that_is_not_known_is_said(world: World) -> None:
    """With those that are."""
    with contextlib.ExitStack() as stack:
        client = BrowserClient(world, {}, users={"alice": "right"}, stack=stack)
        with pytest.raises(MisuseError, match="engine='opera': one of chromium, firefox"):
            client.new("alice", engine="opera")  # type: ignore[arg-type]  # that is the mistake


def test_what_is_missing_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None ends as an error of a program that was never there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TESTBED_CHROMIUM", raising=False)
    monkeypatch.delenv("TESTBED_FIREFOX", raising=False)
    with pytest.raises(MissingError, match=r"apt-get install .*chromium"):
        environment.needed_chromium()
    with pytest.raises(MissingError, match=r"apt-get install .*firefox-esr"), Firefox(tmp_path).page({}, anchors=()):
        raise AssertionError("there is none")
    with pytest.raises(MissingError, match=r"apt-get install .*libnss3-tools"):
        trust(tmp_path, [tmp_path / "anchor.pem"])


def test_what_is_no_firefox_is_said_with_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And nothing stays behind."""
    wrong = tmp_path / "wrong"
    wrong.write_text("#!/bin/sh\necho no browser here\nexit 3\n", encoding="utf-8")
    wrong.chmod(0o700)
    monkeypatch.setenv("TESTBED_FIREFOX", str(wrong))
    folder = tmp_path / "profiles"
    with (
        pytest.raises(EngineError, match=r"TESTBED_FIREFOX names another\): exit code 3, no browser here"),
        Firefox(folder).page({}, anchors=()),
    ):
        raise AssertionError("it is none")
    assert list(folder.iterdir()) == []


def test_what_is_no_chromium_is_said_each_time(tmp_path: Path) -> None:
    """The second try tells the same, and does not stumble over what the first one left."""
    pytest.importorskip("playwright")
    with Browsers(tmp_path, program="/bin/false") as browsers:
        for _ in range(2):
            with pytest.raises(EngineError, match=r"/bin/false does not start as Chromium \(TESTBED_CHROMIUM"):
                browsers.browser("")
        assert browsers._running == {}  # noqa: SLF001 - what is kept of it is what went wrong once
