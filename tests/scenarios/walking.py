"""Walks beds through states of the table, and compares each with the oracle. Acts and looks; asserts nothing.

A state counts as settled when it has been seen as predicted, and when nothing has changed since until everything that
its faults could still lead to would have happened: silence is noticed, and the detection time is over. The portals'
own record tells whether a role changed between two looks.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stubs.timing import Timing
from stubs.wire import Site
from testbed.errors import NotInTimeError
from testbed.faults import Fault, Stop
from testbed.nemesis import Nemesis
from testbed.oracle import settle
from testbed.recording.stretches import RoleRecord, Stretch, common, without
from testbed.waiting import wait_until
from testbed.world import Failback
from tests.scenarios.observing import WITHIN_S, detection_s, eventually_runs, now_ms, until_nothing_more_can_happen_s
from tests.scenarios.outside import Outside, differences, predicted
from tests.scenarios.states import Visit
from tests.scenarios.watching import kills_portal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from testbed.bed import Bed
    from testbed.history import History
    from tests.scenarios.states import Cause, Leg


@dataclass(frozen=True, kw_only=True)
class Found:
    """What became of one visit.

    Attributes:
        wrong: what was not as it should be, in words; empty if all was.
        seconds: how long it took, faults included.
    """

    wrong: tuple[str, ...]
    seconds: float


class Breaker:
    """Makes the faults of one state after the other.

    Attributes:
        broken: when the link was not whole; each ends when S has had time to hear P again.
        dead_by_ms: moments by which a server's portal had been ended.
    """

    def __init__(self, bed: Bed, nemesis: Nemesis, *, grace_ms: float) -> None:
        self.broken: list[Stretch] = []
        self.dead_by_ms: dict[Site, list[float]] = {site: [] for site in Site}
        self._bed, self._nemesis, self._grace_ms = bed, nemesis, grace_ms
        self._in_force: dict[Fault, tuple[Cause, float]] = {}

    def change(self, wanted: Mapping[Fault, Cause]) -> None:
        """Heal what is not wanted any more, then inject what is new."""
        for fault in [fault for fault in self._in_force if fault not in wanted]:
            self._nemesis.heal(fault)
            cause, began_ms = self._in_force.pop(fault)
            if cause.breaks_link:
                self.broken.append(Stretch(begin_ms=began_ms, end_ms=now_ms() + self._grace_ms))
        for fault, cause in wanted.items():
            if fault not in self._in_force:
                if isinstance(fault, Stop):  # what has just been started would die of it without a word
                    eventually_runs(self._bed.server(fault.target.server), self._bed, fault.target.service)
                self._in_force[fault] = cause, now_ms()
                self._nemesis.inject(fault)
                for site in kills_portal(fault):
                    self.dead_by_ms[site].append(now_ms())


class Walker:
    """Takes one bed from state to state.

    Args:
        bed: which.
        history: where faults and states are recorded.
    """

    def __init__(self, bed: Bed, history: History) -> None:
        self.nemesis = Nemesis(bed, history)
        self._bed, self._history = bed, history
        self._heartbeat_ms = Timing(scale=bed.topology.time_scale).heartbeat_ms
        self._breaker = Breaker(bed, self.nemesis, grace_ms=detection_s(bed) * 1000)
        self._records = {site: RoleRecord() for site in Site}
        self._before, self._secondary_served, self._left_ms = Visit(), False, now_ms()

    def go(self, visit: Visit) -> Found:
        """Go to a state, wait until it is as predicted, and see that it stays so."""
        began_ms = now_ms()
        self._breaker.change(visit.faults(self._bed))
        quiet_ms = now_ms() + until_nothing_more_can_happen_s(self._bed) * 1000
        world = visit.world(secondary_served=self._secondary_served)
        settled = settle(world)
        lost = frozenset(site for site, side in zip(Site, (world.primary, world.secondary), strict=True) if side.lost)
        expected = predicted(settled)
        wrong = self._reach(expected, lost)
        if not wrong and not visit.is_passed:
            wrong = self._stay(expected, lost, until_ms=max(quiet_ms, now_ms() + 2 * self._heartbeat_ms))
            wrong += self._disturbed(visit)
        self._before, self._secondary_served, self._left_ms = visit, settled.secondary_alone, now_ms()
        self._history.record("walk", bed=self._bed.name, state=visit.name, wrong=wrong)
        return Found(wrong=tuple(wrong), seconds=(now_ms() - began_ms) / 1000)

    def finish(self) -> list[Stretch]:
        """Heal everything; when two portals served over a whole link (ROLE-11)."""
        found = self.go(Visit(is_passed=True)) if self._before.failback is Failback.AUTOMATIC else None
        self._breaker.change({})
        if found is not None and found.wrong:
            raise AssertionError(f"not in normal running after the walk: {'; '.join(found.wrong)}")
        primary, secondary = (self._records[site].serving(dead_by_ms=self._breaker.dead_by_ms[site]) for site in Site)
        return without(common(primary, secondary), self._breaker.broken)

    def _look(self, lost: frozenset[Site]) -> dict[str, object]:
        outside = Outside(self._bed, lost)
        for site, portal in outside.portals.items():
            self._records[site].learn(portal["role_changes"] if portal else ())
        return outside.facts()

    def _reach(self, expected: dict[str, object], lost: frozenset[Site]) -> list[str]:
        left: list[str] = []

        def look() -> list[str]:
            left[:] = differences(expected, self._look(lost))
            return left

        try:
            wait_until(look, lambda found: not found, within_s=WITHIN_S, what="the prediction", every_s=0.04)
        except NotInTimeError:
            return left
        return []

    def _stay(self, expected: dict[str, object], lost: frozenset[Site], *, until_ms: float) -> list[str]:
        since_ms = now_ms()
        wait_until(now_ms, lambda now: now >= until_ms, within_s=WITHIN_S, what="the time when nothing more can happen")
        wrong = [f"later {one}" for one in differences(expected, self._look(lost))]
        wrong += [f"the {site.value} changed later: {told}" for site in Site if (told := self._told(site, since_ms))]
        return wrong + [f"the {site.value} is lost, and answers" for site in lost if self._answers(site)]

    def _disturbed(self, visit: Visit) -> list[str]:
        """ROLE-9: neither what S does nor what the link does moves P."""
        usual = visit.failback is Failback.AUTOMATIC
        if not usual or visit.hits_primary or self._before.hits_primary:
            return []
        told = self._told(Site.PRIMARY, self._left_ms)
        return [f"the primary was moved: {told}"] if told else []

    def _told(self, site: Site, since_ms: float) -> str:
        return ", ".join(f"{role} ({why})" for _at_ms, role, why in self._records[site].between(since_ms))

    def _answers(self, site: Site) -> bool:
        return self._bed.inspectors[site].services() is not None


class Walk:
    """A walker on its way, in a thread of its own.

    Args:
        walker: who.
        legs: where to.

    Attributes:
        found: of each visit that is judged, what became of it.
        overlaps: when two portals served over a whole link.
    """

    def __init__(self, walker: Walker, legs: Sequence[Leg]) -> None:
        self.found: dict[Visit, Future[Found]] = {
            visit: Future() for leg in legs for visit in leg if not visit.is_passed
        }
        self.overlaps: Future[list[Stretch]] = Future()
        self._walker, self._legs = walker, legs
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="walk")
        self._thread.start()

    def end(self) -> None:
        """Go no further than to where it is, and heal what is left."""
        self._ends.set()
        self._thread.join()
        self._walker.nemesis.heal_all()

    def _run(self) -> None:
        try:
            for visit in (visit for leg in self._legs for visit in leg):
                if self._ends.is_set():
                    return
                found = self._walker.go(visit)
                if not visit.is_passed:
                    self.found[visit].set_result(found)
            self.overlaps.set_result(self._walker.finish())
        except BaseException as error:  # noqa: BLE001 - handed to everybody who waits for a result
            waited_for: list[Future[Any]] = [*self.found.values(), self.overlaps]
            for future in waited_for:
                if not future.done():
                    future.set_exception(error)
