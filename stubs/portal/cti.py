"""A portal's CTI link to one core: logs in as the service user, calls again when it breaks. Sockets, no decisions."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from stubs.lines import BROKEN, Hello, LineConnection
from stubs.wire import CoreWord

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.wire import PortalStatus


class AfterCall(NamedTuple):
    """What follows when a call has ended: whether the core counts as lost, and whether to pause before the next."""

    lost: bool
    pauses: bool


def after_call(*, up: bool, spoke: bool, lasted: float, pause: float) -> AfterCall:
    """Decide it (ROLE-10): lost is a core that was up, once a call finds nobody who speaks.

    Args:
        up: the core answered so far.
        spoke: it said anything in this call.
        lasted: how long the call was, in the same unit as `pause`.
        pause: the time between two calls.
    """
    lost = up and not spoke
    return AfterCall(lost=lost, pauses=lost or not up or lasted < pause)


class CtiLink:
    """The link to one core.

    Args:
        address: of the core's server.
        port: of its CTI.
        hello: the log-in.
        heard: called with each word of the core.
        lost: called when a link that was up broke and a call at once found nobody: a core that is merely slow to speak
            is not lost (ROLE-10).
        silence_s: how long the core may be silent, in seconds.
        pause_s: between two calls, in seconds.
    """

    def __init__(  # noqa: PLR0913 - a link's particulars
        self,
        address: str,
        port: int,
        *,
        hello: Hello,
        heard: Callable[[CoreWord], None],
        lost: Callable[[], None],
        silence_s: float,
        pause_s: float,
    ) -> None:
        self._address, self._port, self._hello = address, port, hello
        self._heard, self._lost = heard, lost
        self._silence_s, self._pause_s = silence_s, pause_s
        self._connection: LineConnection | None = None
        self._up = False

    @property
    def up(self) -> bool:
        """Whether the core answers on this link."""
        return self._up

    def start(self) -> None:
        """Keep the link up in a thread of its own until the process ends."""
        threading.Thread(target=self._keep_up, name=f"cti-{self._address}", daemon=True).start()

    def say(self, status: PortalStatus) -> None:
        """Tell the core; a link that is down tells nobody. One thread calls this."""
        connection = self._connection
        if connection is None:
            return
        try:
            connection.send(status)
        except OSError:
            connection.close()

    def _keep_up(self) -> None:
        pause = threading.Event()
        while True:
            began = time.monotonic()
            spoke = self._converse()
            lasted_s = time.monotonic() - began
            after = after_call(up=self._up, spoke=spoke, lasted=lasted_s, pause=self._pause_s)
            if after.lost:
                self._up = False
                self._lost()
            if after.pauses:
                pause.wait(self._pause_s)

    def _converse(self) -> bool:
        """Call, and listen until the link breaks; whether the core said anything."""
        spoke = False
        try:
            connection = LineConnection.call(self._address, self._port, hello=self._hello, silence_s=self._silence_s)
        except OSError:
            return spoke
        self._connection = connection
        try:
            while True:
                word = connection.receive(CoreWord)
                spoke = self._up = True
                self._heard(word)
        except BROKEN:
            return spoke
        finally:
            self._connection = None
            connection.close()
