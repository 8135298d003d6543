"""When a fault of services took hold, and when it ended: by the engine's own times, where it tells them.

Its times are of the wall clock, those of a history of the monotonic one. Engine and testbed share a machine, so that
the difference of both clocks now turns one into the other, to the millisecond as long as nobody sets the clock.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from testbed.faults import Kill, Lose, Pause, Restart, Stop, Target
from testbed.network.applied import Applied

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from testbed.bed import Bed
    from testbed.faults import Fault
    from testbed.history import Clock

CLOCKS_MS = 1.0
"""So much the two clocks, read one after the other, may seem to differ from one time to the next."""


def verbs_of(bed: Bed, fault: Fault) -> dict[Target, tuple[str, str]]:
    """What the engine does to each service when a fault takes hold, and when it is healed (`Services.at`).

    Of other faults it does not tell when services had them.
    """
    match fault:
        case Kill(target) | Stop(target):
            return {target: ("ended", "began")}
        case Pause(target):
            return {target: ("pause", "unpause")}
        case Restart(target):
            return {target: ("kill", "")}
        case Lose(server):
            return {Target(server, service): ("ended", "began") for service in bed.installed(server)}
        case _:
            return {}


def wall_times(bed: Bed, fault: Fault, *, healed: bool = False) -> dict[str, datetime]:
    """When each service had a fault, or had it no more, by the engine's clock; those of which it tells.

    Raises:
        EngineError: the engine failed.
    """
    verbs = {target: both[healed] for target, both in verbs_of(bed, fault).items()}
    found = {
        str(target): bed.services.at(verb, target.server, target.service) for target, verb in verbs.items() if verb
    }
    return {name: at for name, at in found.items() if at is not None}


def applied(planned_ms: float, at: Mapping[str, datetime], clock: Clock, *, network: Applied | None) -> Applied | None:
    """The same for a history, together with when servers had it; nothing, where nobody tells.

    Args:
        planned_ms: when it was asked for; what happened to a service before that is no work of this fault.
        at: when each service had it.
        clock: the history's.
        network: of what the same fault does to the network.
    """
    lag_ms = clock.wall().timestamp() * 1000 - clock.monotonic_ms()
    every = {name: round(moment.timestamp() * 1000 - lag_ms, 3) for name, moment in at.items()}
    times = {name: at_ms for name, at_ms in every.items() if at_ms > planned_ms - CLOCKS_MS}
    if network is not None:
        return Applied(planned_ms=network.planned_ms, committed_ms={**network.committed_ms, **times})
    return Applied(planned_ms=planned_ms, committed_ms=times) if times else None


def wall(at_ms: float, clock: Clock) -> datetime:
    """The time of day at which a monotonic clock showed this."""
    return clock.wall() + timedelta(milliseconds=at_ms - clock.monotonic_ms())


def written(at: datetime) -> str:
    """For people and programs: ISO 8601, to the millisecond."""
    return at.isoformat(timespec="milliseconds")
