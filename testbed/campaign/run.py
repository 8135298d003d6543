"""One random run on a bed: safety phase, liveness phase, judgement. Acts."""

from __future__ import annotations

import contextlib
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed import history as histories
from testbed import topology as topologies
from testbed.campaign.acting import Actor
from testbed.campaign.crowd import Crowd
from testbed.campaign.recovery import BOUND_S, recover
from testbed.campaign.results import Result, counted
from testbed.campaign.returning import NeverBackError, until_answering
from testbed.checkers import judge
from testbed.errors import BedError
from testbed.history import History, SystemClock
from testbed.nemesis import Nemesis
from testbed.recording.observer import facts_of, observed, tell_bed
from testbed.undo import Undo
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.schedules.schedule import Schedule, Step
    from testbed.topology import Topology

LATE_S = 36_000.0
"""A bound for the longest pause."""

RESTS = 1.25
"""How much longer than the bound a pair is left alone where it is to be judged at rest."""


def topology_of(schedule: Schedule, *, defects: Sequence[str] = ()) -> Topology:
    """The pair on which a schedule runs: its pace, its settings, its users.

    Args:
        schedule: what is to be done to it.
        defects: what is wrong in it on purpose, each as PLACE:NAME.

    Raises:
        MisuseError: there is no such defect, or the place has nothing that could have it.
    """
    fields = {
        "time_scale": schedule.time_scale,
        "primary": {
            "detection_minutes": schedule.detection_minutes,
            "failback": schedule.failback.value,
            "backs_up_portal": schedule.ticked,
        },
    }
    users = [
        {"name": person.name, "password": f"{person.name}-password", "home": person.home.value}
        for person in schedule.people
    ]
    return topologies.derive({**fields, "defects": list(defects), **({"users": users} if users else {})})


@dataclass
class _Course:
    """How a run went, besides what its history tells.

    Attributes:
        wrong: of the pair, in words: what was not well again.
        failed: of the testbed itself, in words.
        recovered_s: how long the liveness phase took, seconds; `None`: there was none.
    """

    wrong: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    recovered_s: float | None = None


def run(
    bed: Bed,
    schedule: Schedule,
    path: Path,
    *,
    bound_s: float = BOUND_S,
    say: Callable[[str], None] = lambda _line: None,
) -> Result:
    """Act out a schedule; all is healed when this returns, however it does.

    What is written by then is judged, also where the testbed itself failed: the result says so.

    Args:
        bed: of the schedule's topology, in normal running and without data.
        schedule: what is done.
        path: where the history is written; nothing is there yet.
        bound_s: how long it may take until all is well again after the healing, in seconds.
        say: told what is going on.
    """
    clock = SystemClock()
    began_ms = clock.monotonic_ms()
    course = _taken(bed, schedule, path, bound_s=bound_s, say=say)
    records = histories.read(path)
    return Result(
        schedule=schedule,
        history=str(path),
        defects=bed.topology.defects,
        wrong=course.wrong,
        failed=course.failed,
        judgement=judge(records),
        counts=counted(records),
        recovered_s=course.recovered_s,
        seconds=(clock.monotonic_ms() - began_ms) / 1000,
    )


def _taken(bed: Bed, schedule: Schedule, path: Path, *, bound_s: float, say: Callable[[str], None]) -> _Course:
    """The course of the run, to its end or to where it failed."""
    course = _Course()
    with History(path) as history:
        try:
            _act(bed, schedule, history, course, bound_s=bound_s, say=say)
        except* NeverBackError as late:
            course.wrong += tuple(_told(late))
        except* Exception as failures:  # noqa: BLE001 - told, with its trace; what is written is judged all the same
            course.failed += tuple(_told(failures))
            trace = "".join(traceback.format_exception(failures))
            history.record("breakdown", why="; ".join(course.failed), trace=trace)
    return course


def _act(  # noqa: PLR0913 - what a run is made of
    bed: Bed, schedule: Schedule, history: History, course: _Course, *, bound_s: float, say: Callable[[str], None]
) -> None:
    """The safety phase, the liveness phase, and the rest after it."""
    nemesis = Nemesis(bed, history, begun=until_answering(bed))
    actor = Actor(bed, nemesis, history)
    tell_bed(bed, history)
    if bed.topology.defects:
        history.record("planted", bed=bed.name, defects=list(bed.topology.defects))
    with contextlib.ExitStack() as stack:
        stack.enter_context(Undo()).callback(nemesis.heal_all)
        stack.enter_context(observed(bed, history))
        with Crowd(bed, history, schedule) as crowd:
            stage = _Stage(bed, actor, began_ms=crowd.begin())
            history.record("phase", name="safety")
            stage.play(schedule, say)
            say("all is healed now")
            history.record("phase", name="liveness")
            course.wrong, course.recovered_s = recover(bed, actor, crowd, bound_s=bound_s)
            history.record("recovered", wrong=list(course.wrong), seconds=course.recovered_s)
        actor.end_manual_failback()
        stage.rest()


def _told(failures: BaseExceptionGroup[BaseException]) -> Iterator[str]:
    """Each error of a group, however nested, in one line."""
    for error in failures.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _told(error)
        else:
            yield str(error) if isinstance(error, BedError) else f"{type(error).__name__}: {error}"


class _Stage:
    """Where a schedule is acted out, and its clock."""

    def __init__(self, bed: Bed, actor: Actor, *, began_ms: float) -> None:
        self._actor, self._within_ms = actor, facts_of(bed).within_ms
        self._clock, self._began_ms = SystemClock(), began_ms
        self._behind_ms, self._last_ms = 0.0, began_ms

    def play(self, schedule: Schedule, say: Callable[[str], None]) -> None:
        """Each step at its time; where the pair is to be at rest, as long after the last one as that may take."""
        moments: list[tuple[int, Step | None]] = [(step.at_ms, step) for step in schedule.steps]
        moments += [(at_ms, None) for at_ms in schedule.settles_ms]
        for at_ms, step in sorted(moments, key=lambda one: (one[0], one[1] is not None)):
            if step is None:
                self._rest(at_ms)
            else:
                self._wait(at_ms)
                say(f"{at_ms / 1000:7.1f} s {step}")
                self._actor.do(step)
                self._last_ms = self._clock.monotonic_ms()
        self._wait(schedule.until_ms)

    def rest(self) -> None:
        """Leave the pair alone for as long as it takes until all that can be judged is judged."""
        due_ms = self._clock.monotonic_ms() + RESTS * self._within_ms
        wait_until(self._clock.monotonic_ms, due_ms.__le__, within_s=LATE_S, what="the end of the run")

    def _rest(self, at_ms: int) -> None:
        """The schedule's clock stands still for as long as this takes more than was foreseen."""
        rested_ms = self._last_ms + RESTS * self._within_ms
        self._behind_ms = max(self._behind_ms, rested_ms - self._began_ms - at_ms)
        self._wait(at_ms)

    def _wait(self, at_ms: int) -> None:
        due_ms = self._began_ms + self._behind_ms + at_ms
        wait_until(self._clock.monotonic_ms, due_ms.__le__, within_s=LATE_S, what="the next step", every_s=0.005)
