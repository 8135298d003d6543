"""Who serves: the resilience state machine of one portal. Pure: no clock, no I/O, no chance.

    state, effects = step(state, event)

Both portals run the same machine; the site decides which half applies. Its rules in prose:

Primary (P)
  * P serves when it is *willing* (own core up, not resigned, not closing) and S does not serve: S says that it does
    not, or S has not been heard for the detection time (ROLE-1, ROLE-5, ROLE-6, ROLE-11). What S says counts only once
    it has heard that P is willing now: before that it may be about to serve, and the word of it under way. An S that is
    heard and does not hear so within the detection time cannot hear.
  * P that serves goes on, whatever it hears or does not hear of S (ROLE-4, ROLE-7, ROLE-9), until it is unwilling.
  * P hands over when its core said good-bye, or has been silent for the detection time (ROLE-3, ROLE-10).
  * P that waits for an S which says that it cannot hear P, serves after the detection time (ROLE-14).
  * P resigns at *Failover Now*, and takes that back when S can serve no more (reading "failover now").

Secondary (S)
  * S serves when resilience is ready, its own core is up, and P neither serves nor is willing to: at once when P said
    so on purpose (ROLE-2), otherwise when nothing of the kind was heard for the detection time. If it heard nothing
    at all since its own start, it grants P one detection time more, so that of two that start together P is first
    (ROLE-12). One that was not willing before waits two heartbeats in any case: a P that comes back at the same time
    is first, and what waited for an S that was frozen is old.
  * S that serves stops when it hears P serve, and, with automatic failback, when it hears P willing (ROLE-5 to
    ROLE-8). P follows when S said that it stopped (ROLE-11).

Both
  * Words about the other portal come directly or through the cores; the machine does not care (ROLE-13).
  * A machine that was itself frozen for the detection time begins anew, in either role: the other may serve by now,
    and the words that waited for it are old.

A portal of a ready pair serves only with its own core (reading "own core"); while resilience is known not to be ready,
P serves without its core too, as there is nobody to hand over to (reading "not ready"). What follows from a cut in one
direction is the reading "deaf secondary", when P waits the reading "manual failback", and why it does not
believe every word of S the reading "claim heard".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from stubs.events import Close, CoreDown, CoreUp, FailoverNow, PeerHeard, Settled, Tick
from stubs.wire import Failback, Farewell, Site

if TYPE_CHECKING:
    from stubs.events import Event
    from stubs.wire import PortalStatus


class Role(StrEnum):
    """What the platform view shows of a running portal (VIEW-1, VIEW-2)."""

    AVAILABLE = "Available"
    STARTING = "Starting"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """What is known of the other portal.

    Attributes:
        status: its latest word.
        heard_at_ms: when that came.
        claimed_at_ms: when it last said that it serves or is willing to; `None`: never.
        deaf_since_ms: since when it says that it does not hear us; `None`: it hears us.
        claim: its last claim: its start, and the claim's number; zeros: none was heard.
    """

    status: PortalStatus
    heard_at_ms: int
    claimed_at_ms: int | None
    deaf_since_ms: int | None
    claim: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class State:
    """All that decides who serves, as one portal sees it.

    Attributes:
        site: which half of the rules applies.
        boot: start of the process or last factory reset, as the other portal knows it.
        started_at_ms: when this portal started.
        now_ms: time of the last event.
        detection_ms: Failover Detection Time, scaled.
        heartbeat_ms: how often something happens at least, scaled.
        ready: resilience is ready (True), is not (False), or this was never learnt (None).
        failback: automatic or manual.
        role: what this portal is.
        role_since_ms: since when.
        core_up: the own core answers.
        core_lost_at_ms: when it was lost without a word; `None`: up, never seen, or it said good-bye.
        resigned: *Failover Now* was asked for.
        farewell: why this portal does not serve, if on purpose.
        peer: the other portal; `None`: never heard, or not since this portal was frozen.
        claim: which time since its start it is willing.
        willing_since_ms: when that time began.
    """

    site: Site
    boot: int
    started_at_ms: int
    now_ms: int
    detection_ms: int
    heartbeat_ms: int
    ready: bool | None = None
    failback: Failback = Failback.AUTOMATIC
    role: Role = Role.STARTING
    role_since_ms: int = 0
    core_up: bool = False
    core_lost_at_ms: int | None = None
    resigned: bool = False
    farewell: Farewell = Farewell.NONE
    peer: Peer | None = None
    claim: int = 0
    willing_since_ms: int = 0

    @property
    def frozen_ms(self) -> int:
        """A gap between two events from which on this portal was itself frozen, and the other may serve."""
        return max(2 * self.heartbeat_ms, self.detection_ms - 2 * self.heartbeat_ms)

    @property
    def closing(self) -> bool:
        """Whether this portal is about to end."""
        return self.farewell in (Farewell.STOP, Farewell.RESTART)


@dataclass(frozen=True, kw_only=True)
class RoleChanged:
    """The only effect: this portal begins or ceases to serve.

    Attributes:
        role: the new role.
        why: for people, in the log and on the status page.
    """

    role: Role
    why: str


def step(state: State, event: Event) -> tuple[State, tuple[RoleChanged, ...]]:
    """Take one event in; give the next state and what follows from it.

    Time never runs backwards: an event older than the state is taken at the state's own time.
    """
    now = max(event.at_ms, state.now_ms)
    was_frozen = now - state.now_ms >= state.frozen_ms
    if was_frozen:
        # Whoever heard nothing of us for so long may serve by now: ask again before going on.
        state = replace(state, peer=None, started_at_ms=now)
    was_willing = willing(state) and not was_frozen
    state = replace(_absorb(state, event, now), now_ms=now)
    if not was_willing and willing(state):
        state = replace(state, claim=state.claim + 1, willing_since_ms=now)
    if was_frozen and state.role is Role.AVAILABLE:
        return _enter(state, Role.STARTING, "was frozen itself")
    reason = _primary(state) if state.site is Site.PRIMARY else _secondary(state)
    if reason is None:
        return state, ()
    return _enter(state, Role.STARTING if state.role is Role.AVAILABLE else Role.AVAILABLE, reason)


def willing(state: State) -> bool:
    """Whether this portal would serve if the other did not."""
    if state.closing:
        return False
    if state.site is Site.SECONDARY:
        return state.ready is True and _core_usable(state)
    return not state.resigned and (_core_usable(state) or state.ready is False)


def hears_peer(state: State) -> bool:
    """Whether the other portal was heard within the detection time."""
    return state.peer is not None and state.now_ms - state.peer.heard_at_ms < state.detection_ms


def _absorb(state: State, event: Event, now: int) -> State:  # noqa: PLR0911 - one return for each event
    match event:
        case Tick():
            return _take_back_resignation(state, now)
        case CoreUp():
            return replace(state, core_up=True, core_lost_at_ms=None)
        case CoreDown(orderly=orderly):
            lost_at = now if state.core_up and not orderly else None
            return replace(state, core_up=False, core_lost_at_ms=lost_at if state.core_up else state.core_lost_at_ms)
        case PeerHeard(status=status):
            return _hear(state, status, now)
        case Settled(ready=ready, failback=failback, detection_ms=detection_ms):
            return replace(state, ready=ready, failback=failback, detection_ms=detection_ms)
        case FailoverNow():
            return replace(state, resigned=state.site is Site.PRIMARY)
        case Close(restart=restart):
            return replace(state, farewell=Farewell.RESTART if restart else Farewell.STOP)
        case _:
            assert_never(event)


def _hear(state: State, status: PortalStatus, now: int) -> State:
    before = state.peer
    if status.site is not state.site.other or not status.newer_than(before.status if before else None):
        return state
    claims = status.serving or status.willing
    deaf_since = before.deaf_since_ms if before and before.deaf_since_ms is not None else now
    peer = Peer(
        status=status,
        heard_at_ms=now,
        claimed_at_ms=now if claims else (before.claimed_at_ms if before else None),
        deaf_since_ms=None if status.hears_peer else deaf_since,
        claim=(status.boot, status.claim) if claims else (before.claim if before else (0, 0)),
    )
    return replace(state, peer=peer)


def _take_back_resignation(state: State, now: int) -> State:
    """Somebody must serve (reading "failover now"): S was not heard to serve, or to be willing to, for too long."""
    claimed_at_ms = state.peer.claimed_at_ms if state.peer else None
    helpless = now - max(state.started_at_ms, claimed_at_ms or 0) >= state.detection_ms
    return replace(state, resigned=False) if state.resigned and helpless else state


def _last_word_ms(state: State) -> int:
    """When the other portal was last heard, or this one began to listen."""
    return max(state.started_at_ms, state.peer.heard_at_ms if state.peer else 0)


def _core_usable(state: State) -> bool:
    """The own core is up, or was lost so briefly that nothing follows from it yet (ROLE-10)."""
    if state.core_up:
        return True
    lost_at = state.core_lost_at_ms
    return state.role is Role.AVAILABLE and lost_at is not None and state.now_ms - lost_at < state.detection_ms


def _primary(state: State) -> str | None:
    """Why the primary changes its role now; `None`: it does not."""
    if state.role is Role.AVAILABLE:
        return None if willing(state) else "hands over"
    if not willing(state):
        return None
    peer = state.peer
    if state.now_ms - _last_word_ms(state) >= state.detection_ms:
        return "the secondary is not heard"
    if peer is None:
        return None
    if not peer.status.serving:
        knows = peer.status.heard_claim == (state.boot, state.claim)
        waited = state.now_ms - state.willing_since_ms >= state.detection_ms
        return "the secondary does not serve" if knows or waited else None
    deaf = peer.deaf_since_ms is not None and state.now_ms - peer.deaf_since_ms >= state.detection_ms
    return "the secondary serves but cannot hear" if deaf else None


def _secondary(state: State) -> str | None:  # noqa: PLR0911 - one return for each rule
    """Why the secondary changes its role now; `None`: it does not."""
    peer = state.peer
    if state.role is Role.AVAILABLE:
        if not willing(state):
            return "cannot go on"
        if peer is None or peer.heard_at_ms <= state.role_since_ms:
            return None
        if peer.status.serving:
            return "the primary serves"
        back = peer.status.willing and state.failback is Failback.AUTOMATIC
        return "the primary is back" if back else None
    if not willing(state):
        return None
    if state.now_ms - state.willing_since_ms < 2 * state.heartbeat_ms:
        return None
    on_purpose = (Farewell.STOP, Farewell.HAND_OVER)
    if peer is not None and not _claims(peer) and peer.status.farewell in on_purpose:
        return "the primary handed over"
    claimed_at_ms = peer.claimed_at_ms if peer is not None else None
    since_ms = state.started_at_ms + state.detection_ms if claimed_at_ms is None else claimed_at_ms
    return "the primary is not heard" if state.now_ms - since_ms >= state.detection_ms else None


def _claims(peer: Peer) -> bool:
    return peer.status.serving or peer.status.willing


def _enter(state: State, role: Role, why: str) -> tuple[State, tuple[RoleChanged, ...]]:
    farewell = state.farewell
    if not state.closing:
        handed_over = role is Role.STARTING and state.site is Site.PRIMARY and not willing(state)
        farewell = Farewell.HAND_OVER if handed_over else Farewell.NONE
    changed = replace(state, role=role, role_since_ms=state.now_ms, farewell=farewell)
    return changed, (RoleChanged(role=role, why=why),)
