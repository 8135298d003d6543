"""A service that is slow to start: it waits before anything begins, and writes down when it woke and when it began.

The fault is a file on the server's volume: how many milliseconds on its first line, then two words for each start,
`held` and `began`, with the time of this machine's monotonic clock in milliseconds. Every start is slow while the file
is there; taking it away lets a start that is held begin at once. So nobody has to live on to end the fault.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from typing import TYPE_CHECKING

from stubs import clock

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

LOOK_MS = 20
"""How often a start that is held looks whether the fault was healed."""

HELD, BEGAN = "held", "began"


def hold_back(fault: Path) -> None:
    """Wait as long as the file says, if there is one; call it with the signals below blocked.

    SIGTERM and SIGINT end the process at once, as nothing has begun. SIGHUP, a restart, begins the wait anew.
    """
    while (asked_ms := _asked_ms(fault)) is not None:
        log.info("slow start: %d ms", asked_ms)
        _note(fault, HELD)
        if not _restarted(fault, clock.monotonic_ms() + asked_ms):
            _note(fault, BEGAN)
            return


def _restarted(fault: Path, until_ms: int) -> bool:
    """Wait until that moment or until the fault is gone; whether a restart came instead."""
    while (left_ms := until_ms - clock.monotonic_ms()) > 0 and fault.exists():
        came = signal.sigtimedwait([signal.SIGTERM, signal.SIGINT, signal.SIGHUP], min(left_ms, LOOK_MS) / 1000)
        if came is not None and came.si_signo == signal.SIGHUP:
            return True
        if came is not None:
            os._exit(0)
    return False


def _asked_ms(fault: Path) -> int | None:
    try:
        return int(fault.read_text().splitlines()[0])
    except FileNotFoundError:
        return None


def _note(fault: Path, word: str) -> None:
    """Add a line to the file, in one write; a fault that was healed meanwhile stays gone."""
    with contextlib.suppress(FileNotFoundError):
        file = os.open(fault, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, f"{word} {clock.monotonic_ms()}\n".encode())
        finally:
            os.close(file)
