"""Keeps a fault in force for as long as its holder lives, and notices when it ended before that."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from testbed.errors import FaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from testbed.partitions import NetworkFault

LEASE_MS = 2000
"""How long a held fault outlives its holder, at most."""

PARTS = 3
"""A lease is renewed when this part of it is over: one late renewal does no harm."""


class LapsedError(FaultError):
    """A fault ended before its time: what was seen meanwhile proves nothing.

    Attributes:
        held_ms: when it was in force for the last time that is known; milliseconds of the monotonic clock.
        noticed_ms: when it was found to be gone, or could not be renewed.
    """

    def __init__(self, faults: Collection[NetworkFault], *, held_ms: float, noticed_ms: float) -> None:
        kinds = ", ".join(sorted(map(str, faults)))
        when = f"renewed at {held_ms:.0f} ms of the monotonic clock for the last time, in vain by {noticed_ms:.0f} ms"
        super().__init__(f"a fault ended before its time ({kinds}): {when}")
        self.held_ms, self.noticed_ms = held_ms, noticed_ms

    def times(self) -> dict[str, float]:
        """As a history has them."""
        return {"held_ms": round(self.held_ms, 3), "noticed_ms": round(self.noticed_ms, 3)}


OnLapse: TypeAlias = "Callable[[LapsedError], object]"
"""Who is told of a lapse as soon as it is noticed, in the thread that noticed it."""


def tell_nobody(_lapse: LapsedError) -> None:
    """It is raised in the end all the same."""


class Renewal:
    """A thread that renews leases until `end`, or until a renewal fails.

    Args:
        renew: starts the leases anew; raises where one has ended, unless somebody else has set the same meanwhile.
        lease_ms: how long a lease lasts, in milliseconds.
        on_failure: called at once when a renewal has failed, in the thread that renewed.

    Attributes:
        failure: why it stopped before `end` was called; None if it did not.
        held_ms: when the last renewal that went well began, in milliseconds of the monotonic clock.
        failed_ms: when the one that did not had failed.
    """

    def __init__(
        self, renew: Callable[[], object], *, lease_ms: int, on_failure: Callable[[], object] = lambda: None
    ) -> None:
        self.failure: Exception | None = None
        self.held_ms = self.failed_ms = self._begun_by_ms = _now_ms()
        self._renew, self._on_failure = renew, on_failure
        self._lease_ms = lease_ms
        self._every_s = lease_ms / 1000 / PARTS
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-renewal", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop renewing; after this no renewal is under way.

        It renews once more: a process that was frozen for longer than the lease may come here without another
        renewal, and what it held would have lapsed unnoticed.
        """
        self._end.set()
        self._thread.join()
        if self.failure is None:
            self._once()

    def lapse(self, faults: Collection[NetworkFault]) -> LapsedError | None:
        """What to raise of these, if they ended before their time."""
        if self.failure is None:
            return None
        error = LapsedError(faults, held_ms=self.held_ms, noticed_ms=self.failed_ms)
        error.__cause__ = self.failure
        return error

    def _run(self) -> None:
        while not self._end.wait(self._every_s) and self.failure is None:
            self._once()

    def _once(self) -> None:
        begun_ms = _now_ms()
        try:
            self._refuse_late(begun_ms)
            self._renew()
        except Exception as error:  # noqa: BLE001  # kept for whoever holds the fault
            self.failure, self.failed_ms = error, _now_ms()
            self._on_failure()
        else:
            self.held_ms, self._begun_by_ms = begun_ms, _now_ms()

    def _refuse_late(self, now_ms: float) -> None:
        """A lease that is surely over is not begun anew: what may be in its place is somebody else's."""
        late_ms = now_ms - self._begun_by_ms
        if late_ms > self._lease_ms:
            raise FaultError(f"this process stood still for {late_ms:.0f} ms, with a lease of {self._lease_ms} ms")


class Claims:
    """Who of this process holds what: a fault held twice ends when the last holder lets go of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[NetworkFault] = Counter()

    def claim(self, faults: Collection[NetworkFault]) -> None:
        """One more holds these."""
        with self._lock:
            self._held.update(faults)

    def release(self, faults: Collection[NetworkFault]) -> frozenset[NetworkFault]:
        """One fewer holds these; return those that nobody holds any more."""
        with self._lock:
            self._held.subtract(faults)
            return frozenset(fault for fault in faults if self._held[fault] <= 0)

    def shared(self) -> frozenset[NetworkFault]:
        """What more than one hold."""
        with self._lock:
            return frozenset(fault for fault, holders in self._held.items() if holders > 1)

    def held(self) -> frozenset[NetworkFault]:
        """What somebody holds."""
        with self._lock:
            return frozenset(fault for fault, holders in self._held.items() if holders > 0)


def _now_ms() -> float:
    return time.monotonic() * 1000
