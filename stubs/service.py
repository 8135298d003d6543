"""The life of a service process: what each signal means. Signals and exec, no decisions.

SIGTERM  stop in order: say good-bye, end
SIGHUP   restart: say good-bye as one who returns, begin again in the same container
SIGUSR1  factory reset: forget everything since installation, without a restart
SIGUSR2  show the certificate that is installed now (CERT-5)
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Never

from stubs.installation import FAULTS, slow_start
from stubs.slow_start import hold_back

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def prepare(service: str) -> None:
    """Set logging up, keep the signals for `live`, and wait if this service is to start slowly.

    Call it before the first thread starts.

    Args:
        service: server, core or portal.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s.%(msecs)03d %(name)s %(message)s", datefmt="%H:%M:%S")
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    threading.excepthook = _die
    hold_back(FAULTS / slow_start(service))


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
    reload: Callable[[], None],
    words: Callable[[], tuple[str, ...]] = tuple,
) -> Never:
    """Act on signals until the process ends, one after the other: a restart never cuts a reset short.

    Args:
        module: what to run again at a restart.
        leave: says good-bye; its argument tells whether this service comes back.
        reset: goes back to the state after installation.
        reload: shows the certificate that is installed now.
        words: what the next start is told (`told`), asked for at a restart.
    """
    inside: dict[int, Callable[[], None]] = {signal.SIGUSR1: reset, signal.SIGUSR2: reload}
    while True:
        number = signal.sigwait(_SIGNALS)
        log.info("signal %s", signal.Signals(number).name)
        if number in inside:
            inside[number]()
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
