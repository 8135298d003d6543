"""Normal running: who serves, what the platform views show, who is sent where, what is synchronised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.clients.trust import TrustStore
from tests.scenarios.observing import certificates, eventually_in_step, items, portal, shown, still_opens

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.kinds import WebClient


@pytest.mark.rule("ROLE-1", "VIEW-1", "VIEW-2")
def test_the_primary_is_available_and_the_secondary_starting(bed: Bed) -> None:
    """Both platform views say who serves, with the right icon."""
    assert shown(bed.primary, bed) == ("Available", "green")
    assert shown(bed.secondary, bed) == ("Starting", "yellow")
    assert portal(bed.primary, bed)["resilience"] == "normal"
    assert bed.status()["resilience"] == "normal"


@pytest.mark.rule("REDIR-5")
def test_a_new_user_who_asks_the_secondary_is_sent_to_the_primary(bed: Bed, web_client: WebClient) -> None:
    """The secondary's page redirects, and the log-in happens on the primary."""
    user = web_client.new("alice")
    user.open(bed.secondary)
    assert user.eventually_at(bed.primary).asks_for("login")
    assert user.log_in_again().server == bed.primary.name


@pytest.mark.rule("SYNC-1", "SYNC-7")
def test_users_and_administrators_changes_reach_the_secondary_in_order(bed: Bed, web_client: WebClient) -> None:
    """Additions, a change and a deletion on the primary: both hold the same, and the same number of log entries."""
    alice = web_client.log_in("alice", at=bed.primary)
    added = [alice.change("contacts", {"name": f"Contact {n}", "number": f"+31 20 {n:04}"}) for n in range(20)]
    assert all(outcome.ok for outcome in added)
    first, second, *_ = items(alice, "contacts")
    assert alice.change("contacts", {"name": "Renamed", "number": "112"}, item=first["id"]).ok
    assert alice.delete("contacts", second["id"]).ok
    entry = {"name": "Reception", "number": "100"}
    bed.inspectors[bed.primary.site].administer("POST", "directory", entry)
    eventually_in_step(bed)
    head = portal(bed.primary, bed)["sync"]["head"]
    assert head == len(added) + 3
    assert portal(bed.secondary, bed)["sync"]["head"] == head


@pytest.mark.rule("SYNC-2")
def test_synchronisation_goes_from_the_primary_to_the_secondary_only(bed: Bed) -> None:
    """In normal running the secondary takes no changes at all, so that nothing could go the other way."""
    inspector = bed.inspectors[bed.secondary.site]
    refusal = inspector.administer("POST", "directory", {"name": "Nobody", "number": "1"})
    assert refusal["error"] == "serves_elsewhere"
    eventually_in_step(bed)
    assert portal(bed.primary, bed)["sync"]["head"] == 0


@pytest.mark.rule("REDIR-6")
def test_a_session_is_worth_nothing_on_the_other_server(bed: Bed, web_client: WebClient) -> None:
    """The primary's cookie does not open the secondary."""
    alice = web_client.log_in("alice", at=bed.primary, trust=TrustStore.with_anchor(*certificates(bed)))
    cookie = alice.session_cookie
    assert cookie is not None
    assert still_opens(alice, cookie, bed.primary)
    assert not still_opens(alice, cookie, bed.secondary)


@pytest.mark.rule("CERT-2")
@pytest.mark.topology(certificates="common-ca")
def test_a_client_that_trusts_the_common_authority_is_never_prompted(bed: Bed, web_client: WebClient) -> None:
    """One anchor covers both servers, redirect included."""
    trust = TrustStore.with_anchor(bed.primary.certificate)
    user = web_client.new("alice", trust=trust, prompts="wait")
    user.open(bed.secondary)
    assert user.eventually_at(bed.primary).asks_for("login")
    assert user.prompts == ()
