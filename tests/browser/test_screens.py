"""Every page at a wide and at a narrow window: whole, legible, named, and within reach of a keyboard.

A picture of each goes into the report, if there is one: screens/PAGE-WIDTH.png.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from testbed.faults import Stop
from tests.browser.audit import offences
from tests.scenarios.observing import eventually_serves

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from tests.browser.conftest import Newcomer
    from tests.browser.person import Person

WIDTHS = (1280, 390)

LONG_NAME = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 3

MEETINGS = [
    {
        "id": "1",
        "title": "Review",
        "starts_at": "2030-01-01T10:00:00Z",
        "scheduled_on": "primary",
        "state": "scheduled",
    },
    {"id": "2", "title": "Stand-up", "starts_at": "2020-01-01T10:00:00Z", "scheduled_on": "primary", "state": "held"},
    {
        "id": "3",
        "title": LONG_NAME,
        "starts_at": "2020-01-02T10:00:00Z",
        "scheduled_on": "secondary",
        "state": "missed",
    },
]


class Gallery:
    """Looks at pages, one after the other, and keeps what was wrong and a picture of each.

    Args:
        folder: where the pictures go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.found: dict[str, list[str]] = {}

    def look(self, person: Person, name: str, *, widths: tuple[int, ...] = WIDTHS) -> None:
        """Look at what a person sees now, at windows of several widths in pixels."""
        for width in widths:
            person.page.set_viewport_size({"width": width, "height": 800})
            person.page.screenshot(path=self._folder / f"{name}-{width}.png", full_page=True)
            wrong = offences(person.page)
            if wrong:
                self.found[f"{name}-{width}"] = wrong


def test_the_users_pages_are_whole_and_legible(
    bed: Bed, newcomer: Newcomer, passwords: dict[str, str], screens: Path
) -> None:
    """Log-in, a home with little and with much in it, a row that is edited, lost contact, backup and restore."""
    alice, gallery = newcomer(), Gallery(screens)
    page = alice.page
    alice.log_in(bed.primary.portal_url, "alice", "wrong")
    expect(page.get_by_role("alert").filter(has_text="Invalid")).to_be_visible()
    gallery.look(alice, "user-log-in")
    alice.log_in(bed.primary.portal_url, "alice", passwords["alice"])
    expect(page.get_by_role("region", name="Directory")).to_be_visible()
    gallery.look(alice, "user-home-empty")
    page.route("**/api/v1/meetings", lambda route: route.fulfill(json={"items": MEETINGS}))
    form = page.get_by_role("form", name="Add a personal contact")
    for name, number in (("Carol", "+31 20 1234567"), (LONG_NAME, "1" * 40)):
        form.get_by_label("Name").fill(name)
        form.get_by_label("Number").fill(number)
        form.get_by_role("button", name="Add contact").click()
        expect(page.get_by_role("button", name=f"Edit {name}")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Edit Carol").click()
    gallery.look(alice, "user-home")
    alice.expects("net::ERR", "/api/v1/")
    page.route("**/api/v1/{session,redirect}", lambda route: route.abort())
    expect(page.get_by_role("alert").filter(has_text="Connection lost")).to_be_visible()
    gallery.look(alice, "user-connection-lost")
    page.goto(bed.primary.portal_url.replace("onexportal.html", "onexportal-afa.html"))
    gallery.look(alice, "backup-and-restore")
    assert gallery.found == {}


def test_the_administrators_pages_are_whole_and_legible(
    bed: Bed, newcomer: Newcomer, administrator: tuple[str, str], passwords: dict[str, str], screens: Path
) -> None:
    """Log-in, the question about another session, the menu and every entry of it, with something to show."""
    admin, other, alice, gallery = newcomer(), newcomer(), newcomer(), Gallery(screens)
    page = admin.page
    page.goto(bed.primary.admin_url)
    gallery.look(admin, "admin-log-in")
    alice.log_in(bed.primary.portal_url, "alice", passwords["alice"])
    expect(alice.page.get_by_role("region", name="Directory")).to_be_visible()
    inspector = bed.inspectors[bed.primary.name]
    for name in ("Reception", LONG_NAME):
        inspector.administer("POST", "directory", {"name": name, "number": "100"})
    settings = {"failover": True, "failback": "manual", "detection_minutes": 5}
    inspector.administer("PUT", "resiliency", settings)
    other.log_in(bed.primary.admin_url, *administrator)
    expect(other.page.get_by_role("alertdialog")).to_be_visible()
    other.press(other.page.get_by_role("button", name="Yes"))
    expect(other.page.get_by_role("navigation", name="Menu")).to_be_visible()
    admin.log_in(bed.primary.admin_url, *administrator)
    expect(page.get_by_role("alertdialog")).to_be_visible()
    gallery.look(admin, "admin-another-session")
    page.get_by_role("alertdialog").get_by_role("button", name="Yes").click()
    expect(page.get_by_role("region", name="Component Status")).to_be_visible()
    page.get_by_role("button", name="Menu").click()
    gallery.look(admin, "admin-menu", widths=(390,))
    entries = page.locator("nav a").evaluate_all("(links) => links.map((link) => [link.hash, link.textContent])")
    for address, title in entries:
        page.goto(f"{bed.primary.admin_url}{address}")
        panel = page.get_by_role("region", name=title, exact=True)
        expect(panel.locator("tbody tr, form.settings:visible, ul.items li, p.absent").first).to_be_visible()
        gallery.look(admin, f"admin-{address.removeprefix('#')}")
    assert len(entries) == 11
    assert gallery.found == {}


def test_the_pages_of_a_passive_portal_are_whole_and_legible(
    bed: Bed, newcomer: Newcomer, nemesis: Nemesis, screens: Path
) -> None:
    """The explanation that users meet, and the platform views with each of their icons."""
    person, gallery = newcomer(), Gallery(screens)
    page = person.page
    person.expects("503", "/onexportal.html")
    page.goto(bed.secondary.platform_view_url)
    gallery.look(person, "platform-view-secondary")
    with nemesis.under(Stop(bed.primary.core)):
        eventually_serves(bed.secondary, bed)
        page.goto(bed.primary.portal_url)
        gallery.look(person, "not-serving")
        page.goto(bed.primary.platform_view_url)
        expect(page.locator(".red .state")).to_have_text("Stopped")
        gallery.look(person, "platform-view-primary")
    assert gallery.found == {}


def test_text_is_drawn_with_a_font(bed: Bed, newcomer: Newcomer) -> None:
    """Without one every letter is as wide as the next, or has no width at all."""
    page = newcomer().page
    page.goto(bed.primary.portal_url)
    narrow, wide = page.evaluate("""() => ["iiii", "WWWW"].map((text) => {
      const pen = document.createElement("canvas").getContext("2d");
      pen.font = getComputedStyle(document.body).font;
      return pen.measureText(text).width;
    })""")
    assert 0 < narrow < wide
