"""What Chromium makes of the certificates: the error that its page names, and whether that can be passed by."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from testbed.certificates import CertificateFault
from testbed.faults import Stop, certificate
from tests.matrix.cases import DOMAIN, Case
from tests.matrix.clients import TRUSTED
from tests.matrix.expected import CHROMIUM, REPLACED_DURING_FAILOVER, REPLACED_SINCE_ACCEPTED, ROTATED_AT_FAILBACK
from tests.scenarios.observing import eventually_serves

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from testbed.bed import Bed
    from testbed.clients.chromium import Browsers
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer
    from tests.matrix.clients import Place
    from tests.matrix.table import Table

WITHIN_MS = 20_000
"""A bound: before some pages Chromium asks for three seconds whether a hotel's log-in page is in the way."""


@contextlib.contextmanager
def page_of(bed: Bed, browsers: Browsers, anchors: Sequence[Path] = ()) -> Iterator[Page]:
    """A page of a new user, whose browser finds the bed's servers."""
    names = ",".join(f"MAP {server.hostname} {server.address}" for server in bed.servers)
    with contextlib.closing(browsers.browser(names, anchors=anchors).new_context()) as context:
        yield context.new_page()


def opened(page: Page, server: BedServer) -> str:
    """Open the user page of a server; the verdict."""
    page.evaluate("(url) => { location.assign(url) }", server.portal_url)
    page.wait_for_load_state()
    return verdict(page, page.get_by_label("User name"))


def verdict(page: Page, served: Locator) -> str:
    """What the browser has come to: what is served, or its own page that says why not."""
    error = page.locator("#error-code")
    expect(served.or_(error)).to_have_count(1, timeout=WITHIN_MS)
    if served.count():
        return TRUSTED
    passable = page.locator("#proceed-link").count()
    return f"{(error.text_content() or '').removeprefix('net::')}, {'can be passed' if passable else 'final'}"


def test_chromium_has_its_verdicts(browsers: Browsers, places: dict[Case, Place], table: Table) -> None:
    """All pages are opened at once, as each takes its time."""
    anchors = places[Case.SOUND].anchors
    context = browsers.browser(f"MAP *.{DOMAIN} 127.0.0.1", anchors=(anchors,)).new_context()
    pages = {case: context.new_page() for case in Case}
    for case, page in pages.items():
        page.evaluate("(url) => { location.assign(url) }", places[case].url)
    verdicts = {case: verdict(page, page.get_by_text("served", exact=True)) for case, page in pages.items()}
    context.close()
    for case, said in verdicts.items():
        table.add(case.value, "Chromium", said)
    assert verdicts == {case: CHROMIUM[case] for case in Case}


@pytest.mark.rule("CERT-5")
def test_chromium_asks_again_when_what_was_accepted_is_replaced(
    bed: Bed, browsers: Browsers, nemesis: Nemesis, table: Table
) -> None:
    """An exception that a user made is for that certificate, not for that server."""
    with page_of(bed, browsers) as page:
        assert opened(page, bed.primary) == CHROMIUM[Case.UNKNOWN_CA]
        page.locator("#details-button").click()
        page.locator("#proceed-link").click()
        page.wait_for_url(bed.primary.portal_url)
        assert opened(page, bed.primary) == TRUSTED
        with nemesis.under(certificate(bed.primary, CertificateFault.REPLACED)):
            with nemesis.under(Stop(bed.primary.portal)):  # on a connection that stays open none is shown again
                eventually_serves(bed.secondary, bed)
            eventually_serves(bed.primary, bed)
            said = opened(page, bed.primary)
    table.add(REPLACED_SINCE_ACCEPTED, "Chromium", said)
    assert said == CHROMIUM[REPLACED_SINCE_ACCEPTED]


@pytest.mark.rule("CERT-5")
def test_chromium_asks_when_a_certificate_is_replaced_during_failover(
    bed: Bed, browsers: Browsers, nemesis: Nemesis, table: Table
) -> None:
    """It trusted both servers' authorities, and was served by the secondary."""
    anchors = tuple(server.certificate for server in bed.pair)
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        with page_of(bed, browsers, anchors) as page:
            assert opened(page, bed.secondary) == TRUSTED
        fault = certificate(bed.secondary, CertificateFault.REPLACED)
        # The next visit has connections of its own: on one that stays open no certificate is shown again.
        with nemesis.under(fault), page_of(bed, browsers, anchors) as page:
            said = opened(page, bed.secondary)
    table.add(REPLACED_DURING_FAILOVER, "Chromium", said)
    assert said == CHROMIUM[REPLACED_DURING_FAILOVER]


@pytest.mark.rule("CERT-5", "REDIR-4")
@pytest.mark.topology(certificates="common-ca")
def test_chromium_asks_when_the_authority_is_rotated_at_failback(
    bed: Bed, browsers: Browsers, nemesis: Nemesis, passwords: dict[str, str], table: Table
) -> None:
    """The page's own script leads home, to a certificate from an authority of the same name and another key."""
    fault = certificate(bed.primary, CertificateFault.REPLACED)
    with page_of(bed, browsers, (bed.primary.certificate,)) as page:
        with nemesis.under(Stop(bed.primary.portal)):
            eventually_serves(bed.secondary, bed)
            assert opened(page, bed.secondary) == TRUSTED
            page.get_by_label("User name").fill("alice")
            page.get_by_label("Password").fill(passwords["alice"])
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("region", name="Directory")).to_be_visible()
            nemesis.inject(fault)
        expect(page.locator("#main-message")).to_contain_text(bed.primary.hostname, timeout=WITHIN_MS)
        said = verdict(page, page.get_by_label("User name"))
        nemesis.heal(fault)
        assert opened(page, bed.primary) == TRUSTED
    table.add(ROTATED_AT_FAILBACK, "Chromium", said)
    assert said == CHROMIUM[ROTATED_AT_FAILBACK]
