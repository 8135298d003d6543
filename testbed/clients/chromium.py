"""Starts Chromium so that containers do not disturb it, with names and trust of its own. Judges nothing.

Nothing of the user is read or changed: each browser has a home folder of its own, and in it the certificate database
(NSS) in which Chromium looks for authorities beside its own. Playwright is optional, and loads slowly: it is imported
when the first browser starts.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from typing import TYPE_CHECKING, Self

from testbed import environment
from testbed.clients.nss import trust
from testbed.clients.page import PORTAL, Found
from testbed.clients.steady import STEADY
from testbed.errors import EngineError, MissingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser, Error, Locator, Page, Playwright

ARGUMENTS = (
    "--no-sandbox",  # tests may run as root, where Chromium's sandbox cannot
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

WITHIN_MS = 10_000
"""Bound for what a page is told to do, in milliseconds."""

STARTS_WITHIN_MS = 60_000
"""Bound for a start, in milliseconds."""

LOOK = f"""() => {{ {PORTAL}
  if (location.protocol !== "chrome-error:") return page;
  const error = text("#error-code").replace(/^net::/, "");
  return {{
    ...page, of: error.startsWith("ERR_CERT_") ? "certificate" : "network", error,
    host: text("#main-message strong"), passable: document.querySelector("#proceed-link") !== null,
    says: text("#main-message p"),
  }};
}}"""


class ChromiumPage:
    """A page of Chromium, in the words of `testbed.clients.page.Page`."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._crashed = False
        page.on("crash", self._crash)

    @property
    def raw(self) -> Page:
        """Playwright's page."""
        return self._page

    def look(self) -> Found | None:
        """What is found on it now; `None` between two documents."""
        from playwright.sync_api import Error  # noqa: PLC0415 - optional, and loaded by now

        try:
            return Found(**self._page.evaluate(LOOK))
        except Error as error:
            browser = self._page.context.browser
            if self._crashed or self._page.is_closed() or browser is None or not browser.is_connected():
                raise EngineError(f"the page of Chromium is gone: {_first_line(error)}") from error
            return None

    def open(self, url: str) -> None:
        """Type an address; returns at once."""
        with self._doing(f"open {url}"):
            # Not `goto`, to which a certificate prompt is an error.
            self._page.evaluate("(url) => { location.assign(url) }", url)

    def fill(self, label: str, text: str) -> None:
        """Write into the field of this label."""
        with self._doing(f"fill in {label!r}"):
            self._page.get_by_label(label).fill(text, timeout=WITHIN_MS)

    def press(self, button: str) -> None:
        """Press the button of this name."""
        self._click(self._page.get_by_role("button", name=button), f"press {button!r}")

    def proceed(self) -> None:
        """Unfold what Chromium has to say, and go on."""
        if not self._page.locator("#proceed-link").is_visible():
            self._click(self._page.locator("#details-button"), "unfold the certificate prompt")
        self._click(self._page.locator("#proceed-link"), "accept the certificate")

    def go_back(self) -> None:
        """Leave the question that Chromium asks."""
        self._click(self._page.locator("#primary-button"), "decline the certificate")

    def screenshot(self) -> bytes:
        """A picture of it (PNG)."""
        with self._doing("take a picture"):
            return self._page.screenshot(timeout=WITHIN_MS)

    def _click(self, place: Locator, what: str) -> None:
        with self._doing(what):
            place.click(timeout=WITHIN_MS)

    def _crash(self, _page: Page) -> None:
        self._crashed = True

    @contextlib.contextmanager
    def _doing(self, what: str) -> Iterator[None]:
        from playwright.sync_api import Error  # noqa: PLC0415 - as above

        try:
            yield
        except Error as error:
            raise EngineError(f"Chromium could not {what}: {_first_line(error)}") from error


class Browsers:
    """The browsers of one session, each started when first asked for.

    Args:
        folder: for their homes.
        program: path of Chromium; the machine's by default, looked for when the first starts.
    """

    def __init__(self, folder: Path, program: str | None = None) -> None:
        self._program = program
        self._folder = folder
        self._homes = 0
        self._stack = contextlib.ExitStack()
        self._playwright: Playwright | None = None
        self._running: dict[tuple[str, tuple[Path, ...]], Browser] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def browser(self, names: str, *, anchors: Sequence[Path] = ()) -> Browser:
        """A browser, neither of whose properties can change once it runs; another one, if it has crashed.

        Args:
            names: its `--host-resolver-rules`.
            anchors: files (PEM) with the authorities that it trusts beside its own.

        Raises:
            MissingError: Chromium, Playwright or certutil is not there; says how to get it.
            EngineError: certutil took a file for no certificate, or the browser did not start.
        """
        key = (names, tuple(anchors))
        if key not in self._running or not _answers(self._running[key]):
            self._running[key] = self._launch(names, anchors)
            self._stack.callback(self._running[key].close)
        return self._running[key]

    @contextlib.contextmanager
    def page(self, names: Mapping[str, str], *, anchors: Sequence[Path]) -> Iterator[ChromiumPage]:
        """An empty page of somebody new, who shares the browser with others, and nothing else.

        Raises:
            MissingError, EngineError: as for `browser`.
        """
        context = self.browser(rules(names), anchors=anchors).new_context()
        from playwright.sync_api import Error  # noqa: PLC0415 - optional, and loaded by now

        try:
            yield ChromiumPage(context.new_page())
        finally:
            with contextlib.suppress(Error):  # of a browser that is gone there is none to close
                context.close()

    def _launch(self, names: str, anchors: Sequence[Path]) -> Browser:
        program = self._program or environment.needed_chromium()
        playwright = self._playwright = self._playwright or self._start()
        from playwright.sync_api import Error  # noqa: PLC0415 - optional, and loaded by now

        self._homes += 1  # also where it fails: the next one begins anew
        home = self._folder / f"home-{self._homes}"
        home.mkdir(parents=True)
        if anchors:
            trust(home / ".pki" / "nssdb", anchors)
        try:
            return playwright.chromium.launch(
                executable_path=self._steady(program),
                args=[*ARGUMENTS, f"--host-resolver-rules={names}"],
                env={**os.environ, "HOME": str(home)},
                timeout=STARTS_WITHIN_MS,
            )
        except Error as error:
            raise EngineError(
                f"{program} does not start as Chromium (TESTBED_CHROMIUM names another): {_first_line(error)}"
            ) from error

    def _start(self) -> Playwright:
        try:
            from playwright.sync_api import sync_playwright  # noqa: PLC0415 - optional, and slow
        except ImportError as error:
            raise MissingError("Playwright is missing: pip install portal-resilience-testbed[browser]") from error
        return self._stack.enter_context(sync_playwright())

    def _steady(self, program: str) -> Path:
        """A program that starts Chromium as `testbed.clients.steady` does: Playwright takes no more than a path."""
        path = self._folder / "chromium"
        words = (sys.executable, str(STEADY), program)
        path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        path.chmod(0o700)
        return path


def rules(names: Mapping[str, str]) -> str:
    """Names as Chromium takes them (`--host-resolver-rules`)."""
    return ",".join(f"MAP {host} {address}" for host, address in names.items())


def _answers(browser: Browser) -> bool:
    """Whether it still runs; asked, as what is known of it may be old."""
    from playwright.sync_api import Error  # noqa: PLC0415 - optional, and loaded by now

    try:
        browser.new_context().close()
    except Error:
        return False
    return browser.is_connected()


def _first_line(error: Error) -> str:
    return error.message.partition("\n")[0]
