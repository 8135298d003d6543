"""The browser that comes with the plugin, used as its users use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.clients.client import LogInError
from testbed.clients.screen import Shows
from testbed.errors import MisuseError
from testbed.faults import Kill, Stop
from tests.scenarios.observing import eventually_serves

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.browser import BrowserClient
    from testbed.nemesis import Nemesis


pytestmark = pytest.mark.usefixtures("browsers")


@pytest.mark.rule("CERT-1", "REDIR-1", "REDIR-4", "CLIENT-1")
def test_a_person_who_waits_is_asked_and_goes_on(bed: Bed, browser_client: BrowserClient, nemesis: Nemesis) -> None:
    """It knows the primary's authority alone; once accepted, the secondary lets it in, and failback takes it home."""
    user = browser_client.log_in("alice", at=bed.primary, trust=[bed.primary.certificate], prompts="wait")
    with nemesis.under(Kill(bed.primary.portal)):
        assert user.eventually_at(bed.secondary).asks_for("certificate")
        user.accept_certificate()
        assert user.eventually_shows(Shows.LOGIN).server == "secondary"
        assert user.log_in_again().server == "secondary"
    assert user.eventually_at(bed.primary).asks_for("login")
    assert user.prompts == ["secondary"]


@pytest.mark.rule("CERT-2", "CERT-4", "CLIENT-1")
def test_a_person_accepts_or_declines_by_habit(bed: Bed, browser_client: BrowserClient, nemesis: Nemesis) -> None:
    """Who accepts comes to the secondary; who declines is told that the primary cannot be reached."""
    ready = browser_client.log_in("alice", at=bed.primary)
    wary = browser_client.log_in("bob", at=bed.primary, trust=[bed.primary.certificate], prompts="decline")
    with nemesis.under(Kill(bed.primary.portal)):
        assert ready.eventually_at(bed.secondary).asks_for("login")
        assert wary.eventually_shows(Shows.UNREACHABLE).server == "primary"
    assert (ready.prompts, wary.prompts) == (["primary", "secondary"], ["secondary"])


def test_what_does_not_work_is_said(bed: Bed, browser_client: BrowserClient, nemesis: Nemesis) -> None:
    """A user that does not exist, a log-in without a form, a portal that does not serve, a wrong password."""
    with pytest.raises(MisuseError, match="no user named 'nobody'"):
        browser_client.new("nobody")
    user = browser_client.new("alice")
    with pytest.raises(MisuseError, match="sees no log-in form"):
        user.log_in_again()
    with nemesis.under(Stop(bed.primary.core)):
        eventually_serves(bed.secondary, bed)
        user.open(bed.primary)
        assert user.eventually_shows(Shows.NOT_SERVING).server == "primary"
    bed.wait_until_settled()
    user.open(bed.primary)
    user.eventually_shows(Shows.LOGIN)
    user.page.route("**/api/v1/session", lambda route: route.fulfill(status=401, json={"message": "no such luck"}))
    with pytest.raises(LogInError, match="no such luck"):
        user.log_in_again()
