"""What each kind of client does at failover and failback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.clients.screen import Shows
from testbed.faults import Stop
from tests.scenarios.observing import eventually_serves

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.kinds import CallAssistant, OutlookPlugin, WebClient
    from testbed.nemesis import Nemesis


@pytest.mark.rule("CLIENT-1")
def test_a_web_user_logs_in_by_hand_after_each_redirect(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """The browser arrives by itself; it never logs in by itself."""
    user = web_client.log_in("alice", at=bed.primary)
    with nemesis.under(Stop(bed.primary.portal)):
        assert user.eventually_at(bed.secondary).asks_for("login")
        assert user.stays_at(bed.secondary, polls=3).asks_for("login")


@pytest.mark.rule("CLIENT-2", "REDIR-4")
def test_the_plugin_reconnects_by_itself_both_ways(bed: Bed, outlook_plugin: OutlookPlugin, nemesis: Nemesis) -> None:
    """Its stored credentials log it in on the secondary at failover, and on the primary at failback."""
    plugin = outlook_plugin.log_in("alice", at=bed.primary)
    with nemesis.under(Stop(bed.primary.portal)):
        plugin.eventually_shows(Shows.HOME, at=bed.secondary)
    plugin.eventually_shows(Shows.HOME, at=bed.primary)


@pytest.mark.rule("CLIENT-3")
def test_the_call_assistant_is_never_redirected(bed: Bed, call_assistant: CallAssistant, nemesis: Nemesis) -> None:
    """It shows that it is disconnected until its user types the other address, both ways."""
    assistant = call_assistant.log_in("alice", at=bed.primary)
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        assert assistant.stays_at(bed.primary, polls=5).shows is Shows.DISCONNECTED
        assert assistant.log_in_at(bed.secondary).shows is Shows.HOME
    eventually_serves(bed.primary, bed)
    assert assistant.stays_at(bed.secondary, polls=5).shows is Shows.DISCONNECTED
    assert assistant.log_in_at(bed.primary).shows is Shows.HOME
