"""When resilience works at all: the ticks on the line, and the versions of the portals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testbed.faults import Stop
from testbed.waiting import wait_until
from tests.scenarios.observing import (
    WITHIN_S,
    eventually_in_step,
    eventually_serves,
    eventually_shown,
    portal,
    shown,
)

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer

TICKS = ("supports_resiliency", "backs_up_my_one_x_portal")


def _tick(bed: Bed, server: BedServer, name: str, *, on: bool) -> None:
    inspector = bed.inspectors[server.site]
    etag, configuration = inspector.configuration()
    configuration["lines"][0][name] = on
    inspector.save_configuration(etag, configuration)


def _unmet(bed: Bed, expected: list[str]) -> None:
    def look() -> list[Any]:
        return [portal(server, bed).get("unmet") for server in bed.pair]

    what = f"both portals to name {expected} as unmet"
    wait_until(look, lambda seen: seen == [expected, expected], within_s=WITHIN_S, what=what)


def _watch_nobody_take_over(bed: Bed) -> None:
    """Watch for one and a half detection times, with the primary's portal gone."""
    detection_s = bed.topology.primary.detection_minutes * 60 * bed.topology.time_scale
    seen: list[str] = []

    def look() -> int:
        seen.append(shown(bed.secondary, bed)[0])
        return len(seen)

    pause_s = detection_s / 10
    wait_until(look, lambda count: count >= 15, within_s=WITHIN_S, what="fifteen looks", every_s=pause_s)
    assert set(seen) == {"Starting"}


@pytest.mark.rule("CFG-7")
@pytest.mark.parametrize("tick", TICKS)
def test_without_a_tick_on_the_primarys_line_nobody_takes_over(bed: Bed, nemesis: Nemesis, tick: str) -> None:
    """Each of the two ticks is needed; both portals name the rule, and a tick put back works at once."""
    _tick(bed, bed.primary, tick, on=False)
    _unmet(bed, ["CFG-7"])
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_shown(bed.primary, bed, "Stopped")
        _watch_nobody_take_over(bed)
    eventually_shown(bed.primary, bed, "Available")
    _tick(bed, bed.primary, tick, on=True)
    _unmet(bed, [])
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)


@pytest.mark.rule("CFG-7")
def test_ticks_on_the_secondarys_line_do_not_count(bed: Bed, nemesis: Nemesis) -> None:
    """Only the line from the primary to the secondary matters."""
    for tick in TICKS:
        _tick(bed, bed.secondary, tick, on=True)
    _tick(bed, bed.primary, TICKS[1], on=False)
    _unmet(bed, ["CFG-7"])
    assert bed.status()["resilience"] == "not ready"
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_shown(bed.primary, bed, "Stopped")
        _watch_nobody_take_over(bed)


@pytest.mark.rule("CFG-9")
@pytest.mark.topology(secondary={"portal_version": "12.1"})
def test_different_versions_neither_synchronise_nor_take_over(bed: Bed, nemesis: Nemesis) -> None:
    """Both portals say why; a change on the primary stays there."""
    assert [portal(server, bed)["unmet"] for server in bed.pair] == [["CFG-9"], ["CFG-9"]]
    bed.inspectors[bed.primary.site].administer("POST", "directory", {"name": "Reception", "number": "100"})
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_shown(bed.primary, bed, "Stopped")
        _watch_nobody_take_over(bed)
    eventually_shown(bed.primary, bed, "Available")
    syncs = [portal(server, bed)["sync"] for server in bed.pair]
    assert [(sync["state"], sync["head"]) for sync in syncs] == [("suspended", 1), ("suspended", 0)]


@pytest.mark.rule("CFG-7", "SYNC-1")
def test_synchronisation_resumes_when_resilience_becomes_ready(bed: Bed) -> None:
    """What was changed while a tick was missing reaches the secondary once it is back."""
    _tick(bed, bed.primary, TICKS[0], on=False)
    _unmet(bed, ["CFG-7"])
    bed.inspectors[bed.primary.site].administer("POST", "directory", {"name": "Reception", "number": "100"})
    assert portal(bed.secondary, bed)["sync"]["head"] == 0
    _tick(bed, bed.primary, TICKS[0], on=True)
    eventually_in_step(bed)
    assert portal(bed.secondary, bed)["sync"]["head"] == 1
