"""The administrator page, as administrators use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from testbed.faults import Kill

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from tests.browser.conftest import Newcomer
    from tests.browser.person import Hand, Person


def enter(person: Person, url: str, administrator: tuple[str, str]) -> None:
    """Log in as administrator."""
    person.log_in(url, *administrator)


def choose(person: Person, entry: str) -> Locator:
    """Open an entry of the menu; what it shows."""
    person.press(person.page.get_by_role("navigation", name="Menu").get_by_role("link", name=entry))
    panel = person.page.get_by_role("region", name=entry, exact=True)
    expect(panel).to_be_visible()
    return panel


def row(panel: Locator, name: str) -> Locator:
    """The row of a table that begins with a name."""
    return panel.get_by_role("row").filter(has=panel.page.get_by_role("rowheader", name=name, exact=True))


@pytest.mark.parametrize("hand", ["mouse", "keyboard"])
def test_an_administrator_keeps_the_system_directory(
    bed: Bed, newcomer: Newcomer, administrator: tuple[str, str], passwords: dict[str, str], hand: Hand
) -> None:
    """Adds, changes and deletes an entry, with a mouse or with a keyboard alone; every user sees it."""
    admin = newcomer(hand)
    enter(admin, bed.primary.admin_url, administrator)
    panel = choose(admin, "System Directory")
    admin.write(panel.get_by_label("Name"), "Reception")
    admin.write(panel.get_by_label("Number"), "100")
    admin.press(panel.get_by_role("button", name="Add entry"))
    entry = panel.get_by_role("listitem").filter(has_text="Reception")
    admin.press(entry.get_by_role("button", name="Edit Reception"))
    editing = panel.get_by_role("form", name="Edit Reception")
    admin.write(editing.get_by_label("Number"), "200")
    admin.press(editing.get_by_role("button", name="Save"))
    expect(entry).to_contain_text("200")
    alice = newcomer()
    alice.log_in(bed.primary.portal_url, "alice", passwords["alice"])
    expect(alice.page.locator("#directory")).to_contain_text("Reception")
    admin.press(entry.get_by_role("button", name="Delete Reception"))
    expect(entry).to_have_count(0)
    alice.page.reload()
    expect(alice.page.get_by_text("The system directory is empty.")).to_be_visible()


def test_a_second_administrator_is_asked_whether_to_end_the_first_session(
    bed: Bed, newcomer: Newcomer, administrator: tuple[str, str]
) -> None:
    """No leaves the first alone; yes logs the second in, and the first is asked to log in again."""
    first, second = newcomer(), newcomer()
    enter(first, bed.primary.admin_url, administrator)
    expect(first.page.get_by_role("navigation", name="Menu")).to_be_visible()
    enter(second, bed.primary.admin_url, administrator)
    question = second.page.get_by_role("alertdialog", name="Another administrator is logged in")
    second.press(question.get_by_role("button", name="No"))
    expect(question).to_be_hidden()
    expect(second.page.get_by_role("alert").filter(has_text="An administrator is logged in already")).to_be_visible()
    choose(first, "Users")
    second.write(second.page.get_by_label("Password"), administrator[1])
    second.press(second.page.get_by_role("button", name="Log in"))
    second.press(question.get_by_role("button", name="Yes, end that session"))
    expect(second.page.get_by_role("navigation", name="Menu")).to_be_visible()
    expect(first.page.get_by_role("alert").filter(has_text="Your session has ended")).to_be_visible()
    expect(first.page.get_by_role("button", name="Log in")).to_be_visible()


def test_a_wrong_password_of_an_administrator_is_refused(
    bed: Bed, newcomer: Newcomer, administrator: tuple[str, str]
) -> None:
    """In the words that users get too."""
    admin = newcomer()
    enter(admin, bed.primary.admin_url, (administrator[0], "wrong"))
    expect(admin.page.get_by_role("alert").filter(has_text="Invalid user credentials")).to_be_visible()
    expect(admin.page.get_by_role("navigation", name="Menu")).to_be_hidden()


def test_the_focus_stays_where_it_is_while_a_page_looks_again(
    bed: Bed, newcomer: Newcomer, administrator: tuple[str, str], passwords: dict[str, str]
) -> None:
    """A row that changes does not throw a keyboard user out of another one."""
    admin, alice, bob = newcomer("keyboard"), newcomer(), newcomer()
    for person, name in ((alice, "alice"), (bob, "bob")):
        person.log_in(bed.primary.portal_url, name, passwords[name])
        expect(person.page.get_by_role("region", name="Directory")).to_be_visible()
    enter(admin, bed.primary.admin_url, administrator)
    users = choose(admin, "Users")
    button = users.get_by_role("button", name="Clear Sessions of bob")
    button.focus()
    alice.press(alice.page.get_by_role("button", name="Log out"))
    expect(row(users, "alice")).to_contain_text("No")
    expect(button).to_be_focused()


def test_cleared_sessions_send_users_to_the_log_in(
    bed: Bed, newcomer: Newcomer, administrator: tuple[str, str], passwords: dict[str, str]
) -> None:
    """One user's first, which leaves the other alone; then all."""
    admin, alice, bob = newcomer(), newcomer(), newcomer()
    for person, name in ((alice, "alice"), (bob, "bob")):
        person.log_in(bed.primary.portal_url, name, passwords[name])
        expect(person.page.get_by_role("region", name="Directory")).to_be_visible()
    enter(admin, bed.primary.admin_url, administrator)
    users = choose(admin, "Users")
    expect(row(users, "alice")).to_contain_text("primary")
    expect(row(users, "bob")).to_contain_text("Yes")
    admin.press(users.get_by_role("button", name="Clear Sessions of alice"))
    expect(alice.page.get_by_role("alert").filter(has_text="Your session has ended")).to_be_visible()
    expect(alice.page.get_by_role("button", name="Log in")).to_be_visible()
    expect(row(users, "alice")).to_contain_text("No")
    sessions = choose(admin, "Active Sessions")
    expect(row(sessions, "alice")).to_have_count(0)
    expect(row(sessions, "bob")).to_be_visible()
    admin.press(sessions.get_by_role("button", name="Clear all sessions"))
    admin.press(admin.page.get_by_role("alertdialog").get_by_role("button", name="Yes, clear them"))
    expect(bob.page.get_by_role("alert").filter(has_text="Your session has ended")).to_be_visible()
    expect(sessions.get_by_text("Nobody is logged in.")).to_be_visible()


@pytest.mark.rule("CFG-4")
def test_a_changed_detection_time_waits_for_a_restart(
    bed: Bed, newcomer: Newcomer, administrator: tuple[str, str]
) -> None:
    """The page says so, and what is in effect until then; after the restart it says nothing of the kind."""
    admin = newcomer("keyboard")
    page = admin.page
    enter(admin, bed.primary.admin_url, administrator)
    panel = choose(admin, "Resiliency Configuration")
    field = panel.get_by_label("Failover Detection Time (minutes)")
    expect(field).to_have_value("3")
    admin.write(field, "5")
    admin.press(panel.get_by_role("button", name="Save"))
    expect(panel.get_by_text("In effect until then: Failover Detection Time (minutes): 3.")).to_be_visible()
    pending = page.get_by_role("region", name="This portal now").get_by_text("Restart pending")
    expect(pending).to_be_visible()
    page.reload()
    expect(field).to_have_value("5")
    expect(pending).to_be_visible()
    admin.expects("net::ERR", bed.primary.hostname)
    admin.expects("503", bed.primary.hostname)
    admin.press(page.get_by_role("button", name="Restart portal"))
    admin.press(page.get_by_role("alertdialog").get_by_role("button", name="Yes, restart"))
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    enter(admin, bed.primary.admin_url, administrator)
    expect(page.get_by_role("region", name="This portal now")).to_be_visible()
    choose(admin, "Resiliency Configuration")
    expect(field).to_have_value("5")
    expect(pending).to_be_hidden()


@pytest.mark.rule("CFG-6", "REDIR-1")
def test_failover_now_sends_the_users_to_the_secondary(
    bed: Bed, newcomer: Newcomer, administrator: tuple[str, str], passwords: dict[str, str]
) -> None:
    """The administrator is asked first; a user who is logged in lands at the secondary's log-in."""
    admin, alice = newcomer(), newcomer()
    for server in bed.servers:
        alice.expects("503", server.hostname)
    alice.log_in(bed.primary.portal_url, "alice", passwords["alice"])
    expect(alice.page.get_by_role("region", name="Directory")).to_be_visible()
    enter(admin, bed.primary.admin_url, administrator)
    panel = choose(admin, "Resiliency Configuration")
    admin.press(panel.get_by_role("button", name="Failover Now"))
    admin.press(admin.page.get_by_role("alertdialog").get_by_role("button", name="Yes, fail over"))
    alice.page.wait_for_url(bed.secondary.portal_url)
    expect(alice.page.get_by_label("User name")).to_be_focused()
    expect(admin.page.locator("#role")).to_have_text("Starting")


@pytest.mark.rule("VIEW-4")
def test_the_health_pages_follow_what_happens(
    bed: Bed, newcomer: Newcomer, administrator: tuple[str, str], nemesis: Nemesis
) -> None:
    """Component Status and Resilience, in words: all is well, then the secondary's portal dies, then it is back."""
    admin = newcomer()
    enter(admin, bed.primary.admin_url, administrator)
    components = choose(admin, "Component Status")
    expect(row(components, "one-X Portal")).to_contain_text("Available")
    expect(row(components, "Synchronisation")).to_contain_text("Running")
    panel = choose(admin, "Resilience")
    expect(row(panel, "Database").get_by_role("cell")).to_have_text(["Started Active", "Started Passive"])
    expect(row(panel, "IP Office").get_by_role("cell")).to_have_text(["Connected", "Connected"])
    expect(panel.get_by_text("Nothing: resilience is ready.")).to_be_visible()
    with nemesis.under(Kill(bed.secondary.portal)):
        expect(row(panel, "one-X Portal").get_by_role("cell")).to_have_text(["Started Active", "Not Started"])
    expect(row(panel, "one-X Portal").get_by_role("cell")).to_have_text(["Started Active", "Started Passive"])


@pytest.mark.rule("CFG-13")
@pytest.mark.topology(secondary={"host_domain_name": ""}, primary={"failover": False})
def test_every_unmet_rule_is_told_in_words(bed: Bed, newcomer: Newcomer, administrator: tuple[str, str]) -> None:
    """Not only the first, and with what to do about it."""
    admin = newcomer()
    enter(admin, bed.primary.admin_url, administrator)
    panel = choose(admin, "Resilience")
    expect(panel.get_by_role("listitem").filter(has_text="(CFG-12)")).to_contain_text("Host Domain Name")
    expect(panel.get_by_role("listitem").filter(has_text="(CFG-6)")).to_contain_text("page Resiliency Configuration")
