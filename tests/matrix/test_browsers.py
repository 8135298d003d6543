"""What browsers make of the certificates: the error that their pages name, and whether that can be passed by."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest

from testbed.certificates import CertificateFault
from testbed.faults import Stop, certificate
from testbed.waiting import wait_until
from tests.matrix.cases import Case
from tests.matrix.clients import TRUSTED
from tests.matrix.expected import BROWSERS, REPLACED_DURING_FAILOVER, REPLACED_SINCE_ACCEPTED, ROTATED_AT_FAILBACK
from tests.scenarios.observing import eventually_serves

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.clients.chromium import Browsers
    from testbed.clients.firefox import Firefox
    from testbed.clients.page import Engine, Found, Page
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer
    from tests.matrix.clients import Place
    from tests.matrix.table import Table

Name: TypeAlias = Literal["Chromium", "Firefox"]

WITHIN_S = 20.0
"""A bound: before some pages Chromium asks for three seconds whether a hotel's log-in page is in the way."""


@pytest.fixture(params=["Chromium", "Firefox"])
def browser(request: pytest.FixtureRequest) -> tuple[Name, Engine]:
    """Each browser in turn, with its name."""
    request.getfixturevalue({"Chromium": "browsers", "Firefox": "firefox"}[request.param])
    engine: Engine = request.getfixturevalue(
        {"Chromium": "testbed_browsers", "Firefox": "testbed_firefox"}[request.param]
    )
    return request.param, engine


def page_of(bed: Bed, engine: Engine, anchors: Sequence[Path] = ()) -> AbstractContextManager[Page]:
    """A page of a new user, whose browser finds the bed's servers."""
    return engine.page({server.hostname: server.address for server in bed.servers}, anchors=anchors)


def come_to(page: Page, host: str, *, since: float) -> Found:
    """Wait until a page shows what it makes of a host, in another document than the one of before."""

    def is_there(found: Found | None) -> bool:
        if found is None or found.document == since or not found.host:
            return False
        return found.of == "server" or bool(found.error and found.says)

    found = wait_until(page.look, is_there, within_s=WITHIN_S, what=f"the browser to come to {host}", every_s=0.05)
    assert found is not None
    assert found.host == host
    return found


def here(page: Page) -> float:
    """The document that a page shows."""
    found = wait_until(page.look, lambda found: found is not None, within_s=WITHIN_S, what="the browser to show a page")
    assert found is not None
    return found.document


def opened(page: Page, server: BedServer) -> str:
    """Open the user page of a server; the verdict."""
    before = here(page)
    page.open(server.portal_url)
    return verdict(come_to(page, server.hostname, since=before))


def verdict(found: Found) -> str:
    """What the browser has come to: what is served, or its own page that says why not."""
    if found.of == "server":
        return TRUSTED
    assert found.of == "certificate", found
    return f"{found.error}, {'can be passed' if found.passable else 'final'}"


def kept(table: Table, name: Name, verdicts: dict[str, str]) -> dict[str, str]:
    """Put the verdicts into the table; what was to be expected."""
    for case, said in verdicts.items():
        table.add(case, name, said)
    return {case: BROWSERS[name][case] for case in verdicts}


def test_chromium_has_its_verdicts(browsers: Browsers, places: dict[Case, Place], table: Table) -> None:
    """All pages are opened at once, as each takes its time."""
    names = {place.hostname: place.address for place in places.values()}
    with contextlib.ExitStack() as stack:
        anchors = (places[Case.SOUND].anchors,)
        pages = {case: stack.enter_context(browsers.page(names, anchors=anchors)) for case in Case}
        before = {case: here(page) for case, page in pages.items()}
        for case, page in pages.items():
            page.open(places[case].url)
        found = {case: come_to(page, places[case].hostname, since=before[case]) for case, page in pages.items()}
    verdicts = {case.value: verdict(one) for case, one in found.items()}
    assert verdicts == kept(table, "Chromium", verdicts)
    assert len(verdicts) == len(Case)


@pytest.mark.usefixtures("firefox")
def test_firefox_has_its_verdicts(testbed_firefox: Firefox, places: dict[Case, Place], table: Table) -> None:
    """One after another in one browser: it starts more slowly than it opens pages. Each case has a host of its own."""
    names = {place.hostname: place.address for place in places.values()}
    verdicts: dict[str, str] = {}
    with testbed_firefox.page(names, anchors=(places[Case.SOUND].anchors,)) as page:
        for case, place in places.items():
            before = here(page)
            page.open(place.url)
            verdicts[case.value] = verdict(come_to(page, place.hostname, since=before))
    assert verdicts == kept(table, "Firefox", verdicts)
    assert len(verdicts) == len(Case)


@pytest.mark.rule("CERT-5")
def test_a_browser_asks_again_when_what_was_accepted_is_replaced(
    bed: Bed, browser: tuple[Name, Engine], nemesis: Nemesis, table: Table
) -> None:
    """An exception that a user made is for that certificate, not for that server."""
    name, engine = browser
    with page_of(bed, engine) as page:
        assert opened(page, bed.primary) == BROWSERS[name][Case.UNKNOWN_CA]
        before = here(page)
        page.proceed()
        assert verdict(come_to(page, bed.primary.hostname, since=before)) == TRUSTED
        assert opened(page, bed.primary) == TRUSTED
        with nemesis.under(certificate(bed.primary, CertificateFault.REPLACED)):
            with nemesis.under(Stop(bed.primary.portal)):  # on a connection that stays open none is shown again
                eventually_serves(bed.secondary, bed)
            eventually_serves(bed.primary, bed)
            verdicts = {REPLACED_SINCE_ACCEPTED: opened(page, bed.primary)}
    assert verdicts == kept(table, name, verdicts)


@pytest.mark.rule("CERT-5")
def test_a_browser_asks_when_a_certificate_is_replaced_during_failover(
    bed: Bed, browser: tuple[Name, Engine], nemesis: Nemesis, table: Table
) -> None:
    """It trusted both servers' authorities, and was served by the secondary."""
    name, engine = browser
    anchors = tuple(server.certificate for server in bed.pair)
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        with page_of(bed, engine, anchors) as page:
            assert opened(page, bed.secondary) == TRUSTED
        fault = certificate(bed.secondary, CertificateFault.REPLACED)
        # The next visit has connections of its own: on one that stays open no certificate is shown again.
        with nemesis.under(fault), page_of(bed, engine, anchors) as page:
            verdicts = {REPLACED_DURING_FAILOVER: opened(page, bed.secondary)}
    assert verdicts == kept(table, name, verdicts)


@pytest.mark.rule("CERT-5", "REDIR-4")
@pytest.mark.topology(certificates="common-ca")
def test_a_browser_asks_when_the_authority_is_rotated_at_failback(
    bed: Bed, browser: tuple[Name, Engine], nemesis: Nemesis, passwords: dict[str, str], table: Table
) -> None:
    """The page's own script leads home, to a certificate from an authority of the same name and another key."""
    name, engine = browser
    fault = certificate(bed.primary, CertificateFault.REPLACED)
    with page_of(bed, engine, (bed.primary.certificate,)) as page:
        with nemesis.under(Stop(bed.primary.portal)):
            eventually_serves(bed.secondary, bed)
            assert opened(page, bed.secondary) == TRUSTED
            before = logged_in(page, "alice", passwords["alice"])
            nemesis.inject(fault)
        verdicts = {ROTATED_AT_FAILBACK: verdict(come_to(page, bed.primary.hostname, since=before))}
        nemesis.heal(fault)
        assert opened(page, bed.primary) == TRUSTED
    assert verdicts == kept(table, name, verdicts)


def logged_in(page: Page, name: str, password: str) -> float:
    """Fill in the form that comes up, and wait until the user is in; the document that shows it."""
    shown(page, "login")
    page.fill("User name", name)
    page.fill("Password", password)
    page.press("Log in")
    return shown(page, "home").document


def shown(page: Page, view: str) -> Found:
    """Wait until a portal's page shows this."""
    found = wait_until(
        page.look,
        lambda found: found is not None and found.view == view,
        within_s=WITHIN_S,
        what=f"the portal's page to show {view}",
        every_s=0.05,
    )
    assert found is not None
    return found
