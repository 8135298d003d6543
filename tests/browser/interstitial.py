"""The page by which Chromium itself asks about a certificate, and what a person does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Frame, Page

    from testbed.placement import BedServer

UNKNOWN_ISSUER = "ERR_CERT_AUTHORITY_INVALID"


class Album:
    """Takes a picture of each step: `STORY-NUMBER-STEP.png`.

    Args:
        folder: where they go.
        story: what the steps belong to.
    """

    def __init__(self, folder: Path, story: str) -> None:
        self._folder = folder
        self._story = story
        self._count = 0

    def take(self, page: Page, step: str) -> None:
        """What the page shows now."""
        self._count += 1
        page.screenshot(path=self._folder / f"{self._story}-{self._count}-{step}.png")


class Prompts:
    """Counts how often a page was taken over by the browser's own question about a certificate."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.met: list[str] = []
        page.on("framenavigated", self._see)

    def _see(self, frame: Frame) -> None:
        if frame.url.startswith("chrome-error:"):
            self.met.append(frame.url)


def expect_question(page: Page, server: BedServer, error: str = UNKNOWN_ISSUER) -> None:
    """The browser asks about this server's certificate, for this reason."""
    expect(page.locator("#main-message")).to_contain_text(server.hostname)
    expect(page.locator("#error-code")).to_have_text(f"net::{error}")


def proceed(page: Page) -> None:
    """Accept the certificate, as a person does."""
    page.locator("#details-button").click()
    page.locator("#proceed-link").click()


def go_back(page: Page) -> None:
    """Decline it."""
    page.locator("#primary-button").click()
