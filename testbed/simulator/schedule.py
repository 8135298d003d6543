"""A schedule in virtual time: how it is made of a setting, and run again. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from testbed.errors import MisuseError
from testbed.schedules.schedule import Schedule
from testbed.simulator import key
from testbed.simulator.pair import Pair
from testbed.simulator.parts import HEARTBEAT_MS, SCALE, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.schedules.schedule import Act, Step
    from testbed.simulator.seen import Finding


def setting_of(schedule: Schedule) -> Setting:
    """What does not change in it.

    Raises:
        MisuseError: its times are of another scale than the simulator's.
    """
    if schedule.time_scale != SCALE:
        raise MisuseError(f"the simulator's time scale is {SCALE:g}, and the schedule's {schedule.time_scale:g}")
    return Setting(
        minutes=schedule.detection_minutes,
        failback=schedule.failback,
        ticked=schedule.ticked,
        phases_ms=schedule.phases_ms,
        delays_ms=schedule.delays_ms,
    )


def made(setting: Setting, steps: tuple[Step, ...], settles_ms: tuple[int, ...], *, until_ms: int) -> Schedule:
    """A schedule of a setting."""
    return Schedule(
        detection_minutes=setting.minutes,
        failback=setting.failback,
        ticked=setting.ticked,
        phases_ms=setting.phases_ms,
        delays_ms=setting.delays_ms,
        steps=steps,
        settles_ms=settles_ms,
        until_ms=until_ms,
    )


def settle(pair: Pair) -> bool:
    """Let time pass until the pair goes round in a circle, or breaks a rule; whether it came to rest."""
    rough: set[object] = set()
    seen: set[object] = set()
    earliest_ms = pair.now_ms + pair.setting.detection_ms // 2  # rarely sooner, and a key costs as much as a heartbeat
    latest_ms = pair.now_ms + 3 * pair.setting.bound_ms
    while pair.now_ms < latest_ms:
        pair.run(HEARTBEAT_MS)
        if pair.watch.findings:
            return False  # what is broken may never come to rest
        if pair.now_ms < earliest_ms:
            continue
        ages = key.ages(pair)
        if ages not in rough:
            rough.add(ages)
            continue
        here = key.exact(pair)
        if here in seen:
            pair.settled()
            return True
        seen.add(here)
    pair.watch.never_settles(pair)
    return False


def healthy(setting: Setting, *, tell: Callable[[int, str], object] | None = None) -> Pair:
    """A pair that has started and settled; what happens is told, if it is asked for."""
    pair = Pair(setting, tell=tell)
    pair.run(HEARTBEAT_MS)
    settle(pair)
    return pair


def rehearse(
    schedule: Schedule, *, tell: Callable[[int, str], object] | None = None
) -> tuple[Schedule, tuple[Finding, ...]]:
    """Run a schedule whose times, or whose pair, are others now: where it is to be at rest, for as long as that takes.

    It is so before the first step, too, as containers are.

    Args:
        schedule: which.
        tell: is told what happens: at which millisecond, and what.

    Returns:
        The schedule with the times at which things happened, by which `replay` gives the same run; and what was found.

    Raises:
        MisuseError: an act does not fit.
    """
    pair = healthy(setting_of(schedule), tell=tell)
    moments: list[tuple[int, Step | None]] = [(step.at_ms, step) for step in schedule.steps]
    moments += [(at_ms, None) for at_ms in schedule.settles_ms]
    steps: list[Step] = []
    settles_ms = [pair.now_ms]
    behind_ms = pair.now_ms
    for at_ms, step in sorted(moments, key=lambda moment: (moment[0], moment[1] is not None)):
        _pass(pair, until_ms=at_ms + behind_ms)
        if pair.watch.findings:
            break
        if step is not None:
            steps.append(replace(step, at_ms=pair.now_ms))
            pair.act(step.done)
        elif settle(pair):
            settles_ms.append(pair.now_ms)
            behind_ms = pair.now_ms - at_ms
    _pass(pair, until_ms=schedule.until_ms + behind_ms)
    happened = replace(schedule, steps=tuple(steps), settles_ms=tuple(settles_ms), until_ms=pair.now_ms)
    return happened, pair.watch.findings


def _pass(pair: Pair, *, until_ms: int) -> None:
    """Let time pass, but not for a pair that has broken a rule: it may go round in circles ever faster."""
    while pair.now_ms < until_ms and not pair.watch.findings:
        pair.run(min(HEARTBEAT_MS, until_ms - pair.now_ms))


def replay(schedule: Schedule) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Run a schedule again, of the same pair, to the millisecond: what was found, and the trace for people.

    Raises:
        MisuseError: an act does not fit, or the steps are not in their order.
    """
    trace: list[str] = []
    pair = Pair(setting_of(schedule), tell=lambda at_ms, says: trace.append(f"{at_ms:>7} ms {says}"))
    moments: list[tuple[int, Act | None]] = [(step.at_ms, step.done) for step in schedule.steps]
    moments += [(at_ms, None) for at_ms in schedule.settles_ms]
    for at_ms, act in sorted(moments, key=lambda moment: (moment[0], moment[1] is not None)):
        if at_ms > pair.now_ms:
            pair.run(at_ms - pair.now_ms)
        if act is None:
            pair.settled()
        else:
            pair.act(act)
    if schedule.until_ms > pair.now_ms:
        pair.run(schedule.until_ms - pair.now_ms)
    found = pair.watch.findings
    return found, (*trace, *(f"{one.at_ms:>7} ms !! {one}" for one in found))
