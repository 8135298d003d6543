"""The life of a service process: what each signal means. Signals and exec, no decisions.

SIGTERM  stop in order: say good-bye, end
SIGHUP   restart: say good-bye as one who returns, begin again in the same container
SIGUSR1  factory reset: forget everything since installation, without a restart
SIGCONT  begin at once: ends a slow start (`hold_back`), and is nothing to a service that has begun
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Never

from stubs.installation import FAULTS, HELD, SLOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
_ENDS = (signal.SIGTERM, signal.SIGINT)


def prepare(name: str) -> None:
    """Set logging up, keep the signals for `live`, and start slowly if that is the fault of this start.

    Call it before the first thread starts.

    Args:
        name: of the service: server, core or portal.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s.%(msecs)03d %(name)s %(message)s", datefmt="%H:%M:%S")
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    threading.excepthook = _die
    hold_back(slow_start(name))


def slow_start(name: str) -> Path:
    """The file whose presence makes a service start slowly: the seconds, after `HELD` once it waits."""
    return FAULTS / f"{SLOW}{name}"


def hold_back(fault: Path) -> None:
    """Wait before anything begins, as long as the file says, and say so in it; the fault ends with it.

    Whoever sets the fault need not live on to end it. A stop ends the process at once; a restart or a SIGCONT
    ends the wait.
    """
    try:
        seconds = float(fault.read_text().removeprefix(HELD))
    except FileNotFoundError:
        return
    fault.write_text(f"{HELD} {seconds:g}")
    log.info("slow start: %g s", seconds)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCONT])
    came = signal.sigtimedwait([*_ENDS, signal.SIGHUP, signal.SIGCONT], seconds)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCONT])
    fault.unlink(missing_ok=True)
    if came is not None and came.si_signo in _ENDS:
        os._exit(0)


def _die(failed: threading.ExceptHookArgs) -> None:
    """End the process: a service with a dead thread would go on half, and look well."""
    error = failed.exc_value
    log.critical("thread %s failed", failed.thread.name if failed.thread else "?", exc_info=error)
    os._exit(70)


def live(
    module: str,
    *,
    leave: Callable[[bool], None],
    reset: Callable[[], None],
    words: Callable[[], tuple[str, ...]] = tuple,
) -> Never:
    """Act on signals until the process ends, one after the other: a restart never cuts a reset short.

    Args:
        module: what to run again at a restart.
        leave: says good-bye; its argument tells whether this service comes back.
        reset: goes back to the state after installation.
        words: what the next start is told (`told`), asked for at a restart.
    """
    while True:
        number = signal.sigwait(_SIGNALS)
        log.info("signal %s", signal.Signals(number).name)
        if number == signal.SIGUSR1:
            reset()
            continue
        restart = number == signal.SIGHUP
        leave(restart)
        if restart:
            again(module, *words())
        os._exit(0)


def restart() -> None:
    """Ask this very process to restart (SIGHUP)."""
    os.kill(os.getpid(), signal.SIGHUP)


def again(module: str, *words: str) -> Never:
    """Begin again from nothing in the same container.

    Args:
        module: what to run.
        words: what its next start is told.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *words])  # noqa: S606 - the very program that runs now


def told() -> list[str]:
    """What the start before this one left word of; nothing when the container was started."""
    return sys.argv[1:]
