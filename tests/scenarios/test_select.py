"""Server Edition Select mode: without it there is no resiliency, and a switch to it needs a restart of the portals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.configure import configure, restart_portals
from testbed.errors import RefusedError
from testbed.faults import Stop
from tests.scenarios.observing import (
    eventually_in_step,
    eventually_serves,
    eventually_shown,
    eventually_unmet,
    portal,
    shown_meanwhile,
)

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer

SETTINGS = {"failover": True, "failback": "automatic", "detection_minutes": 3.0}
PAGES = [("GET", "resiliency", None), ("PUT", "resiliency", SETTINGS), ("POST", "failover-now", None)]


def _has_no_resiliency(bed: Bed, server: BedServer, *, names: str) -> bool:
    """Whether the page does not exist, in words that name a rule, and nothing there can be done."""
    for method, path, body in PAGES:
        with pytest.raises(RefusedError) as refused:
            bed.inspectors[server.site].administer(method, path, body)
        if (refused.value.status, refused.value.code) != (404, "no_resiliency") or names not in refused.value.says:
            return False
    return True


@pytest.mark.rule("CFG-2")
@pytest.mark.topology(preset="not-select")
def test_outside_select_mode_there_is_no_resiliency(bed: Bed, nemesis: Nemesis) -> None:
    """The page does not exist on either portal, a change stays where it was made, and nobody takes over."""
    assert [portal(server, bed)["unmet"] for server in bed.pair] == [["CFG-2"], ["CFG-2"]]
    for server in bed.pair:
        assert _has_no_resiliency(bed, server, names="CFG-2")
    bed.inspectors[bed.primary.site].administer("POST", "directory", {"name": "Reception", "number": "100"})
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_shown(bed.primary, bed, "Stopped")
        assert shown_meanwhile(bed.secondary, bed) == {"Starting"}
    eventually_shown(bed.primary, bed, "Available")
    syncs = [portal(server, bed)["sync"] for server in bed.pair]
    assert [(sync["state"], sync["head"]) for sync in syncs] == [("suspended", 1), ("suspended", 0)]


@pytest.mark.rule("CFG-3")
@pytest.mark.topology(preset="not-select")
def test_a_switch_to_select_counts_after_both_portals_were_restarted(bed: Bed, nemesis: Nemesis) -> None:
    """Each portal has no page until its own restart, resilience is not ready until both; then all of it works."""
    configure(bed, bed.primary.site, {"select": True})
    eventually_unmet(bed, "CFG-3")
    for server in bed.pair:
        assert _has_no_resiliency(bed, server, names="CFG-3")
    with nemesis.under(Stop(bed.secondary.portal)):
        eventually_shown(bed.secondary, bed, "Stopped")
    eventually_unmet(bed, "CFG-3")
    assert _has_no_resiliency(bed, bed.primary, names="CFG-3")
    assert bed.inspectors[bed.secondary.site].administer("GET", "resiliency")["unmet"] == ["CFG-3"]
    restart_portals(bed, [bed.primary.site])
    eventually_unmet(bed)
    eventually_in_step(bed)
    assert bed.inspectors[bed.primary.site].administer("PUT", "resiliency", SETTINGS)["configured"] == SETTINGS
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("CFG-2", "CFG-3")
def test_a_switch_away_from_select_counts_at_once_and_back_after_a_restart(bed: Bed) -> None:
    """CFG-2 is unmet as soon as the configuration is saved; a mode that was left needs the restart like a new one."""
    configure(bed, bed.primary.site, {"select": False})
    eventually_unmet(bed, "CFG-2")
    assert _has_no_resiliency(bed, bed.primary, names="CFG-2")
    assert bed.status()["resilience"] == "not ready"
    configure(bed, bed.primary.site, {"select": True})
    eventually_unmet(bed, "CFG-3")
    restart_portals(bed)
    eventually_unmet(bed)
    eventually_serves(bed.primary, bed)
