"""Schedules by chance: what a walk leaves out, as faults overlap in every way and at any moment. Pure.

From a pair at rest so many faults are drawn, with undoings among them; after each act the pair is left alone for a
moment, for about as long as the rules count, or until it rests. In the end all is mended, and it must come to rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.schedules.condition import possible, possible_to_disks
from testbed.schedules.schedule import Step
from testbed.simulator.parts import FRESH_MS, HEARTBEAT_MS
from testbed.simulator.schedule import healthy, made, settle
from testbed.simulator.walk import Failure, Walked

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.schedules.schedule import Act
    from testbed.simulator.pair import Pair
    from testbed.simulator.parts import Chance, Setting

SAY_EVERY = 1000
"""After so many schedules it is told how far it has come."""


def draw(  # noqa: PLR0913 - what is drawn from what
    setting: Setting,
    chance: Chance,
    *,
    schedules: int,
    faults: int,
    disks: bool = False,
    first_only: bool = False,
    say: Callable[[str], object] = lambda _line: None,
) -> Walked:
    """Run schedules by chance.

    Args:
        setting: of the pair.
        chance: what they are drawn from.
        schedules: how many.
        faults: how many each has.
        disks: whether the disks have faults, too.
        first_only: end with the first schedule that breaks a rule.
        say: told how far it has come.
    """
    walked = Walked()
    root = healthy(setting)
    root.rest()
    for number in range(1, schedules + 1):
        failure = _Drawing(root, chance, disks=disks).run(faults, walked)
        walked.schedules += 1
        if failure is not None:
            walked.keep(failure)
        if number % SAY_EVERY == 0:
            say(f"{number:,} schedules drawn, {walked.steps:,} steps")
        if walked.failures and first_only:
            break
    return walked


class _Drawing:
    """One schedule while it is drawn and run."""

    def __init__(self, root: Pair, chance: Chance, *, disks: bool) -> None:
        self._pair, self._chance, self._disks = root.copied(), chance, disks
        self._began = self._pair.steps
        self._steps: list[Step] = []
        self._settles_ms = [self._pair.now_ms]

    def run(self, faults: int, walked: Walked) -> Failure | None:
        """All of it, or until a rule is broken."""
        pair = self._pair
        while (acts := self._open(faults)) and not pair.watch.findings:
            act = acts[self._chance.randrange(0, len(acts))]
            faults -= act.is_fault
            self._steps.append(Step(pair.now_ms, act.verb, act.target))
            pair.act(act)
            self._pause()
            walked.runs += 1
        if not (pair.watch.at_rest or pair.watch.findings):
            self._settle()
        walked.steps += pair.steps - self._began
        if not pair.watch.findings:
            return None
        schedule = made(pair.setting, tuple(self._steps), tuple(self._settles_ms), until_ms=pair.now_ms)
        return Failure(schedule=schedule, findings=pair.watch.findings)

    def _open(self, faults: int) -> list[Act]:
        """What may come next: of faults and undoings each as likely as the other."""
        condition = self._pair.condition
        acts = (*possible(condition), *(possible_to_disks(condition) if self._disks else ()))
        breaking, mending = ([act for act in acts if act.is_fault is wanted] for wanted in (True, False))
        if not faults:
            return mending
        return mending if mending and self._chance.randrange(0, 2) else breaking

    def _pause(self) -> None:
        setting = self._pair.setting
        longest = (0, HEARTBEAT_MS // 10, 2 * HEARTBEAT_MS, FRESH_MS, setting.detection_ms, setting.bound_ms)
        most_ms = longest[self._chance.randrange(0, len(longest))]
        if most_ms:
            self._pair.run(self._chance.randrange(1, most_ms + 1))
        else:
            self._settle()

    def _settle(self) -> None:
        if settle(self._pair):
            self._settles_ms.append(self._pair.now_ms)
