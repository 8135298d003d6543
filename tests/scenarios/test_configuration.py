"""When resilience works at all: the ticks on the line, and the versions of the portals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.configure import configure
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

TICKS = ("line.supports-resiliency", "line.backs-up-portal")


@pytest.mark.rule("CFG-7")
@pytest.mark.parametrize("tick", TICKS)
def test_without_a_tick_on_the_primarys_line_nobody_takes_over(bed: Bed, nemesis: Nemesis, tick: str) -> None:
    """Each of the two ticks is needed; both portals name the rule, and a tick put back works at once."""
    configure(bed, bed.primary.site, {tick: False})
    eventually_unmet(bed, "CFG-7")
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_shown(bed.primary, bed, "Stopped")
        assert shown_meanwhile(bed.secondary, bed) == {"Starting"}
    eventually_shown(bed.primary, bed, "Available")
    configure(bed, bed.primary.site, {tick: True})
    eventually_unmet(bed)
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)


@pytest.mark.rule("CFG-7")
def test_ticks_on_the_secondarys_line_do_not_count(bed: Bed, nemesis: Nemesis) -> None:
    """Only the line from the primary to the secondary matters."""
    for tick in TICKS:
        configure(bed, bed.secondary.site, {tick: True})
    configure(bed, bed.primary.site, {TICKS[1]: False})
    eventually_unmet(bed, "CFG-7")
    assert bed.status()["resilience"] == "not ready"
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_shown(bed.primary, bed, "Stopped")
        assert shown_meanwhile(bed.secondary, bed) == {"Starting"}


@pytest.mark.rule("CFG-9")
@pytest.mark.topology(preset="different-versions")
def test_different_versions_neither_synchronise_nor_take_over(bed: Bed, nemesis: Nemesis) -> None:
    """Both portals say why; a change on the primary stays there."""
    assert [portal(server, bed)["unmet"] for server in bed.pair] == [["CFG-9"], ["CFG-9"]]
    bed.inspectors[bed.primary.site].administer("POST", "directory", {"name": "Reception", "number": "100"})
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_shown(bed.primary, bed, "Stopped")
        assert shown_meanwhile(bed.secondary, bed) == {"Starting"}
    eventually_shown(bed.primary, bed, "Available")
    syncs = [portal(server, bed)["sync"] for server in bed.pair]
    assert [(sync["state"], sync["head"]) for sync in syncs] == [("suspended", 1), ("suspended", 0)]


@pytest.mark.rule("CFG-7", "SYNC-1")
def test_synchronisation_resumes_when_resilience_becomes_ready(bed: Bed) -> None:
    """What was changed while a tick was missing reaches the secondary once it is back."""
    configure(bed, bed.primary.site, {TICKS[0]: False})
    eventually_unmet(bed, "CFG-7")
    bed.inspectors[bed.primary.site].administer("POST", "directory", {"name": "Reception", "number": "100"})
    assert portal(bed.secondary, bed)["sync"]["head"] == 0
    configure(bed, bed.primary.site, {TICKS[0]: True})
    eventually_in_step(bed)
    assert portal(bed.secondary, bed)["sync"]["head"] == 1
