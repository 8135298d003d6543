"""Schedules made from schedules: without steps, without people, with other pauses. Pure.

The moments of a schedule are its steps, the times when it is to be at rest, and its end; work moves along with them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec.structs import replace

from testbed.schedules.trouble import fitting

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from testbed.schedules.schedule import Schedule


def moments(schedule: Schedule) -> list[int]:
    """When something is to happen, in order and each once; the beginning and the end are among them."""
    times = [step.at_ms for step in schedule.steps]
    return sorted({0, *times, *schedule.settles_ms, max([schedule.until_ms, *times, *schedule.settles_ms])})


def pauses(schedule: Schedule) -> list[int]:
    """The milliseconds between the moments."""
    return [later - earlier for earlier, later in pairwise(moments(schedule))]


def without_steps(schedule: Schedule, places: Collection[int]) -> Schedule:
    """Without these steps, and without those that do not fit any more."""
    kept = [step for place, step in enumerate(schedule.steps) if place not in set(places)]
    return replace(schedule, steps=fitting(kept))


def without_people(schedule: Schedule, names: Collection[str]) -> Schedule:
    """Without these people and their work."""
    left = set(names)
    return replace(
        schedule,
        people=tuple(person for person in schedule.people if person.name not in left),
        work=tuple(task for task in schedule.work if task.client not in left),
    )


def without_rests(schedule: Schedule, times_ms: Collection[int]) -> Schedule:
    """Without these times at which it is to be at rest."""
    left = set(times_ms)
    return replace(schedule, settles_ms=tuple(at_ms for at_ms in schedule.settles_ms if at_ms not in left))


def tightened(schedule: Schedule, most_ms: int) -> Schedule:
    """With no pause longer than that."""
    return _with_pauses(schedule, [min(pause, most_ms) for pause in pauses(schedule)])


def with_pause(schedule: Schedule, place: int, pause_ms: int) -> Schedule:
    """With that pause, of at least 1 ms, instead of the one at this place: moments that meet would lose their order."""
    wanted = pauses(schedule)
    wanted[place] = max(1, pause_ms)
    return _with_pauses(schedule, wanted)


def _with_pauses(schedule: Schedule, wanted: Sequence[int]) -> Schedule:
    old = moments(schedule)
    new = [0]
    for pause_ms in wanted:
        new.append(new[-1] + pause_ms)
    moved = dict(zip(old, new, strict=True))

    def at(at_ms: int) -> int:
        """Work keeps its distance from the moment before it, as far as there is room."""
        place = sum(moment <= at_ms for moment in old) - 1
        room_ms = wanted[place] if place < len(wanted) else 0
        return new[place] + min(at_ms - old[place], room_ms)

    return replace(
        schedule,
        steps=tuple(replace(step, at_ms=moved[step.at_ms]) for step in schedule.steps),
        settles_ms=tuple(dict.fromkeys(moved[at_ms] for at_ms in schedule.settles_ms)),
        until_ms=new[-1],
        work=tuple(sorted((replace(task, at_ms=at(task.at_ms)) for task in schedule.work), key=lambda one: one.at_ms)),
    )
