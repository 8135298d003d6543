"""Every schedule of up to two faults, and of one fault with an act that does not wait for rest."""

from __future__ import annotations

import pytest

from testbed.simulator.parts import Setting
from testbed.simulator.walk import walk
from testbed.world import Failback


@pytest.mark.parametrize("failback", Failback)
def test_no_schedule_of_two_faults_breaks_a_rule(failback: Failback) -> None:
    """All of them, mended in every order, against the oracle and what must hold in between."""
    walked = walk(Setting(minutes=1.0, failback=failback), faults=2, hurried=1, overlapping=1)
    assert [str(one) for failure in walked.failures for one in failure.findings] == []
    assert walked.schedules == 2624 + 40, "every fault after every other, and every order of mending"
    assert walked.states > 200
