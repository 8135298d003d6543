"""Keeps a fault in force for as long as its holder lives, and notices when it ended before that."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from testbed.partitions import NetworkFault

LEASE_MS = 2000
"""How long a held fault outlives its holder, at most."""

PARTS = 3
"""A lease is renewed when this part of it is over: one late renewal does no harm."""


class Renewal:
    """A thread that renews leases until `end`, or until a renewal fails.

    Attributes:
        failure: why it stopped before `end` was called; None if it did not.
    """

    def __init__(self, renew: Callable[[], None], *, every_s: float) -> None:
        self.failure: Exception | None = None
        self._renew = renew
        self._every_s = every_s
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

    def _run(self) -> None:
        while not self._end.wait(self._every_s) and self.failure is None:
            self._once()

    def _once(self) -> None:
        try:
            self._renew()
        except Exception as error:  # noqa: BLE001  # kept for whoever holds the fault
            self.failure = error


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

    def held(self) -> frozenset[NetworkFault]:
        """What somebody holds."""
        with self._lock:
            return frozenset(fault for fault, holders in self._held.items() if holders > 0)
