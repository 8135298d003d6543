"""Certificates at the redirect, met by a person with a real browser. A picture of each step goes into the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from testbed.clients.album import Album
from testbed.faults import Kill
from tests.browser.interstitial import Prompts, expect_question, go_back, pictures, proceed, refused
from tests.scenarios.observing import let_pass

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer
    from testbed.recording.watch import Watch
    from tests.browser.conftest import Newcomer
    from tests.browser.person import Person


def somebody(bed: Bed, newcomer: Newcomer, *, trusts: tuple[Path, ...] = ()) -> Person:
    """A person whose browser says on its console that servers are away, and what it thinks of certificates."""
    person = newcomer(trusts=trusts)
    for server in bed.servers:
        person.expects("net::ERR", server.hostname)
        person.expects("503", server.hostname)
    person.expects("net::ERR", "chrome-error:")
    return person


def log_in(person: Person, password: str) -> None:
    """Fill in the form that is on the screen."""
    page = person.page
    person.write(page.get_by_label("User name"), "alice")
    person.write(page.get_by_label("Password"), password)
    person.press(page.get_by_role("button", name="Log in"))
    expect(page.get_by_role("region", name="Directory")).to_be_visible()


def first_visit(person: Person, server: BedServer) -> None:
    """Open a server whose certificate this browser does not trust."""
    # `goto` would raise: to Playwright a question is an error.
    person.page.evaluate("(url) => { location.assign(url) }", server.portal_url)
    expect_question(person.page, server)


@pytest.mark.rule("CERT-1", "CERT-2", "CERT-6", "REDIR-1", "REDIR-4", "CLIENT-1")
def test_a_browser_asks_on_the_first_visit_to_the_secondary_and_not_again(  # noqa: PLR0913, PLR0917 - fixtures
    bed: Bed, newcomer: Newcomer, nemesis: Nemesis, watch: Watch, passwords: dict[str, str], screens: Path
) -> None:
    """The page's own script leads to the question; it goes on once that is answered, and never meets it again."""
    alice, album = somebody(bed, newcomer), Album(screens, "first-visit")
    page, prompts = alice.page, Prompts(alice.page)
    first_visit(alice, bed.primary)
    album.take(page, "primary-question")
    proceed(page)
    log_in(alice, passwords["alice"])
    album.take(page, "primary-home")
    with nemesis.under(Kill(bed.primary.portal)):
        expect_question(page, bed.secondary)
        album.take(page, "secondary-question")
        assert {visit.alert for visit in refused(bed.secondary, watch)} <= {"certificate_unknown", None}
        proceed(page)
        expect(page.get_by_label("User name")).to_be_focused()
        assert page.url == bed.secondary.portal_url
        album.take(page, "secondary-log-in")
        log_in(alice, passwords["alice"])
        album.take(page, "secondary-home")
    page.wait_for_url(bed.primary.portal_url)
    expect(page.get_by_label("User name")).to_be_focused()
    album.take(page, "back-at-the-primary")
    log_in(alice, passwords["alice"])
    with nemesis.under(Kill(bed.primary.portal)):
        page.wait_for_url(bed.secondary.portal_url)
        expect(page.get_by_label("User name")).to_be_focused()
        album.take(page, "secondary-again-unasked")
    assert len(prompts.met) == 2
    steps = ["primary-question", "primary-home", "secondary-question", "secondary-log-in", "secondary-home"]
    assert pictures(screens, "first-visit") == [*steps, "back-at-the-primary", "secondary-again-unasked"]


@pytest.mark.rule("CERT-2", "REDIR-1", "REDIR-4", "CLIENT-1")
@pytest.mark.topology(certificates="common-ca")
def test_a_browser_that_trusts_the_common_authority_is_never_asked(
    bed: Bed, newcomer: Newcomer, nemesis: Nemesis, passwords: dict[str, str], screens: Path
) -> None:
    """To the secondary and home again; it was told of one authority, and nothing else."""
    alice, album = somebody(bed, newcomer, trusts=(bed.primary.certificate,)), Album(screens, "common-authority")
    page, prompts = alice.page, Prompts(alice.page)
    page.goto(bed.primary.portal_url)
    log_in(alice, passwords["alice"])
    album.take(page, "primary-home")
    with nemesis.under(Kill(bed.primary.portal)):
        page.wait_for_url(bed.secondary.portal_url)
        expect(page.get_by_label("User name")).to_be_focused()
        album.take(page, "secondary-log-in")
        log_in(alice, passwords["alice"])
    page.wait_for_url(bed.primary.portal_url)
    expect(page.get_by_label("User name")).to_be_focused()
    album.take(page, "back-at-the-primary")
    assert prompts.met == []
    assert pictures(screens, "common-authority") == ["primary-home", "secondary-log-in", "back-at-the-primary"]


@pytest.mark.rule("CERT-4", "CERT-6", "CLIENT-1")
def test_a_person_who_declines_stays_where_they_are(  # noqa: PLR0913, PLR0917 - fixtures
    bed: Bed, newcomer: Newcomer, nemesis: Nemesis, watch: Watch, passwords: dict[str, str], screens: Path
) -> None:
    """Whatever the browser shows then, it is not the secondary, which was sent nothing but handshakes."""
    trusts = (bed.primary.certificate,)
    alice, album = somebody(bed, newcomer, trusts=trusts), Album(screens, "declined")
    page, prompts = alice.page, Prompts(alice.page)
    page.goto(bed.primary.portal_url)
    log_in(alice, passwords["alice"])
    with nemesis.under(Kill(bed.primary.portal)):
        expect_question(page, bed.secondary)
        album.take(page, "question")
        go_back(page)
        expect(page.locator("#main-message")).to_contain_text("refused")
        expect(page.locator("#main-message")).to_contain_text(bed.primary.hostname)
        album.take(page, "declined")
        met = len(prompts.met)
        let_pass(2, meanwhile=lambda: page.evaluate("0"))  # many times what the page waits between two looks
        assert len(prompts.met) == met
        assert {visit.alert for visit in refused(bed.secondary, watch)} <= {"certificate_unknown", None}
    bed.wait_until_settled()
    page.goto(bed.primary.portal_url)
    expect(page.get_by_label("User name")).to_be_focused()
    album.take(page, "back-at-the-primary")
    assert pictures(screens, "declined") == ["question", "declined", "back-at-the-primary"]
