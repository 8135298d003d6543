"""The liveness phase: all is healed, and within a bound the pair runs normally and everybody is back. Acts; looks."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from stubs.wire import Site
from testbed import topology as topologies
from testbed.errors import NotInTimeError
from testbed.history import SystemClock
from testbed.status import settled
from testbed.waiting import wait_until
from testbed.world import Failback

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.campaign.acting import Actor
    from testbed.campaign.crowd import Crowd

BOUND_S = 45.0
"""Within so long of the last healing the pair runs normally and everybody is back, in seconds: ours, and generous; what
is a defect here never mends itself."""


def recover(bed: Bed, actor: Actor, crowd: Crowd, *, bound_s: float = BOUND_S) -> tuple[tuple[str, ...], float]:
    """Heal everything, and wait until all is well; what is not, in words, and how many seconds that took.

    With manual failback P waits for a restart of the portals (ROLE-8): they are restarted first.

    Args:
        bed: which bed.
        actor: knows what is to be healed.
        crowd: the clients.
        bound_s: how long it may take.

    Raises:
        NeverBackError: a portal does not answer any more.
        FaultError, EngineError, NotInTimeError, ExceptionGroup: something could not be healed.
    """
    actor.heal_all()
    if actor.failback is Failback.MANUAL:
        actor.restart_portals()
    wrong: list[str] = []
    clock = SystemClock()
    healed_ms = clock.monotonic_ms()

    def look() -> list[str]:
        wrong[:] = _wrong(bed, crowd)
        return wrong

    with contextlib.suppress(NotInTimeError):
        wait_until(look, lambda seen: not seen, within_s=bound_s, what="all to be well", every_s=0.2)
    told = tuple(f"{bound_s:g} s after all was healed {one}" for one in wrong)
    return told, (clock.monotonic_ms() - healed_ms) / 1000


def _wrong(bed: Bed, crowd: Crowd) -> list[str]:
    seen = {site: (bed.inspectors[site].resilience(), bed.inspectors[site].services()) for site in Site}
    wrong = []
    if not settled(seen, unmet=topologies.unmet(bed.topology), boots={}):
        wrong.append(f"the pair was not in normal running: {'; '.join(_told(site, *seen[site]) for site in Site)}")
    wrong += [f"{name} was not back: {what}" for name, what in crowd.elsewhere.items()]
    return wrong


def _told(site: Site, portal: dict[str, object] | None, view: object) -> str:
    if portal is None:
        return f"the {site.value}'s portal does not answer"
    told = {key: portal.get(key) for key in ("role", "unmet", "core", "sync")}
    return f"the {site.value} {told}" + ("" if view else ", and its platform view does not answer")
