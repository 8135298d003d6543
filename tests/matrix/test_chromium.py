"""What Chromium makes of the certificates: the error that its page names, and whether that can be passed by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.matrix.cases import DOMAIN, Case
from tests.matrix.clients import TRUSTED
from tests.matrix.expected import CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.conftest import Browsers
    from tests.matrix.clients import Place
    from tests.matrix.table import Table

WITHIN_MS = 20_000
"""A bound: before some pages Chromium asks for three seconds whether a hotel's log-in page is in the way."""


def verdict(page: Page) -> str:
    """What the page that the browser has come to says."""
    served = page.get_by_text("served", exact=True)
    error = page.locator("#error-code")
    expect(served.or_(error)).to_have_count(1, timeout=WITHIN_MS)
    if served.count():
        return TRUSTED
    passable = page.locator("#proceed-link").count()
    return f"{(error.text_content() or '').removeprefix('net::')}, {'can be passed' if passable else 'final'}"


def test_chromium_has_its_verdicts(browsers: Browsers, places: dict[Case, Place], table: Table) -> None:
    """All pages are opened at once, as each takes its time."""
    anchors = places[Case.SOUND].anchors
    context = browsers(f"MAP *.{DOMAIN} 127.0.0.1", anchors=(anchors,)).new_context()
    pages = {case: context.new_page() for case in Case}
    for case, page in pages.items():
        page.evaluate("(url) => { location.assign(url) }", places[case].url)
    verdicts = {case: verdict(page) for case, page in pages.items()}
    context.close()
    for case, said in verdicts.items():
        table.add(case.value, "Chromium", said)
    assert verdicts == {case: CHROMIUM[case] for case in Case}
