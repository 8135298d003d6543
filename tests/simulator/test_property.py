"""Any sequence of faults, undoings and pauses, drawn by Hypothesis: no rule is broken, and all mended, all is well.

With a defect planted the same sequences break one: they can.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from testbed.defects import DEFECTS
from testbed.schedules.condition import possible
from testbed.simulator.parts import Setting
from testbed.simulator.schedule import healthy, settle

HEALTHY = healthy(Setting())


class AnyPair(RuleBasedStateMachine):
    """A pair to which anything may be done at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = HEALTHY.copied()

    @rule(choice=st.integers(0, 30))
    def act(self, choice: int) -> None:
        """One of all that can be done now."""
        open_to_us = possible(self.pair.condition)
        self.pair.act(open_to_us[choice % len(open_to_us)])

    @rule(for_ms=st.integers(1, 1500))
    def wait(self, for_ms: int) -> None:
        """Some time passes."""
        self.pair.run(for_ms)

    @precondition(lambda self: not self.pair.watch.at_rest)
    @rule()
    def rest(self) -> None:
        """Until nothing happens any more; the oracle judges."""
        settle(self.pair)

    @invariant()
    def no_rule_is_broken(self) -> None:
        """Whatever happened."""
        assert self.pair.watch.findings == ()

    def teardown(self) -> None:
        """All is mended: the pair is as it was."""
        while undoings := [act for act in possible(self.pair.condition) if not act.is_fault]:
            self.pair.act(undoings[0])
        settle(self.pair)
        assert self.pair.watch.findings == ()


AnyPair.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=12,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
test_nothing_that_is_done_to_a_pair_breaks_a_rule = AnyPair.TestCase


@pytest.mark.parametrize("name", ["secondary-never-yields", "primary-steps-down-alone", "failback-keeps-changes"])
def test_a_planted_defect_fails(name: str) -> None:
    """The sequences reach what it takes; they are not reduced, which takes long and proves nothing here."""
    once = settings(AnyPair.TestCase.settings, phases=(Phase.generate,), print_blob=False)
    undo = DEFECTS[name].plant()
    try:
        with pytest.raises(AssertionError, match="|".join(DEFECTS[name].breaks)):
            run_state_machine_as_test(AnyPair, settings=once)
    finally:
        undo()
