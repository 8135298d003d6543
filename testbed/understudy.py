"""Heals a topology that stays, when whoever holds faults in it dies: nobody else would.

Network faults that are held end by themselves, with their lease. A service that was paused, stopped or killed, a disk
that was filled up, and a certificate that was replaced stay as they are, and a topology that stays has no janitor.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from stubs.wire import ServerName
from testbed.errors import BedError, MisuseError, NotInTimeError
from testbed.waiting import wait_until
from testbed.watcher import READY, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterable

    from testbed.bed import Bed
    from testbed.faults import Target

Service = tuple[ServerName, str]
"""A service of a server; `Target` says the same, and loads more than a process that only waits has a need of."""

READY_S = 20.0
"""How long it may take to start, in seconds."""

QUIET_S = 2.0
"""How long it goes on healing after it has succeeded, in seconds: what the dead one had asked the engine for may land
late. An orderly stop may be at work for longer than this, so that it is cut short."""

HEALED_S = 120.0
"""How long it tries, in seconds."""

_DONE = b"done"
_STOPPING = b"stopping"

_ON_DUTY: set[Understudy] = set()
"""Those of this process: one that nobody refers to any more would take that for the process's death."""


class Understudy:
    """This process's side of it: until it is dismissed, the end of this process, however it comes, heals the topology.

    Args:
        name: of the topology.

    Raises:
        MissingError: it does not start.
    """

    def __init__(self, name: str) -> None:
        self._watcher = Watcher(["-m", "testbed.understudy", name])
        otherwise = f"nobody would heal {name} if this were killed: the process for that does not start"
        self._watcher.confirm(within_s=READY_S, otherwise=otherwise)
        _ON_DUTY.add(self)

    def will_stop(self, target: Target) -> None:
        """Tell that the engine is going to be asked for an orderly stop."""
        self._watcher.say(_STOPPING + f" {target}\n".encode())

    def dismiss(self) -> None:
        """Nothing is left to be healed."""
        self._watcher.tell(_DONE + b"\n")
        self._watcher.leave(within_s=1)
        _ON_DUTY.discard(self)


def told(words: bytes) -> list[Service] | None:
    """What the services are that may be stopping, by all that the other one said; `None`: there is nothing to heal."""
    lines = words.splitlines()
    if lines and lines[-1] == _DONE:
        return None
    targets = [line.removeprefix(_STOPPING).strip().decode() for line in lines if line.startswith(_STOPPING)]
    return [(ServerName(server), service) for server, _, service in (one.partition("/") for one in targets)]


def heal(name: str, *, stopping: Iterable[Service] = ()) -> None:
    """Heal it, until nothing can be left of what somebody had asked for.

    Args:
        name: of the topology.
        stopping: services that the engine may be stopping: they are ended at once, before they are started.

    Raises:
        NotInTimeError: it could not be healed; says why.
    """
    from testbed import environment  # noqa: PLC0415 - loads slowly, and most have nothing to heal
    from testbed.bed import Bed  # noqa: PLC0415 - likewise

    began = time.monotonic()
    pending = list(stopping)

    def seconds() -> float | Exception:
        nonlocal began
        try:
            with contextlib.closing(Bed.attach(environment.engine(), name, folder=environment.bed_folder(name))) as bed:
                _end(bed, pending)
                bed.heal()
        except MisuseError:  # somebody took it down
            return QUIET_S
        except (BedError, ExceptionGroup) as error:
            began = time.monotonic()
            return error
        return time.monotonic() - began

    wait_until(
        seconds,
        lambda seen: isinstance(seen, float) and seen >= QUIET_S,
        within_s=HEALED_S,
        what=f"{name} to be healed",
        every_s=0.5,
    )


def _end(bed: Bed, pending: list[Service]) -> None:
    """End what may be stopping: a stop that landed after the start that heals it would undo the healing."""
    while pending:
        bed.services.kill(*pending[-1])
        pending.pop()


def main() -> int:
    """Wait for the other's end; heal, unless it had done so."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError):  # died already
        os.write(sys.stdout.fileno(), READY)
    stopping = told(sys.stdin.buffer.read())
    if stopping is None:
        return 0
    try:
        heal(sys.argv[1], stopping=stopping)
    except NotInTimeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
