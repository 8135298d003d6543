"""Certificates at the redirect, met by a person with Firefox. A picture of each screen goes into the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.clients.screen import Shows
from testbed.faults import Kill
from tests.browser.interstitial import pictures, refused
from tests.scenarios.observing import let_pass

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.clients.browser import BrowserClient
    from testbed.nemesis import Nemesis
    from testbed.recording.watch import Watch

pytestmark = pytest.mark.usefixtures("firefox")

PROMPT = "SEC_ERROR_UNKNOWN_ISSUER"


@pytest.mark.rule("CERT-1", "CERT-2", "CERT-6", "REDIR-1", "REDIR-4", "CLIENT-1")
def test_firefox_asks_on_the_first_visit_to_the_secondary_and_not_again(
    bed: Bed, browser_client: BrowserClient, nemesis: Nemesis, watch: Watch, screens: Path
) -> None:
    """It knows the primary's authority alone; what was accepted at the redirect still holds at the next one."""
    trust = [bed.primary.certificate]
    user = browser_client.log_in("alice", at=bed.primary, trust=trust, prompts="wait", engine="firefox")
    with nemesis.under(Kill(bed.primary.portal)):
        asked = user.eventually_at(bed.secondary)
        assert (asked.shows, asked.detail) == (Shows.CERTIFICATE_PROMPT, PROMPT)
        assert refused(bed.secondary, watch)
        user.accept_certificate()
        assert user.eventually_shows(Shows.LOGIN).server == "secondary"
        assert user.log_in_again().server == "secondary"
    assert user.eventually_at(bed.primary).asks_for("login")
    user.log_in_again()
    with nemesis.under(Kill(bed.primary.portal)):
        assert user.eventually_at(bed.secondary).asks_for("login")
    assert user.prompts == ["secondary"]
    taken = pictures(screens, "firefox_asks_on_the_first_visit_to_the_secondary_and_not_again-alice-s-browser-1")
    assert {"primary-home", "secondary-certificate-prompt", "secondary-login", "secondary-home"} <= set(taken)


@pytest.mark.rule("CERT-2", "REDIR-1", "REDIR-4", "CLIENT-1")
@pytest.mark.topology(certificates="common-ca")
def test_firefox_that_trusts_the_common_authority_never_asks(
    bed: Bed, browser_client: BrowserClient, nemesis: Nemesis
) -> None:
    """To the secondary and home again; it was told of one authority, and nothing else."""
    trust = [bed.primary.certificate]
    user = browser_client.log_in("alice", at=bed.primary, trust=trust, prompts="wait", engine="firefox")
    with nemesis.under(Kill(bed.primary.portal)):
        assert user.eventually_at(bed.secondary).asks_for("login")
        user.log_in_again()
    assert user.eventually_at(bed.primary).asks_for("login")
    assert user.prompts == []


@pytest.mark.rule("CERT-4", "CERT-6", "CLIENT-1")
def test_a_person_with_firefox_who_declines_stays_where_they_are(
    bed: Bed, browser_client: BrowserClient, nemesis: Nemesis, watch: Watch
) -> None:
    """They are asked once, and told then that the primary cannot be reached; the secondary was sent nothing."""
    trust = [bed.primary.certificate]
    user = browser_client.log_in("alice", at=bed.primary, trust=trust, prompts="decline", engine="firefox")
    with nemesis.under(Kill(bed.primary.portal)):
        assert user.eventually_shows(Shows.UNREACHABLE).server == "primary"
        let_pass(2, meanwhile=user.look)  # many times what the page waits between two looks
        assert refused(bed.secondary, watch)
    assert user.prompts == ["secondary"]
    bed.wait_until_settled()
    user.open(bed.primary)
    assert user.eventually_shows(Shows.LOGIN).server == "primary"


@pytest.mark.rule("CERT-1", "CLIENT-1")
def test_an_exception_in_firefox_is_for_one_port(bed: Bed, browser_client: BrowserClient, nemesis: Nemesis) -> None:
    """So nobody sends this user on: the page may not ask the primary's core, whose certificate is the same."""
    user = browser_client.log_in("alice", at=bed.primary, engine="firefox")
    with nemesis.under(Kill(bed.primary.portal)):
        assert user.eventually_shows(Shows.LOST_CONTACT).server == "primary"
        let_pass(2, meanwhile=user.look)
        assert user.look().shows is Shows.LOST_CONTACT
    assert user.prompts == ["primary"]
