"""What every browser's page can be told and asked, what is found on it, and what that means. Pure; no browser here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, assert_never

from testbed.clients.screen import Shows
from testbed.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

Of: TypeAlias = Literal["server", "certificate", "network"]
"""Whose page it is: a server's, or the browser's own, about a certificate or about anything else that failed."""

PORTAL = """
  const text = (selector) => document.querySelector(selector)?.textContent.trim() ?? "";
  const page = {
    document: performance.timeOrigin, of: "server", host: location.hostname, view: document.body?.dataset.view ?? "",
    lost: document.querySelector("#banner")?.checkVisibility() ?? false, banner: text("#banner"),
    closed: text("#not-serving p"), rejected: text("#login-error"), error: "", passable: false, says: "",
  };
"""
"""The part of a look that is the same in every browser, as a script's first lines; it leaves `text` and `page`."""


class NoPictureError(EngineError):
    """The browser has no picture of its page at this moment."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is found on a page at one moment.

    Attributes:
        document: another number is another document.
        of: whose page it is.
        host: the name that it is about; empty where there is none.
        view: what a portal's page shows: login, home.
        lost: whether the banner is seen.
        banner: what stands in it.
        closed: why a portal takes no log-ins.
        rejected: why it did not let the user in.
        error: the browser's name of what is wrong.
        passable: whether the browser offers to go on in spite of it.
        says: the browser's words for people.
    """

    document: float
    of: Of = "server"
    host: str = ""
    view: str = ""
    lost: bool = False
    banner: str = ""
    closed: str = ""
    rejected: str = ""
    error: str = ""
    passable: bool = False
    says: str = ""


def meaning(found: Found) -> Shows:
    """What a page means, by what was found on it."""
    match found.of:
        case "certificate":
            return Shows.CERTIFICATE_PROMPT if found.says else Shows.NOTHING  # not written yet
        case "network":
            return Shows.UNREACHABLE if found.error or found.says else Shows.NOTHING
        case "server":
            return _meaning_of_portal(found)
        case _:
            assert_never(found.of)


def detail(found: Found) -> str:
    """Why it is so, in words."""
    shown = (found.error, found.closed, found.banner if found.lost else "", found.says)
    return next((text for text in shown if text), "")


def _meaning_of_portal(found: Found) -> Shows:
    if found.closed:
        return Shows.NOT_SERVING
    if found.view == "home":
        return Shows.LOST_CONTACT if found.lost else Shows.HOME
    return Shows.LOGIN if found.view == "login" else Shows.NOTHING


class Page(Protocol):
    """One page of a browser. Every call raises EngineError where the browser is gone or does not do it."""

    @property
    def raw(self) -> Any:
        """The browser's own way to it, for whatever else a test wants."""

    def look(self) -> Found | None:
        """What is found on it now; `None` between two documents."""

    def open(self, url: str) -> None:
        """Type an address; returns at once."""

    def fill(self, label: str, text: str) -> None:
        """Write into the field of this label."""

    def press(self, button: str) -> None:
        """Press the button of this name."""

    def proceed(self) -> None:
        """Go on in spite of the certificate that the browser asks about; it must be passable."""

    def go_back(self) -> None:
        """Leave the question that the browser asks."""

    def screenshot(self) -> bytes:
        """A picture of it (PNG).

        Raises:
            NoPictureError: there is none of a page that is just being left.
        """


class Engine(Protocol):
    """Makes pages of one kind of browser."""

    def page(self, names: Mapping[str, str], *, anchors: Sequence[Path]) -> AbstractContextManager[Page]:
        """An empty page of somebody new, for as long as the context is open.

        Args:
            names: host name to IPv4 address.
            anchors: files (PEM) with the authorities that the browser trusts.

        Raises:
            MissingError: the browser or what it needs is not there; says how to get it.
            EngineError: it does not start.
        """
