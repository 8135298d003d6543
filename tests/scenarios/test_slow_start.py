"""A service that starts slowly: until it is there, the pair behaves as if it were down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.errors import FaultError, MisuseError
from testbed.faults import Kill, Restart, SlowStart
from testbed.waiting import wait_until
from tests.scenarios.observing import WITHIN_S, eventually_runs, eventually_serves, now_ms, portal, shown

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer

BY_MS = 2500
"""Longer than the detection time, in the time of a bed."""

NEVER_MS = 3_000_000
"""Longer than any test runs."""


def last_change_ms(server: BedServer, bed: Bed, role: str) -> int:
    """When a portal took a role the last time."""
    return max(int(change["at_ms"]) for change in portal(server, bed)["role_changes"] if change["role"] == role)


@pytest.mark.rule("ROLE-2", "ROLE-5", "ROLE-3", "ROLE-6", "ROLE-11")
@pytest.mark.parametrize("service", ["portal", "core"])
def test_p_serves_again_only_when_what_starts_slowly_has_started(bed: Bed, nemesis: Nemesis, service: str) -> None:
    """S serves until then; who is held is shown as stopped, and no role changes meanwhile."""
    target = bed.primary.portal if service == "portal" else bed.primary.core
    with nemesis.under(SlowStart(target, BY_MS)):
        with nemesis.under(Kill(target)):
            eventually_serves(bed.secondary, bed)
            started_ms = now_ms()
        assert bed.status()["faults"] == [f"slow start of primary/{service} by {BY_MS} ms"]
        eventually_serves(bed.primary, bed)
        assert last_change_ms(bed.primary, bed, "Available") >= started_ms + BY_MS
        assert last_change_ms(bed.secondary, bed, "Starting") >= started_ms + BY_MS
    assert bed.status()["faults"] == []


@pytest.mark.rule("ROLE-2", "ROLE-5")
def test_an_announced_restart_that_takes_too_long_is_a_failover(bed: Bed, nemesis: Nemesis) -> None:
    """The announcement counts for the detection time; P serves once it is back."""
    with nemesis.under(SlowStart(bed.primary.portal, NEVER_MS)), nemesis.under(Restart(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        assert shown(bed.primary, bed) == ("Stopped", "red")
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("ROLE-9", "ROLE-1")
def test_a_secondary_that_starts_slowly_disturbs_nobody(bed: Bed, nemesis: Nemesis) -> None:
    """P serves all the time; S is back as soon as the fault is healed, and not before."""
    before_ms = now_ms()
    with nemesis.under(SlowStart(bed.secondary.portal, NEVER_MS)):
        with nemesis.under(Kill(bed.secondary.portal)):
            pass

        def held() -> bool:
            slow = bed.volumes.starts(bed.secondary.portal)
            return slow is not None and bool(slow.starts)

        wait_until(held, bool, within_s=WITHIN_S, what="the start to be held")
        assert bed.inspectors[bed.secondary.site].resilience() is None
        assert shown(bed.primary, bed)[0] == "Available"
    eventually_runs(bed.secondary, bed)
    assert last_change_ms(bed.primary, bed, "Available") < before_ms


@pytest.mark.rule("ROLE-1")
def test_a_slow_start_that_no_start_met_is_no_fault(bed: Bed, nemesis: Nemesis) -> None:
    """It is an error of the run, and gone all the same; two at once are refused."""
    slow = SlowStart(bed.primary.portal, BY_MS)
    nemesis.inject(slow)
    with pytest.raises(MisuseError, match="slow already"):
        nemesis.inject(SlowStart(bed.primary.portal, 1))
    with pytest.raises(FaultError, match="primary/portal was not started while its starts were slow"):
        nemesis.heal(slow)
    assert bed.status()["faults"] == []


@pytest.mark.rule("ROLE-1")
def test_no_reset_leaves_a_slow_start(bed: Bed) -> None:
    """Not even one that is under way."""
    bed.volumes.slow(bed.primary.portal, by_ms=NEVER_MS)
    bed.services.kill(bed.primary.server, "portal")
    bed.services.start(bed.primary.server, "portal")
    bed.reset()
    assert bed.status()["faults"] == []
    assert bed.volumes.starts(bed.primary.portal) is None
