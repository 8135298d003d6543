"""Manual failback: the secondary keeps serving until an administrator restarts the portal services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.clients.screen import Shows
from testbed.faults import Kill, Stop
from testbed.waiting import wait_until
from tests.scenarios.observing import (
    WITHIN_S,
    eventually_in_step,
    eventually_runs,
    eventually_serves,
    eventually_shown,
    let_pass,
    now_ms,
    portal,
    role_changes,
    set_to,
    shown,
    until_nothing_more_can_happen_s,
)

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.kinds import WebClient
    from testbed.faults import Fault
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer

pytestmark = pytest.mark.topology(primary={"failback": "manual"})


def let_the_primary_come_back(bed: Bed, nemesis: Nemesis, ends: Fault) -> None:
    """Failover, and its cause is gone: the primary's services run again."""
    with nemesis.under(ends):
        eventually_serves(bed.secondary, bed)
    for service in ("core", "portal"):
        eventually_runs(bed.primary, bed, service)
    eventually_shown(bed.primary, bed, "Available", "core")


def assert_the_secondary_keeps_serving(bed: Bed) -> None:
    """Until nothing more can happen, no role changes."""
    before = role_changes(bed)
    let_pass(until_nothing_more_can_happen_s(bed))
    assert role_changes(bed) == before
    assert (shown(bed.primary, bed)[0], shown(bed.secondary, bed)[0]) == ("Starting", "Available")


def restart(bed: Bed, server: BedServer) -> None:
    """As the administrator does on a portal's own page; returns when it is about to begin anew."""
    before = portal(server, bed)["boot"]
    bed.inspectors[server.site].administer("POST", "restart")

    def look() -> int | None:
        return portal(server, bed).get("boot")

    what = f"the portal of the {server.name} to begin anew"
    wait_until(look, lambda boot: boot not in {None, before}, within_s=WITHIN_S, what=what)


@pytest.mark.rule("ROLE-8")
def test_the_primary_waits_until_the_secondarys_portal_is_restarted(bed: Bed, nemesis: Nemesis) -> None:
    """Its portal runs and shows Starting; then the secondary, which begins anew, leaves the users to it."""
    let_the_primary_come_back(bed, nemesis, Kill(bed.primary.portal))
    assert_the_secondary_keeps_serving(bed)
    assert bed.status()["resilience"] == "failover"
    restarted_ms = now_ms()
    restart(bed, bed.secondary)
    eventually_serves(bed.primary, bed)
    eventually_in_step(bed)
    since = [change["role"] for change in role_changes(bed)["secondary"] if change["at_ms"] >= restarted_ms]
    assert "Available" not in since


@pytest.mark.rule("ROLE-8")
def test_a_restart_of_the_primarys_portal_alone_does_not_end_the_wait(bed: Bed, nemesis: Nemesis) -> None:
    """The portal that serves has to be restarted: the other one, whose core had ended, only begins to wait anew."""
    let_the_primary_come_back(bed, nemesis, Stop(bed.primary.core))
    restart(bed, bed.primary)
    assert_the_secondary_keeps_serving(bed)
    bed.services.at_once([lambda s=server: bed.services.restart(s.site, "portal") for server in bed.servers])  # type: ignore[misc]
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("ROLE-8")
def test_users_stay_on_the_secondary_while_the_primary_waits(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """Who is logged in there works on, who is new is served there, and the primary takes nobody."""
    let_the_primary_come_back(bed, nemesis, Kill(bed.primary.portal))
    user = web_client.log_in("alice", at=bed.secondary)
    assert user.stays_at(bed.secondary, polls=3).shows is Shows.HOME
    set_to(user, "made", "meanwhile")
    assert web_client.new("bob").open(bed.primary).shows is Shows.NOT_SERVING
    bed.services.restart(bed.secondary.server, "portal")
    assert user.eventually_at(bed.primary).asks_for("login")


@pytest.mark.rule("ROLE-8")
def test_the_waiting_primary_serves_when_the_secondary_dies(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """Somebody must serve; the secondary that comes back finds a primary that does."""
    let_the_primary_come_back(bed, nemesis, Kill(bed.primary.portal))
    with nemesis.under(Kill(bed.secondary.portal)):
        eventually_serves(bed.primary, bed)
        assert web_client.log_in("alice", at=bed.primary).screen.shows is Shows.HOME
    eventually_in_step(bed)
    assert (shown(bed.primary, bed)[0], shown(bed.secondary, bed)[0]) == ("Available", "Starting")
