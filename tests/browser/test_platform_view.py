"""The platform view: icons and words, kept up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from testbed.faults import Kill

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from tests.browser.conftest import Newcomer


def expect_shown(page: Page, service: str, state: str, colour: str) -> None:
    """A service's row says a state, and its icon has the colour, which is drawn."""
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=service))
    expect(row.locator(".state")).to_have_text(state)
    icon = row.get_by_role("img")
    expect(icon).to_have_accessible_name(colour)
    drawn = {"green": "circle", "yellow": "path", "red": "rect"}[colour]
    assert drawn in icon.evaluate("(element) => getComputedStyle(element).backgroundImage")


@pytest.mark.rule("VIEW-1", "VIEW-2", "VIEW-3")
def test_the_platform_views_show_each_state_with_its_icon(bed: Bed, newcomer: Newcomer, nemesis: Nemesis) -> None:
    """Available green, Starting yellow, Stopped red; the page changes by itself, and back."""
    primary, secondary = newcomer().page, newcomer().page
    primary.goto(bed.primary.platform_view_url)
    secondary.goto(bed.secondary.platform_view_url)
    expect_shown(primary, "one-X Portal", "Available", "green")
    expect_shown(primary, "IP Office", "Available", "green")
    expect_shown(secondary, "one-X Portal", "Starting", "yellow")
    with nemesis.under(Kill(bed.primary.portal)):
        expect_shown(primary, "one-X Portal", "Stopped", "red")
        expect_shown(secondary, "one-X Portal", "Available", "green")
    expect_shown(primary, "one-X Portal", "Available", "green")
    expect_shown(secondary, "one-X Portal", "Starting", "yellow")


@pytest.mark.rule("CFG-11")
def test_a_service_that_cannot_be_started_by_hand_says_why(
    bed: Bed, newcomer: Newcomer, administrator: tuple[str, str], nemesis: Nemesis
) -> None:
    """Start stands beside a stopped service only, and what it is answered beside it."""
    admin = newcomer(credentials=administrator)
    page = admin.page
    admin.expects("status of 409", "/start")
    start = page.get_by_role("button", name="Start one-X Portal")
    page.goto(bed.secondary.platform_view_url)
    expect_shown(page, "one-X Portal", "Starting", "yellow")
    expect(start).to_be_hidden()
    with nemesis.under(Kill(bed.secondary.portal)):
        expect_shown(page, "one-X Portal", "Stopped", "red")
        admin.press(start)
        expect(page.get_by_role("alert").filter(has_text="nothing in here can start that")).to_be_visible()
    expect(start).to_be_hidden()
