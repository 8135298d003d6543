"""Defects of who serves (ROLE)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs import resilience
from stubs.defects.planting import defect
from stubs.portal import cti
from stubs.portal.cti import AfterCall
from stubs.resilience import Role, State, hears_peer, willing
from stubs.wire import Farewell, PortalStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Decide: TypeAlias = Callable[[State], str | None]


@defect(resilience, "_secondary", breaks=("ROLE-5", "ROLE-6", "ROLE-7", "ROLE-11"))
def secondary_never_yields(right: Decide, state: State) -> str | None:
    """The secondary that serves goes on, whatever it hears of the primary."""
    return None if state.role is Role.AVAILABLE and willing(state) else right(state)


@defect(resilience, "_secondary", breaks=("ROLE-2", "ROLE-3", "ROLE-4"))
def secondary_needs_a_word(right: Decide, state: State) -> str | None:
    """The secondary waits for a good-bye, and never takes over from a primary that is merely silent."""
    why = right(state)
    return None if why == "the primary is not heard" else why


@defect(resilience, "_secondary", breaks=("ROLE-12",))
def secondary_forgets_at_its_start(right: Decide, state: State) -> str | None:
    """A secondary that was restarted, and has not heard the primary since, waits for it for ever."""
    never = state.peer is None or state.peer.claimed_at_ms is None
    return None if never and state.role is Role.STARTING else right(state)


@defect(resilience, "_secondary", breaks=("ROLE-10",))
def secondary_in_a_hurry(right: Decide, state: State) -> str | None:
    """The secondary takes a restart of the primary's portal for a hand-over, and serves at once."""
    peer = state.peer
    if peer is not None and state.role is Role.STARTING and peer.status.farewell is Farewell.RESTART:
        return "in a hurry"
    return right(state)


@defect(resilience, "_secondary", breaks=("ROLE-8", "ROLE-10"))
def manual_failback_ignored(right: Decide, state: State) -> str | None:
    """The secondary gives way as soon as the primary is back, though failback is manual."""
    peer = state.peer
    if state.role is Role.AVAILABLE and peer is not None and peer.status.willing:
        return "the primary is back"
    return right(state)


@defect(resilience, "_primary", breaks=("ROLE-11",))
def primary_does_not_wait(right: Decide, state: State) -> str | None:
    """The primary serves as soon as it can, though the secondary still does: failback without a hand-over."""
    return "cannot wait" if state.role is Role.STARTING and willing(state) else right(state)


@defect(resilience, "_primary", breaks=("ROLE-14",))
def primary_waits_for_the_deaf(right: Decide, state: State) -> str | None:
    """The primary waits for ever for a secondary that serves and cannot hear it."""
    why = right(state)
    return None if why == "the secondary serves but cannot hear" else why


@defect(resilience, "_primary", breaks=("ROLE-4", "ROLE-9", "ROLE-10"))
def primary_steps_down_alone(right: Decide, state: State) -> str | None:
    """The primary in service stops when it does not hear the secondary."""
    return "alone" if state.role is Role.AVAILABLE and not hears_peer(state) else right(state)


@defect(resilience, "willing", breaks=("ROLE-3",))
def serves_without_its_core(_right: Callable[[State], bool], state: State) -> bool:
    """A portal serves whether its core is there or not."""
    return not state.closing and state.ready is True


@defect(resilience, "_core_usable", breaks=("ROLE-10",))
def core_lost_at_once(_right: Callable[[State], bool], state: State) -> bool:
    """A core that is silent for a moment counts as gone, without the detection time."""
    return state.core_up


@defect(State, "frozen_ms", breaks=("ROLE-11",))
def frozen_portal_goes_on(right: Callable[[State], int], state: State) -> int:
    """A portal that was frozen for long goes on as if no time had passed, though the other may serve by now."""
    return 4 * right(state)


@defect(PortalStatus, "newer_than", breaks=("ROLE-5", "ROLE-10", "ROLE-11"))
def restarted_portal_unheard(_right: object, one: PortalStatus, two: PortalStatus | None) -> bool:
    """A portal that has just started is not heard for long, as it counts its words from one again."""
    return two is None or one.serial > two.serial


@defect(cti, "after_call", breaks=("ROLE-3",))
def core_never_lost(_right: object, **_of: Any) -> AfterCall:
    """A portal never finds its core lost, however long that is silent."""
    return AfterCall(lost=False, pauses=True)
