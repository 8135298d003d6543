"""Every schedule of up to so many faults, walked without leaving one out. Pure.

A schedule is a sequence of faults and undoings. After each the pair is left alone until it has settled, or only for a
while (`HURRIES`), a bounded number of times in a schedule. An undoing costs nothing: from each state that a schedule
reaches, all that is broken can be mended in every order. Settled states that differ only in the phase of heartbeats
are walked on from once (`testbed.simulator.key`): the schedules that lead there are counted, not simulated again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from testbed.simulator import key
from testbed.simulator.acts import Act, possible
from testbed.simulator.parts import HEARTBEAT_MS, Setting
from testbed.simulator.schedule import Schedule, Step, healthy, settle, written

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from testbed.simulator.pair import Pair
    from testbed.simulator.watch import Finding


def hurries(setting: Setting) -> tuple[int, ...]:
    """How long the pair is left alone if not until it settles: within the detection time, and soon after it."""
    return (setting.detection_ms // 2, setting.detection_ms + 2 * HEARTBEAT_MS)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A schedule that broke a rule, and which."""

    schedule: Schedule
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> int:
        """How many faults it took."""
        return sum(Act(step.act, step.target).is_fault for step in self.schedule.steps)


@dataclass(kw_only=True)
class Walked:
    """What a walk came to.

    Attributes:
        schedules: how many were walked, those that share a state included.
        runs: how many stretches of time were simulated for that.
        states: settled states that were told apart.
        steps: messages and timers that were taken in.
        failures: one for each set of broken rules, with the fewest faults that it takes.
    """

    schedules: int = 0
    runs: int = 0
    states: int = 0
    steps: int = 0
    failures: list[Failure] = field(default_factory=list)


class _Place(NamedTuple):
    """A state of the pair, and how it was reached first."""

    pair: Pair
    steps: tuple[Step, ...]
    settles_ms: tuple[int, ...]


class _At(NamedTuple):
    """Where schedules are that come to the same: the place, and how many faults and hurries they took."""

    place: Hashable
    faults: int
    hurried: int


def walk(
    setting: Setting,
    *,
    faults: int,
    hurried: int = 0,
    first_only: bool = False,
    say: Callable[[str], object] = lambda _line: None,
) -> Walked:
    """Walk every schedule.

    Args:
        setting: of the pair.
        faults: how many at most.
        hurried: how often in a schedule the pair may be left alone for a while only.
        first_only: end with the first schedule that breaks a rule.
        say: told after each level how far it has come.
    """
    return _Walk(setting, faults, hurried, first_only=first_only).run(say)


class _Walk:
    """One walk: level by level, a level being the number of acts."""

    def __init__(self, setting: Setting, faults: int, hurried: int, *, first_only: bool) -> None:
        self._setting, self._faults, self._hurried, self._first_only = setting, faults, hurried, first_only
        self._walked = Walked()
        self._places: dict[Hashable, _Place] = {}
        self._ways: dict[tuple[Hashable, Act, int | None], Hashable | None] = {}
        self._failures: dict[tuple[tuple[str, ...], ...], Failure] = {}

    def run(self, say: Callable[[str], object]) -> Walked:
        """Walk them all, or until the first failure."""
        walked = self._walked
        pair = healthy(self._setting)
        walked.steps += pair.steps
        root = self._arrive(_Place(pair, (), (pair.now_ms,)), settled=True)
        level = {} if root is None else {_At(root, 0, 0): 1}
        acts = 0
        while level and not (self._failures and self._first_only):
            acts += 1
            level = self._level(level)
            say(f"{acts} acts: {walked.schedules:,} schedules, {walked.runs:,} runs, {walked.steps:,} steps")
        walked.failures = sorted(self._failures.values(), key=lambda one: (one.faults, len(one.schedule.steps)))
        walked.states = sum(not isinstance(name, int) for name in self._places)
        return walked

    def _level(self, level: dict[_At, int]) -> dict[_At, int]:
        after: dict[_At, int] = {}
        for at, count in level.items():
            for act, pause_ms in self._open(at):
                if self._failures and self._first_only:
                    return after
                self._walked.schedules += count * (pause_ms is None)
                reached = self._go(at.place, act, pause_ms)
                if reached is not None:
                    ahead = _At(reached, at.faults + act.is_fault, at.hurried + (pause_ms is not None))
                    after[ahead] = after.get(ahead, 0) + count
        for at in level:
            if isinstance(at.place, int):
                self._places.pop(at.place, None)
        return after

    def _open(self, at: _At) -> Iterator[tuple[Act, int | None]]:
        """Every act from there, and how long the pair is left alone after it; `None`: until it has settled."""
        condition = self._places[at.place].pair.condition
        for act in possible(condition):
            faults = at.faults + act.is_fault
            if faults > self._faults:
                continue
            yield act, None
            further = faults < self._faults or not condition.after(act).is_healthy
            if at.hurried < self._hurried and further:
                for pause_ms in hurries(self._setting):
                    yield act, pause_ms

    def _go(self, name: Hashable, act: Act, pause_ms: int | None) -> Hashable | None:
        """The place that an act leads to; `None`: a rule was broken on the way."""
        way = (name, act, pause_ms)
        if way in self._ways:
            return self._ways[way]
        reached = self._simulate(self._places[name], act, pause_ms)
        if not (isinstance(name, int) or isinstance(reached, int)):
            self._ways[way] = reached  # a place where nothing has settled is gone after its level
        return reached

    def _simulate(self, place: _Place, act: Act, pause_ms: int | None) -> Hashable | None:
        pair = place.pair.copied()
        step = Step(pair.now_ms, act.verb, act.target)
        before = pair.steps
        pair.act(act)
        settles_ms = place.settles_ms
        if pause_ms is not None:
            pair.run(pause_ms)
        elif settle(pair):
            settles_ms = (*settles_ms, pair.now_ms)
        self._walked.runs += 1
        self._walked.steps += pair.steps - before
        return self._arrive(_Place(pair, (*place.steps, step), settles_ms), settled=pause_ms is None)

    def _arrive(self, place: _Place, *, settled: bool) -> Hashable | None:
        findings = place.pair.watch.findings
        if findings:
            schedule = written(self._setting, place.steps, place.settles_ms, until_ms=place.pair.now_ms)
            failure = Failure(schedule=schedule, findings=findings)
            broken = tuple(one.rules for one in findings)
            known = self._failures.get(broken)
            if known is None or failure.faults < known.faults:
                self._failures[broken] = failure
            return None
        name: Hashable = key.coarse(place.pair) if settled else self._walked.runs
        self._places.setdefault(name, place)
        return name
