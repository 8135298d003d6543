"""Ends a far end of the fault channel that nobody hears any more: what it was told and has not done, it is never to do.

The standard library alone, to start fast.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

from stubs.server.refusal import RefusedError

PROGRAM = b"stubs.server.channel"
_WAIT_S = 2.0


def end(pid: int) -> None:
    """Kill a process of this container and wait until it is gone, if it is a far end; else leave it alone.

    Raises:
        RefusedError: it does not end.
    """
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            # Only now: a number that another process has by now would be of that one.
            if PROGRAM in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                poll = select.poll()
                poll.register(handle, select.POLLIN)
                if not poll.poll(_WAIT_S * 1000):
                    raise RefusedError("request", f"process {pid} does not end")
        except FileNotFoundError:  # it has ended meanwhile
            return
        finally:
            os.close(handle)
