"""The user page, as its users use it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from testbed.faults import Kill, Stop
from testbed.waiting import wait_until
from tests.scenarios.observing import WITHIN_S, eventually_serves

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from tests.browser.conftest import Newcomer
    from tests.browser.person import Hand, Person


def gadget(page: Page, title: str) -> Locator:
    """One of the boxes of a user's home."""
    return page.get_by_role("region", name=title)


def add_contact(person: Person, name: str, number: str) -> Locator:
    """Add a personal contact; its row."""
    form = person.page.get_by_role("form", name="Add a personal contact")
    person.write(form.get_by_label("Name"), name)
    person.write(form.get_by_label("Number"), number)
    person.press(form.get_by_role("button", name="Add contact"))
    row = gadget(person.page, "Directory").get_by_role("listitem").filter(has_text=name)
    expect(row).to_contain_text(number)
    return row


@pytest.mark.parametrize("hand", ["mouse", "keyboard"])
def test_a_user_keeps_contacts(bed: Bed, newcomer: Newcomer, passwords: dict[str, str], hand: Hand) -> None:
    """Logs in, adds, edits and deletes a contact, and logs out, with a mouse or with a keyboard alone."""
    alice = newcomer(hand)
    page = alice.page
    alice.log_in(bed.primary.portal_url, "alice", passwords["alice"])
    row = add_contact(alice, "Carol", "+31 20 1234567")
    alice.press(row.get_by_role("button", name="Edit Carol"))
    editing = page.get_by_role("form", name="Edit Carol")
    alice.write(editing.get_by_label("Number"), "112")
    alice.press(editing.get_by_role("button", name="Save"))
    expect(row).to_contain_text("112")
    expect(row.get_by_role("button", name="Edit Carol")).to_be_focused()
    page.reload()
    expect(row).to_contain_text("112")
    alice.press(row.get_by_role("button", name="Delete Carol"))
    expect(alice.says("Carol is deleted.")).to_be_visible()
    expect(row).to_have_count(0)
    alice.press(page.get_by_role("button", name="Log out"))
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_the_page_never_moves_the_focus_from_somebody_who_writes(
    bed: Bed, newcomer: Newcomer, passwords: dict[str, str]
) -> None:
    """Neither when the last list comes after the log-in nor when an answer comes: not a letter goes astray."""
    alice = newcomer()
    page = alice.page
    late: list[Route] = []
    page.route("**/api/v1/directory", lambda route: late.append(route))  # noqa: PLW0108 - Playwright marks what it calls
    alice.log_in(bed.primary.portal_url, "alice", passwords["alice"])
    name = page.get_by_role("form", name="Add a personal contact").get_by_label("Name")
    name.press_sequentially("Car")
    late.pop().continue_()
    expect(page.get_by_text("The system directory is empty.")).to_be_visible()
    page.keyboard.type("ol")
    expect(name).to_have_value("Carol")
    page.route(
        "**/api/v1/contacts", lambda route: late.append(route) if route.request.method == "POST" else route.fallback()
    )
    page.get_by_role("form", name="Add a personal contact").get_by_label("Number").fill("1")
    page.keyboard.press("Enter")
    title = page.get_by_role("form", name="Schedule a meeting").get_by_label("Title")
    title.press_sequentially("Re")
    page.unroute("**/api/v1/contacts")
    late.pop().continue_()
    expect(alice.says("Carol is added.")).to_be_visible()
    expect(gadget(page, "Directory").get_by_role("listitem").filter(has_text="Carol")).to_be_visible()
    page.keyboard.type("view")
    expect(title).to_have_value("Review")


@pytest.mark.parametrize("hand", ["mouse", "keyboard"])
def test_a_user_schedules_a_meeting_and_keeps_a_setting(
    bed: Bed, newcomer: Newcomer, passwords: dict[str, str], hand: Hand
) -> None:
    """Both are there after the page was loaded again; the meeting at the time that was meant."""
    bob = newcomer(hand)
    page = bob.page
    bob.log_in(bed.primary.portal_url, "bob", passwords["bob"])
    meetings = page.get_by_role("form", name="Schedule a meeting")
    start = dt.datetime.now().astimezone().replace(second=0, microsecond=0) + dt.timedelta(days=400)
    bob.write(meetings.get_by_label("Title"), "Review")
    bob.write(meetings.get_by_label("Starts at"), start.strftime("%Y-%m-%dT%H:%M"))
    bob.press(meetings.get_by_role("button", name="Schedule meeting"))
    expect(bob.says("Review is added.")).to_be_visible()
    settings = page.get_by_role("form", name="Add a setting")
    bob.write(settings.get_by_label("Setting"), "ringtone")
    bob.write(settings.get_by_label("Value"), "bell")
    bob.press(settings.get_by_role("button", name="Add setting"))
    expect(bob.says("ringtone is added.")).to_be_visible()
    page.reload()
    row = gadget(page, "Conference scheduler").get_by_role("listitem").filter(has_text="Review")
    at = row.locator("time").get_attribute("datetime")
    assert at is not None
    assert dt.datetime.fromisoformat(at) == start
    expect(gadget(page, "Settings").get_by_role("listitem").filter(has_text="ringtone")).to_contain_text("bell")


def test_a_wrong_password_is_told_in_the_products_words(bed: Bed, newcomer: Newcomer) -> None:
    """And the field to type it again has the focus."""
    alice = newcomer()
    alice.log_in(bed.primary.portal_url, "alice", "wrong")
    expect(alice.page.get_by_role("alert").filter(has_text="Invalid user credentials")).to_be_visible()
    expect(alice.page.get_by_label("Password")).to_be_focused()
    expect(alice.page.get_by_role("region", name="Directory")).to_be_hidden()


def test_what_a_user_typed_is_shown_and_never_run(bed: Bed, newcomer: Newcomer, passwords: dict[str, str]) -> None:
    """Markup is text to the page: nothing is drawn from it, nothing violates the policy."""
    alice = newcomer()
    markup = '<img src="x" onerror="document.title=1"><b>Carol</b>'
    alice.log_in(bed.primary.portal_url, "alice", passwords["alice"])
    row = add_contact(alice, markup, "1")
    expect(row.locator("strong")).to_have_text(markup)
    assert row.locator("img, b").count() == 0
    assert alice.page.title() == "one-X Portal"


def eventually_told(bed: Bed, server: str, state: str) -> None:
    """Wait until the primary's portal has noticed how a core is; a pair can be in normal running before that."""
    name = f"CTI link to the {server}'s IP Office"
    inspector = bed.inspectors[bed.primary.name]

    def look() -> str:
        items = inspector.administer("GET", "health/components")["items"]
        return str({item["name"]: item["state"] for item in items}[name])

    wait_until(look, lambda seen: seen == state, within_s=WITHIN_S, what=f"{name} to be {state}")


@pytest.mark.rule("CONT-1", "CONT-3")
def test_a_refused_change_is_told_beside_its_contact(
    bed: Bed, newcomer: Newcomer, nemesis: Nemesis, passwords: dict[str, str]
) -> None:
    """The portal's own words stand in the row that was to be changed, which stays; later the same page can do it."""
    bob = newcomer()
    bob.expects("status of 409", "/api/v1/contacts/")
    bob.log_in(bed.primary.portal_url, "bob", passwords["bob"])
    carol, dave = add_contact(bob, "Carol", "1"), add_contact(bob, "Dave", "2")
    editing = bob.page.get_by_role("form", name="Edit Dave")
    with nemesis.under(Kill(bed.secondary.core)):
        eventually_told(bed, "secondary", "Not Connected")
        bob.press(carol.get_by_role("button", name="Delete Carol"))
        expect(carol.get_by_role("alert")).to_contain_text("contacts can be read and added")
        expect(dave.get_by_role("alert")).to_have_text("")
        bob.press(dave.get_by_role("button", name="Edit Dave"))
        bob.write(editing.get_by_label("Number"), "3")
        bob.press(editing.get_by_role("button", name="Save"))
        expect(editing.get_by_role("alert")).to_contain_text("contacts can be read and added")
        bob.page.keyboard.press("Escape")
        expect(dave).to_contain_text("2")
    eventually_told(bed, "secondary", "Connected")
    bob.press(carol.get_by_role("button", name="Delete Carol"))
    expect(carol).to_have_count(0)


def test_a_meeting_shows_what_became_of_it(bed: Bed, newcomer: Newcomer, passwords: dict[str, str]) -> None:
    """In a word, with the server on which it was scheduled."""
    states = ("scheduled", "held", "missed")
    items = [
        {"id": state, "title": "Review", "starts_at": "2030-01-01T10:00:00Z", "scheduled_on": "primary", "state": state}
        for state in states
    ]
    alice = newcomer()
    alice.page.route("**/api/v1/meetings", lambda route: route.fulfill(json={"items": items}))
    alice.log_in(bed.primary.portal_url, "alice", passwords["alice"])
    rows = gadget(alice.page, "Conference scheduler").get_by_role("listitem")
    expect(rows.locator(".badge")).to_have_text([state.capitalize() for state in states])
    expect(rows.get_by_text("scheduled on the primary")).to_have_count(len(states))


@pytest.mark.rule("REDIR-1")
def test_a_user_is_told_and_taken_to_the_secondary_when_the_portal_dies(
    bed: Bed, newcomer: Newcomer, nemesis: Nemesis, passwords: dict[str, str]
) -> None:
    """The page asks the core who serves, goes there by itself, and asks for a log-in; and home again on failback."""
    alice = newcomer()
    page = alice.page
    for server in bed.servers:
        alice.expects("net::ERR", server.hostname)
        alice.expects("503", server.hostname)
    alice.log_in(bed.primary.portal_url, "alice", passwords["alice"])
    expect(page.get_by_role("region", name="Directory")).to_be_visible()
    with nemesis.under(Kill(bed.primary.portal)):
        expect(page.get_by_role("alert").filter(has_text="Connection lost")).to_be_visible()
        page.wait_for_url(bed.secondary.portal_url)
        expect(page.get_by_label("User name")).to_be_focused()
        alice.log_in(bed.secondary.portal_url, "alice", passwords["alice"])
        expect(page.get_by_role("region", name="Directory")).to_be_visible()
    page.wait_for_url(bed.primary.portal_url)
    expect(page.get_by_label("User name")).to_be_focused()


@pytest.mark.rule("REDIR-3")
def test_a_portal_that_handed_over_explains_itself(bed: Bed, newcomer: Newcomer, nemesis: Nemesis) -> None:
    """A new user reads why, and that the other server's address works; Try again helps once it serves."""
    alice = newcomer()
    page = alice.page
    alice.expects("503", "/onexportal.html")
    with nemesis.under(Stop(bed.primary.core)):
        eventually_serves(bed.secondary, bed)
        page.goto(bed.primary.portal_url)
        expect(page.get_by_role("heading", name="No log-in here now")).to_be_visible()
        expect(page.get_by_text("the address of the other server")).to_be_visible()
    bed.wait_until_settled()
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
