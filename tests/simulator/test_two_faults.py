"""Every schedule of up to two faults, and of one fault with an act that does not wait for rest; with both failbacks."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from testbed.cli.simulate import simulate
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


def test_both_failbacks_are_walked_unless_one_is_chosen() -> None:
    """ROLE-8: each in a process of its own, and one act of a schedule does not wait for rest unless it is said."""
    ended = CliRunner().invoke(simulate, ["--faults", "1", "--drawn", "2", "--json"])
    assert ended.exit_code == 0, ended.output
    both = {one["failback"]: one for one in json.loads(ended.stdout)}
    assert set(both) == {"automatic", "manual"}
    for one in both.values():
        assert (one["schedules"], one["drawn"]) == (82 + 2, 2)
        assert one["failures"] == []
