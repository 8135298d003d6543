"""How a service's signs of life reach the platform view of its own server: over loopback. Sockets, no decisions.

A connection, not datagrams: when a service ends, however it ends, the kernel says so at once. A frozen one is known by
its silence.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from stubs import clock
from stubs.lines import BROKEN, Hello, LineConnection, listen
from stubs.ports import WATCHDOG
from stubs.watchdog import Shown, Sign, shown

if TYPE_CHECKING:
    from stubs.timing import Timing

_LOOPBACK = "127.0.0.1"
_SILENT_HEARTBEATS = 10
"""After how many missed signs a service counts as stopped (ours)."""


class SignSender:
    """A service's side. One thread uses it; a platform view that is not there is no error."""

    def __init__(self) -> None:
        self._connection: LineConnection | None = None

    def say(self, sign: Sign) -> None:
        """Tell how this service is."""
        try:
            if self._connection is None:
                hello = Hello(sign.service, "", "")
                self._connection = LineConnection.call(_LOOPBACK, WATCHDOG, hello=hello, silence_s=1.0)
            self._connection.send(sign)
        except OSError:
            if self._connection is not None:
                self._connection.close()
            self._connection = None


class SignBoard:
    """The platform view's side: the last sign of each service that is connected.

    Args:
        timing: of the topology.
        services: the services that are shown.
    """

    def __init__(self, timing: Timing, services: tuple[str, ...]) -> None:
        self._limit_ms = timing.heartbeat_ms * _SILENT_HEARTBEATS
        self._services = services
        self._signs: dict[str, tuple[LineConnection | None, Sign, int]] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Listen until the process ends."""
        listen(WATCHDOG, self._converse, silence_s=3600, address=_LOOPBACK)

    def services(self) -> dict[str, Shown]:
        """How each service stands now (VIEW-1 to VIEW-3)."""
        now = clock.monotonic_ms()
        with self._lock:
            signs = dict(self._signs)
        view = {}
        for service in self._services:
            _, sign, at = signs.get(service, (None, None, now))
            view[service] = shown(sign, age_ms=now - at, limit_ms=self._limit_ms)
        return view

    def hear(self, service: str, sign: Sign, connection: LineConnection | None = None) -> None:
        """A service told how it is; what it said counts no longer than its connection."""
        with self._lock:
            self._signs[service] = (connection, sign, clock.monotonic_ms())

    def _converse(self, connection: LineConnection, _address: str) -> None:
        service = connection.receive(Hello).name
        try:
            while True:
                try:
                    sign = connection.receive(Sign)
                except BROKEN:
                    return
                self.hear(service, sign, connection)
        finally:
            with self._lock:
                current = self._signs.get(service)
                if current is not None and current[0] is connection:
                    del self._signs[service]
