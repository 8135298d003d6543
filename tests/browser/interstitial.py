"""The page by which Chromium asks about a certificate; what servers and pictures tell of a browser that asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from testbed.waiting import wait_until
from tests.scenarios.observing import visits_to

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Frame, Page

    from testbed.placement import BedServer
    from testbed.recording.sightings import Visit
    from testbed.recording.watch import Watch

UNKNOWN_ISSUER = "ERR_CERT_AUTHORITY_INVALID"

LEAST_BYTES = 5_000
"""An empty page of this size is smaller as a picture."""


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


def refused(server: BedServer, watch: Watch) -> list[Visit]:
    """Wait until a server was told that its certificate is not taken; all visits to it, none of which sent anything."""
    seen = wait_until(
        lambda: visits_to(server, watch),
        lambda visits: any(visit.refused for visit in visits),
        within_s=10,
        what="the refused handshake",
    )
    assert [visit for visit in seen if visit.sent] == []
    return seen


def pictures(folder: Path, story: str) -> list[str]:
    """The steps of a story, in order, of which there are pictures that show something."""
    found: dict[int, str] = {}
    for path in folder.glob(f"{story}-*.png"):
        picture = path.read_bytes()
        assert picture.startswith(b"\x89PNG\r\n"), path
        assert len(picture) > LEAST_BYTES, path
        number, _, step = path.stem.removeprefix(f"{story}-").partition("-")
        found[int(number)] = step
    return [found[number] for number in sorted(found)]
