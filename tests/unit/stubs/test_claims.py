"""P serves once S has heard that it is willing: what was said before may have been overtaken on its way (ROLE-11)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stubs.events import CoreDown, CoreUp, PeerHeard, Settled, Tick
from stubs.portal.moment import is_news
from stubs.resilience import Role, State, step, willing
from stubs.wire import Failback, Farewell, Site
from tests.unit.stubs.portals import word

if TYPE_CHECKING:
    from stubs.events import Event

P, S = Site.PRIMARY, Site.SECONDARY
BOOT, DETECTION_MS, HEARTBEAT_MS = 7, 1000, 100
NONE = (0, 0)


def able(site: Site, at_ms: int = 0) -> State:
    """A portal that has just started, of a pair that is ready, and whose core is up."""
    state = State(
        site=site, boot=BOOT, started_at_ms=at_ms, now_ms=at_ms, detection_ms=DETECTION_MS, heartbeat_ms=HEARTBEAT_MS
    )
    settled = Settled(at_ms=at_ms, ready=True, failback=Failback.AUTOMATIC, detection_ms=DETECTION_MS)
    return taken(state, settled, CoreUp(at_ms=at_ms))


def taken(state: State, *events: Event) -> State:
    """What becomes of it."""
    for event in events:
        state, _ = step(state, event)
    return state


def says(at_ms: int, heard: tuple[int, int], **changes: object) -> PeerHeard:
    """S speaks: it does not serve, and has heard this claim of P's last."""
    return PeerHeard(at_ms=at_ms, status=word(S, heard_claim=heard, **changes))


def ticks(state: State, until_ms: int) -> State:
    """Heartbeats pass, and S goes on saying the same."""
    while state.now_ms < until_ms:
        now = min(state.now_ms + HEARTBEAT_MS, until_ms)
        heard = state.peer.status.heard_claim if state.peer is not None else NONE
        state = taken(state, says(now, heard), Tick(at_ms=now))
    return state


@pytest.mark.parametrize("heard", [NONE, (BOOT, 0), (BOOT - 1, 1), (BOOT, 2)])
def test_a_word_that_knows_nothing_of_the_claim_does_not_let_the_primary_serve(heard: tuple[int, int]) -> None:
    """Not one of before its start, nor one about another time at which it was willing."""
    state = taken(able(P), says(1, heard))
    assert willing(state)
    assert state.role is Role.STARTING


def test_a_word_that_knows_the_claim_does() -> None:
    """At once."""
    assert taken(able(P), says(1, (BOOT, 1))).role is Role.AVAILABLE


def test_a_secondary_that_is_heard_and_hears_nothing_is_waited_for_no_longer_than_the_detection_time() -> None:
    """Somebody must serve when only the way to S is cut, and S cannot."""
    state = ticks(taken(able(P), says(1, NONE)), DETECTION_MS - 1)
    assert state.role is Role.STARTING
    assert taken(state, Tick(at_ms=DETECTION_MS)).role is Role.AVAILABLE


def test_each_time_it_is_willing_is_a_claim_of_its_own() -> None:
    """P hands over and its core is back at once: S may have taken over when it says that it does not serve."""
    state = taken(able(P), says(1, (BOOT, 1)), CoreDown(at_ms=2, orderly=True))
    assert (state.role, state.farewell) == (Role.STARTING, Farewell.HAND_OVER)
    state = taken(state, CoreUp(at_ms=3), says(4, (BOOT, 1)))
    assert (state.role, state.claim) == (Role.STARTING, 2)
    assert taken(state, says(5, (BOOT, 2))).role is Role.AVAILABLE


def test_what_was_said_to_a_primary_before_it_froze_does_not_count() -> None:
    """It waited in the sockets of P; S may serve since."""
    state = taken(able(P), says(1, (BOOT, 1)), Tick(at_ms=1 + DETECTION_MS))
    assert state.role is Role.STARTING
    state = taken(state, says(2 + DETECTION_MS, (BOOT, 1)), Tick(at_ms=3 + DETECTION_MS))
    assert state.role is Role.STARTING
    assert taken(state, says(4 + DETECTION_MS, (BOOT, 2))).role is Role.AVAILABLE


def away(at_ms: int) -> PeerHeard:
    """P said long ago that it stops."""
    return PeerHeard(at_ms=at_ms, status=word(P, farewell=Farewell.STOP))


def test_a_secondary_that_can_serve_again_gives_a_primary_that_returns_with_it_two_heartbeats() -> None:
    """Of two that come back together P is first; alone, S serves."""
    state = taken(able(S), away(1), Tick(at_ms=2 * HEARTBEAT_MS - 1))
    assert state.role is Role.STARTING
    assert taken(state, Tick(at_ms=2 * HEARTBEAT_MS)).role is Role.AVAILABLE
    back = taken(state, PeerHeard(at_ms=2 * HEARTBEAT_MS - 1, status=word(P, willing=True)))
    assert taken(back, Tick(at_ms=2 * HEARTBEAT_MS)).role is Role.STARTING


def test_a_secondary_tells_at_once_that_it_heard_a_claim() -> None:
    """Else P would wait for its next heartbeat; the same claim again is no news."""
    before = able(S)
    claims = taken(before, PeerHeard(at_ms=1, status=word(P, willing=True, boot=3, claim=2)))
    assert claims.peer is not None
    assert claims.peer.claim == (3, 2)
    assert is_news(before, claims, ())
    again = taken(claims, PeerHeard(at_ms=2, status=word(P, willing=True, boot=3, claim=2)))
    assert not is_news(claims, again, ())


def test_a_claim_is_remembered_while_the_primary_makes_none() -> None:
    """What S heard last stays what it heard, so that an old claim is told from a new one."""
    claims = taken(able(S), PeerHeard(at_ms=1, status=word(P, willing=True, claim=2)))
    none = taken(claims, PeerHeard(at_ms=2, status=word(P, claim=2)))
    assert none.peer is not None
    assert none.peer.claim == (1, 2)
    assert is_news(replace(claims, peer=None), none, ())
