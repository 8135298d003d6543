"""Every schedule of up to so many faults, walked without leaving one out. Pure.

A schedule is a sequence of faults and undoings. After each the pair is left alone until it has settled; in schedules of
not too many faults also only for a while (`hurries`), a bounded number of times in each, so that faults and undoings
overlap. `testbed.simulator.drawing` draws those that overlap more, and at other moments.

An undoing costs nothing: from each state that a schedule reaches, all that is broken can be mended in every order.
Settled states that differ only in the phase of heartbeats are walked on from once (`testbed.simulator.key`): the
schedules that lead there are counted, not simulated again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from testbed.schedules.condition import possible, possible_to_disks
from testbed.schedules.schedule import Act, Schedule, Step
from testbed.simulator import key
from testbed.simulator.parts import HEARTBEAT_MS, Setting
from testbed.simulator.schedule import healthy, made, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from testbed.simulator.pair import Pair
    from testbed.simulator.seen import Finding


SAID_EACH = 1000
"""After so many places of a level it is told how far that has come."""


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
        return self.schedule.faults

    @property
    def rules(self) -> tuple[tuple[str, ...], ...]:
        """The rules of each finding."""
        return tuple(one.rules for one in self.findings)


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

    def keep(self, failure: Failure) -> None:
        """Keep one for each set of broken rules, with the fewest faults, the shortest first."""
        broken = failure.rules
        known = next((one for one in self.failures if one.rules == broken), None)
        if known is not None and known.faults <= failure.faults:
            return
        kept = [one for one in self.failures if one is not known]
        self.failures = sorted([*kept, failure], key=lambda one: (one.faults, len(one.schedule.steps)))

    def add(self, other: Walked) -> None:
        """Take in what another one came to."""
        self.schedules += other.schedules
        self.runs += other.runs
        self.steps += other.steps
        for failure in other.failures:
            self.keep(failure)


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


def walk(  # noqa: PLR0913 - what is walked
    setting: Setting,
    *,
    faults: int,
    hurried: int = 0,
    overlapping: int | None = None,
    disks: bool = False,
    first_only: bool = False,
    say: Callable[[str], object] = lambda _line: None,
) -> Walked:
    """Walk every schedule.

    Args:
        setting: of the pair.
        faults: how many at most.
        hurried: how often in a schedule the pair may be left alone for a while only.
        overlapping: in schedules of how many faults at most; `None`: in all.
        disks: whether the disks have faults, too.
        first_only: end with the first schedule that breaks a rule.
        say: told after each level, and on the way through a large one, how far it has come.
    """
    most = faults if overlapping is None else min(faults, overlapping)
    return _Walk(setting, (faults, *(most,) * hurried), disks=disks, first_only=first_only).run(say)


class _Walk:
    """One walk: level by level, a level being the number of acts.

    Args:
        setting: of the pair.
        faults: how many at most in schedules without a hurry, with one, with two, and so on.
        disks: whether the disks have faults, too.
        first_only: end with the first failure.
    """

    def __init__(self, setting: Setting, faults: tuple[int, ...], *, disks: bool, first_only: bool) -> None:
        self._setting, self._faults, self._disks, self._first_only = setting, faults, disks, first_only
        self._walked = Walked()
        self._places: dict[Hashable, _Place] = {}
        self._ways: dict[tuple[Hashable, Act, int | None], Hashable | None] = {}

    def run(self, say: Callable[[str], object]) -> Walked:
        """Walk them all, or until the first failure."""
        walked = self._walked
        pair = healthy(self._setting)
        walked.steps += pair.steps
        root = self._arrive(_Place(pair, (), (pair.now_ms,)), settled=True)
        level = {} if root is None else {_At(root, 0, 0): 1}
        acts = 0
        while level and not (walked.failures and self._first_only):
            acts += 1
            level = self._level(level, f"{acts} acts", say)
            say(f"{acts} acts: {walked.schedules:,} schedules, {walked.runs:,} runs, {walked.steps:,} steps")
        walked.states = sum(not isinstance(name, int) for name in self._places)
        return walked

    def _level(self, level: dict[_At, int], name: str, say: Callable[[str], object]) -> dict[_At, int]:
        after: dict[_At, int] = {}
        for number, (at, count) in enumerate(level.items()):
            if number and number % SAID_EACH == 0:
                say(f"{name}: {number:,} of {len(level):,} places walked on from")
            for act, pause_ms in self._open(at):
                if self._walked.failures and self._first_only:
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
        for act in (*possible(condition), *(possible_to_disks(condition) if self._disks else ())):
            faults = at.faults + act.is_fault
            if faults > self._faults[at.hurried]:
                continue
            yield act, None
            most = self._faults[at.hurried + 1] if at.hurried + 1 < len(self._faults) else -1
            if faults < most or (faults == most and not condition.after(act).is_healthy):
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
            schedule = made(self._setting, place.steps, place.settles_ms, until_ms=place.pair.now_ms)
            self._walked.keep(Failure(schedule=schedule, findings=findings))
            return None
        name: Hashable = key.coarse(place.pair) if settled else self._walked.runs
        if name not in self._places:
            place.pair.rest()
            self._places[name] = place
        return name
