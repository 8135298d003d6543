"""One schedule as data: what is done when, how to run it again, and how it is read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from testbed.errors import MisuseError
from testbed.simulator import key
from testbed.simulator.acts import Act, Verb
from testbed.simulator.pair import Pair
from testbed.simulator.parts import HEARTBEAT_MS, Setting
from testbed.world import Failback

if TYPE_CHECKING:
    from testbed.simulator.watch import Finding


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One act and when it is done, in simulated milliseconds."""

    at_ms: int
    act: Verb
    target: str


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that decides a simulated run: the same schedule gives the same run, to the last word.

    Attributes:
        detection_minutes: Failover Detection Time, real minutes.
        failback: automatic or manual.
        ticked: whether P's line backs the portal up (CFG-7).
        phases_ms: see `Setting`.
        delays_ms: see `Setting`.
        steps: what is done, in the order of its time.
        settles_ms: when the pair is judged by the oracle.
        until_ms: when the run ends.
    """

    detection_minutes: float
    failback: Failback
    ticked: bool = True
    phases_ms: tuple[int, int, int, int]
    delays_ms: tuple[int, int]
    steps: tuple[Step, ...]
    settles_ms: tuple[int, ...] = ()
    until_ms: int = 0

    @property
    def setting(self) -> Setting:
        """What does not change in it."""
        return Setting(
            minutes=self.detection_minutes,
            failback=self.failback,
            ticked=self.ticked,
            phases_ms=self.phases_ms,
            delays_ms=self.delays_ms,
        )


def written(setting: Setting, steps: tuple[Step, ...], settles_ms: tuple[int, ...], *, until_ms: int) -> Schedule:
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


def read(text: str) -> Schedule:
    """A schedule from its JSON.

    Raises:
        MisuseError: it is none.
    """
    try:
        return msgspec.json.decode(text, type=Schedule)
    except msgspec.MsgspecError as error:
        raise MisuseError(f"no schedule of the simulator: {error}") from error


def settle(pair: Pair) -> bool:
    """Let time pass until the pair goes round in a circle, or breaks a rule; whether it came to rest."""
    seen: set[object] = set()
    earliest_ms = pair.now_ms + pair.setting.detection_ms // 2  # rarely sooner, and a key costs as much as a heartbeat
    latest_ms = pair.now_ms + 3 * pair.setting.bound_ms
    while pair.now_ms < latest_ms:
        pair.run(HEARTBEAT_MS)
        if pair.watch.findings:
            return False  # what is broken may never come to rest
        if pair.now_ms < earliest_ms:
            continue
        here = key.exact(pair)
        if here in seen:
            pair.watch.settled(pair)
            return True
        seen.add(here)
    pair.watch.never_settles(pair)
    return False


def healthy(setting: Setting) -> Pair:
    """A pair that has started and settled."""
    pair = Pair(setting)
    pair.run(HEARTBEAT_MS)
    settle(pair)
    return pair


def replay(schedule: Schedule) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Run a schedule again: what was found, and the trace for people.

    Raises:
        MisuseError: an act does not fit, or the steps are not in their order.
    """
    trace: list[str] = []
    pair = Pair(schedule.setting, tell=lambda at_ms, says: trace.append(f"{at_ms:>7} ms {says}"))
    moments: list[tuple[int, Act | None]] = [(step.at_ms, Act(step.act, step.target)) for step in schedule.steps]
    moments += [(at_ms, None) for at_ms in schedule.settles_ms]
    for at_ms, act in sorted(moments, key=lambda moment: (moment[0], moment[1] is not None)):
        if at_ms > pair.now_ms:
            pair.run(at_ms - pair.now_ms)
        if act is None:
            pair.watch.settled(pair)
        else:
            pair.act(act)
    if schedule.until_ms > pair.now_ms:
        pair.run(schedule.until_ms - pair.now_ms)
    found = pair.watch.findings
    return found, (*trace, *(f"{one.at_ms:>7} ms !! {one}" for one in found))
