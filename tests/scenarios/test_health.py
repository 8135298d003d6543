"""The Resilience page of the menu Health: what each portal knows of both servers, in every state of the pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testbed.errors import FaultError
from testbed.faults import Kill, cut, lose
from testbed.waiting import wait_until
from tests.scenarios.observing import WITHIN_S

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer

Table = dict[str, tuple[str, str, str]]

ACTIVE = ("Started Active", "Connected", "Started Active")
PASSIVE = ("Started Passive", "Connected", "Started Passive")
NO_PORTAL = ("Not Started", "Connected", "Not Started")
NO_CORE = ("Started Passive", "Not Connected", "Started Passive")
UNHEARD = ("Unknown", "Unknown", "Unknown")

NORMAL: Table = {"primary": ACTIVE, "secondary": PASSIVE}


def told(server: BedServer, bed: Bed) -> Table:
    """Portal, IP Office and database of both servers as this one's portal tells them; empty if it does not answer."""
    try:
        page = bed.inspectors[server.name].administer("GET", "health/resilience")
    except FaultError:
        return {}
    return {
        name: (_text(row["portal"]), _text(row["ip_office"]), _text(row["database"]))
        for name, row in page["servers"].items()
    }


def _text(condition: dict[str, Any]) -> str:
    return " ".join(part for part in (condition["state"], condition["use"]) if part)


def eventually_told(server: BedServer, bed: Bed, expected: Table) -> None:
    """Wait until the page of a server says just this."""
    what = f"the {server.name}'s page Resilience to say {expected}"
    wait_until(lambda: told(server, bed), lambda seen: seen == expected, within_s=WITHIN_S, what=what, every_s=0.05)


@pytest.mark.rule("VIEW-4")
def test_both_portals_tell_normal_running(bed: Bed) -> None:
    """S's database is Started Passive, on either server's page."""
    assert told(bed.primary, bed) == told(bed.secondary, bed) == NORMAL


@pytest.mark.rule("VIEW-4")
def test_the_secondary_tells_a_failover_for_want_of_a_portal(bed: Bed, nemesis: Nemesis) -> None:
    """P's core answers and does not hear P's portal: it is Not Started, and its database with it."""
    with nemesis.under(Kill(bed.primary.portal)):
        eventually_told(bed.secondary, bed, {"primary": NO_PORTAL, "secondary": ACTIVE})
    for server in bed.servers:
        eventually_told(server, bed, NORMAL)


@pytest.mark.rule("VIEW-4")
def test_both_portals_tell_a_failover_for_want_of_a_core(bed: Bed, nemesis: Nemesis) -> None:
    """P's portal runs and is passive; neither portal is connected to P's core."""
    with nemesis.under(Kill(bed.primary.core)):
        for server in bed.servers:
            eventually_told(server, bed, {"primary": NO_CORE, "secondary": ACTIVE})
    for server in bed.servers:
        eventually_told(server, bed, NORMAL)


@pytest.mark.rule("VIEW-4")
def test_each_portal_tells_only_itself_in_stand_alone_mode(bed: Bed, nemesis: Nemesis) -> None:
    """Both serve, and neither can know it of the other: Unknown, never a guess."""
    with nemesis.under(cut(bed.primary, bed.secondary)):
        eventually_told(bed.primary, bed, {"primary": ACTIVE, "secondary": UNHEARD})
        eventually_told(bed.secondary, bed, {"primary": UNHEARD, "secondary": ACTIVE})
    for server in bed.servers:
        eventually_told(server, bed, NORMAL)


@pytest.mark.rule("VIEW-4", "ROLE-9")
def test_the_primary_tells_that_nothing_is_heard_of_a_lost_secondary(bed: Bed, nemesis: Nemesis) -> None:
    """To P it looks like a cut, so P claims no more than in one, and goes on."""
    with nemesis.under(lose(bed.secondary)):
        eventually_told(bed.primary, bed, {"primary": ACTIVE, "secondary": UNHEARD})
    for server in bed.servers:
        eventually_told(server, bed, NORMAL)
