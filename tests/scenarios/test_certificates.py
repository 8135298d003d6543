"""Certificate prompts at the redirect: who is interrupted, and who is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.clients.exchange import Standing
from testbed.clients.trust import TrustStore
from testbed.faults import Stop
from tests.scenarios.observing import eventually_serves

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.kinds import OutlookPlugin, WebClient
    from testbed.nemesis import Nemesis


@pytest.mark.rule("CERT-1")
def test_a_first_visit_to_the_secondary_interrupts_the_redirect(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """The user is asked about an unknown issuer, and gets no further until the certificate is accepted."""
    knows_primary = TrustStore.with_anchor(bed.primary.certificate)
    user = web_client.log_in("alice", at=bed.primary, trust=knows_primary, prompts="wait")
    with nemesis.under(Stop(bed.primary.portal)):
        assert user.eventually_at(bed.secondary).asks_for("certificate")
        assert user.stays_at(bed.secondary, polls=3).asks_for("certificate")
        assert user.accept_certificate().asks_for("login")
    assert [(met.server, met.verdict.standing) for met in user.prompts] == [("secondary", Standing.UNKNOWN_CA)]
    assert user.eventually_at(bed.primary).asks_for("login")


@pytest.mark.rule("CERT-2")
def test_a_client_that_accepted_before_is_not_asked_again(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """The first failover prompts once, the second not at all."""
    user = web_client.log_in("alice", at=bed.primary, prompts="accept")
    with nemesis.under(Stop(bed.primary.portal)):
        assert user.eventually_at(bed.secondary).asks_for("login")
    assert user.eventually_at(bed.primary).asks_for("login")
    met = len(user.prompts)
    assert [prompt.server for prompt in user.prompts] == ["primary", "secondary"]
    assert user.log_in_again().server == bed.primary.name
    with nemesis.under(Stop(bed.primary.portal)):
        assert user.eventually_at(bed.secondary).asks_for("login")
    assert len(user.prompts) == met


@pytest.mark.rule("CERT-2")
@pytest.mark.topology(certificates="common-ca")
def test_a_common_authority_spares_every_prompt(
    bed: Bed, web_client: WebClient, outlook_plugin: OutlookPlugin, nemesis: Nemesis
) -> None:
    """Web user and plug-in go over to the secondary without being asked."""
    trust = TrustStore.with_anchor(bed.primary.certificate)
    web = web_client.log_in("alice", at=bed.primary, trust=trust, prompts="wait")
    plugin = outlook_plugin.log_in("bob", at=bed.primary, trust=trust, prompts="wait")
    with nemesis.under(Stop(bed.primary.portal)):
        assert web.eventually_at(bed.secondary).asks_for("login")
        assert not plugin.eventually_at(bed.secondary).asks_for("certificate")
    assert web.prompts == plugin.prompts == ()


@pytest.mark.rule("CERT-1", "CERT-3")
def test_the_plugin_is_interrupted_by_a_certificate_it_never_saw(
    bed: Bed, outlook_plugin: OutlookPlugin, nemesis: Nemesis
) -> None:
    """It reconnects by itself only after its user accepted the certificate."""
    trust = TrustStore.with_anchor(bed.primary.certificate)
    plugin = outlook_plugin.log_in("alice", at=bed.primary, trust=trust, prompts="wait")
    with nemesis.under(Stop(bed.primary.portal)):
        assert plugin.eventually_at(bed.secondary).asks_for("certificate")
        plugin.accept_certificate()
        screen = plugin.eventually_at(bed.secondary)
        assert not screen.asks_for("certificate")
        assert not screen.asks_for("login")


@pytest.mark.rule("CERT-4")
def test_a_declined_certificate_leaves_the_client_disconnected(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """It is asked once, not again at every poll, and comes home at failback."""
    trust = TrustStore.with_anchor(bed.primary.certificate)
    user = web_client.log_in("alice", at=bed.primary, trust=trust, prompts="decline")
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        for _ in range(5):
            assert not user.poll().has_arrived
        assert [prompt.server for prompt in user.prompts] == ["secondary"]
    assert user.eventually_at(bed.primary).asks_for("login")
