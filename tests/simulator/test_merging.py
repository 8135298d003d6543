"""A walk that merges states leaves no schedule out: the same schedules, run one by one, come to the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from testbed.defects import DEFECTS
from testbed.schedules.condition import LINK, possible
from testbed.schedules.schedule import Act, Verb
from testbed.simulator.parts import Setting
from testbed.simulator.schedule import healthy, settle
from testbed.simulator.walk import walk
from testbed.world import Failback

if TYPE_CHECKING:
    from testbed.schedules.condition import Condition
    from testbed.simulator.pair import Pair

SOME = ("primary/portal", "secondary/portal", LINK, "secondary to primary")
"""What is broken where schedules are run one by one: all of it would take hours."""


def some(condition: Condition) -> tuple[Act, ...]:
    """What can be done to that."""
    return tuple(act for act in possible(condition) if act.target in SOME and act.verb not in (Verb.STOP, Verb.PAUSE))


@dataclass
class Unmerged:
    """Every schedule run by itself: how many there were, and the fewest faults that each kind of finding took."""

    schedules: int = 0
    found: dict[tuple[tuple[str, ...], ...], int] = field(default_factory=dict)

    def go(self, pair: Pair, faults: int, *, left: int) -> None:
        """On from there."""
        for act in some(pair.condition):
            if act.is_fault and not left:
                continue
            self.schedules += 1
            after = pair.copied()
            after.act(act)
            settle(after)
            if findings := after.watch.findings:
                rules = tuple(one.rules for one in findings)
                self.found[rules] = min(self.found.get(rules, 99), faults + act.is_fault)
            else:
                self.go(after, faults + act.is_fault, left=left - act.is_fault)


@pytest.mark.parametrize(
    ("name", "failback"),
    [
        ("", Failback.MANUAL),
        ("secondary-forgets-at-its-start", Failback.AUTOMATIC),
        ("failback-keeps-changes", Failback.AUTOMATIC),
        ("manual-failback-ignored", Failback.MANUAL),
    ],
)
def test_merging_states_leaves_no_schedule_out(name: str, failback: Failback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schedules that are run one by one, without any merging, come to what the walk came to, defect or none."""
    monkeypatch.setattr("testbed.simulator.walk.possible", some)
    undo = DEFECTS[name].plant() if name else lambda: None
    try:
        walked = walk(Setting(failback=failback), faults=2)
        alone = Unmerged()
        alone.go(healthy(Setting(failback=failback)), 0, left=2)
    finally:
        undo()
    assert {one.rules: one.faults for one in walked.failures} == alone.found
    assert bool(alone.found) is bool(name)
    assert walked.schedules == alone.schedules
    assert walked.runs < alone.schedules
