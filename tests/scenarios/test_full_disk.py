"""A disk that is full: writes are refused and told so, reads go on, and nothing is taken for done that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testbed.errors import MisuseError, RefusedError
from testbed.faults import Kill, fill
from testbed.history import read
from testbed.nemesis import Nemesis
from testbed.waiting import wait_until
from tests.scenarios.accounting import assert_kept, eventually_acknowledged, log_of
from tests.scenarios.observing import (
    WITHIN_S,
    eventually_in_step,
    eventually_serves,
    items,
    portal,
    set_to,
    shown,
    values,
)
from tests.scenarios.writing import writing

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.client import Client
    from testbed.clients.kinds import WebClient
    from testbed.history import History
    from tests.scenarios.writing import Account

pytestmark = pytest.mark.topology(preset="small-disk")

WRITES: dict[str, dict[str, str]] = {
    "contacts": {"name": "Full", "number": "1"},
    "settings": {"key": "full", "value": "yes"},
    "meetings": {"title": "Full", "starts_at": "2099-01-01T00:00:00+00:00"},
}
"""What a user can add."""


def refusals(account: Account) -> int:
    """How many writes the disk did not take, in the documented word."""
    return sum(write.error == "not_stored" for write in list(account.writes))


def eventually_refused(account: Account, count: int) -> None:
    """Wait until so many more writes were refused, by a full disk."""
    wanted = refusals(account) + count
    wait_until(
        lambda: refusals(account),
        lambda seen: seen >= wanted,
        within_s=WITHIN_S,
        what=f"{count} writes that the disk does not take",
    )


def refused_to(client: Client) -> dict[str, tuple[int | None, str | None]]:
    """How each way of a user to add something is answered."""
    outcomes = {name: client.change(name, body) for name, body in WRITES.items()}
    return {name: (outcome.status, outcome.error) for name, outcome in outcomes.items()}


@pytest.mark.rule("SYNC-8", "SYNC-6")
def test_a_full_disk_refuses_writes_and_acknowledges_none_that_it_did_not_take(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """In the middle of a stream of writes; reads go on, nobody takes over, and room is all that it takes to go on."""
    with writing(bed, bed.primary, each=2) as account:
        eventually_acknowledged(account, 50)
        alice = web_client.log_in("alice", at=bed.primary)
        with nemesis.under(fill(bed.primary)):
            eventually_refused(account, 20)
            assert items(alice, "contacts")
            assert items(web_client.log_in("bob", at=bed.primary), "settings") == []
            assert (shown(bed.primary, bed)[0], shown(bed.secondary, bed)[0]) == ("Available", "Starting")
        set_to(alice, "room", "again")
        eventually_acknowledged(account, account.acknowledged + 50)
    assert {write.end for write in account.writes} == {"ok", "fail"}
    assert_kept(bed, web_client, account)


@pytest.mark.rule("SYNC-8")
def test_every_write_to_a_full_disk_is_refused_as_documented(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """Users' and administrators', on portal and core: 507 not_stored, never a breakdown; nothing is changed."""
    alice, inspector = web_client.log_in("alice", at=bed.primary), bed.inspectors[bed.primary.site]
    set_to(alice, "kept", "before")
    (kept,) = items(alice, "settings")
    tag, configuration = inspector.configuration()
    with nemesis.under(fill(bed.primary)):
        assert refused_to(alice) == dict.fromkeys(WRITES, (507, "not_stored"))
        for outcome in (
            alice.change("settings", {"key": "kept", "value": "after"}, item=str(kept["id"])),
            alice.delete("settings", str(kept["id"])),
        ):
            assert (outcome.status, outcome.error) == (507, "not_stored")
        for path, body in (("directory", WRITES["contacts"]), ("host-domain-name", {"host_domain_name": "full.test"})):
            with pytest.raises(RefusedError) as refused:
                inspector.administer("POST" if path == "directory" else "PUT", path, body)
            assert (refused.value.status, refused.value.code) == (507, "not_stored")
        with pytest.raises(RefusedError) as refused:
            inspector.save_configuration(tag, configuration)
        assert (refused.value.status, refused.value.code) == (507, "not_stored")
        assert values(alice) == {"before"}
    assert inspector.configuration() == (tag, configuration)
    assert alice.delete("settings", str(kept["id"])).ok


@pytest.mark.rule("SYNC-8", "SYNC-1", "ROLE-9")
def test_a_secondary_whose_disk_is_full_does_not_claim_what_it_did_not_take(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """P's users notice nothing; both status pages call synchronisation interrupted; room is all that it takes."""
    alice = web_client.log_in("alice", at=bed.primary)
    set_to(alice, "before", "before")
    eventually_in_step(bed)
    before = portal(bed.secondary, bed)["sync"]
    with nemesis.under(fill(bed.secondary)):
        for number in range(20):
            set_to(alice, f"during {number}", f"{number}")

        def states() -> list[str]:
            return [portal(server, bed)["sync"]["state"] for server in bed.pair]

        wait_until(states, lambda seen: seen == ["interrupted"] * 2, within_s=WITHIN_S, what="both to say so")
        now = portal(bed.secondary, bed)["sync"]
        assert (now["head"], now["digest"]) == (before["head"], before["digest"])
        assert "disk is full" in now["why"]
        assert (shown(bed.primary, bed)[0], shown(bed.secondary, bed)[0]) == ("Available", "Starting")
    eventually_in_step(bed)
    assert log_of(bed.primary, bed) == log_of(bed.secondary, bed)
    assert len(values(alice)) == 21


@pytest.mark.rule("SYNC-8", "ROLE-2", "SYNC-4")
def test_a_secondary_with_a_full_disk_takes_over_and_refuses_to_write(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """What was synchronised can be read; with room again it writes, in the same log-in, and failback discards that."""
    set_to(web_client.log_in("alice", at=bed.primary), "kept", "kept")
    eventually_in_step(bed)
    with nemesis.under(Kill(bed.primary.portal)):
        with nemesis.under(fill(bed.secondary)):
            eventually_serves(bed.secondary, bed)
            alice = web_client.log_in("alice", at=bed.secondary)
            assert refused_to(alice) == dict.fromkeys(WRITES, (507, "not_stored"))
            assert values(alice) == {"kept"}
        set_to(alice, "there", "there")
    eventually_serves(bed.primary, bed)
    eventually_in_step(bed)
    assert portal(bed.secondary, bed)["sync"]["discarded"] == 1
    assert values(web_client.log_in("alice", at=bed.primary)) == {"kept"}


@pytest.mark.rule("SYNC-6", "SYNC-8", "ROLE-5")
@pytest.mark.parametrize("what", ["portal", "core"])
def test_a_service_that_dies_while_its_disk_is_full_comes_back_with_its_data(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, what: str
) -> None:
    """P serves again, refuses to write as before, and holds all that it acknowledged; so does its core."""
    set_to(web_client.log_in("alice", at=bed.primary), "kept", "kept")
    tag = bed.inspectors[bed.primary.site].configuration()[0]
    with nemesis.under(fill(bed.primary)):
        with nemesis.under(Kill(bed.primary.portal if what == "portal" else bed.primary.core)):
            eventually_serves(bed.secondary, bed)
        eventually_serves(bed.primary, bed)
        alice = web_client.log_in("alice", at=bed.primary)
        assert values(alice) == {"kept"}
        assert refused_to(alice) == dict.fromkeys(WRITES, (507, "not_stored"))
        assert bed.inspectors[bed.primary.site].configuration()[0] == tag
    set_to(alice, "room", "again")
    eventually_in_step(bed)


@pytest.mark.rule("SYNC-8")
def test_a_full_disk_shows_in_status_and_history_and_no_reset_leaves_it(
    bed: Bed, nemesis: Nemesis, history: History
) -> None:
    """A second one is refused; the proof is a byte that the system refuses."""
    with nemesis.under(fill(bed.primary)):
        assert bed.status()["faults"] == ["full disk of primary"]
        assert bed.volumes.why_not(bed.primary.server) == "ENOSPC"
        assert bed.volumes.why_not(bed.secondary.server) == ""
        with pytest.raises(MisuseError, match="full disk of primary: injected already"):
            nemesis.inject(fill(bed.primary))
        with pytest.raises(MisuseError, match="disk of the primary is full already"):
            Nemesis(bed, history).inject(fill(bed.primary))
    told: list[Any] = [each.fields["state"] for each in read(history.path) if each.kind == "fault"]
    assert told[-5:] == ["planned", "injected", "planned", "healing", "healed"]
    bed.volumes.fill(bed.primary.server)
    bed.reset()
    assert bed.status()["faults"] == []
    assert bed.volumes.why_not(bed.primary.server) == ""
