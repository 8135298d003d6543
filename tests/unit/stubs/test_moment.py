"""What a portal makes of what it knows at one moment: whom it names, whom it feeds, whom it follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stubs.portal.moment import Moment
from stubs.resilience import Peer, Role, State
from stubs.wire import Farewell, Site
from tests.unit.stubs.portals import word

FRESH_MS = 400
SILENT_MS = FRESH_MS
"""The least time without a word after which a word is old."""


def moment(site: Site, role: Role, *, peer_serves: bool, unmet: tuple[str, ...] = ()) -> Moment:
    """A portal that has just heard the other one, in a pair that is ready."""
    peer = Peer(
        status=word(site.other, serving=peer_serves),
        heard_at_ms=0,
        claimed_at_ms=None,
        deaf_since_ms=None,
        claim=(0, 0),
    )
    state = State(site=site, boot=1, started_at_ms=0, now_ms=0, detection_ms=1000, heartbeat_ms=100)
    state = replace(state, role=role, peer=peer, ready=not unmet, core_up=True)
    return Moment(state=state, unmet=unmet, why="")


def follows(portal: Moment, *, after_ms: int = 0) -> bool:
    """Whether it follows the other's log so long after it heard it."""
    return portal.may_follow(after_ms, fresh_ms=FRESH_MS)


@pytest.mark.parametrize("role", Role)
def test_nobody_is_sent_to_a_portal_that_fell_silent(role: Role) -> None:
    """REDIR-8: its last word counts for as long as a word does, and not for a moment more."""
    portal = moment(Site.SECONDARY, role, peer_serves=True)
    assert portal.serving_peer(SILENT_MS - 1, fresh_ms=FRESH_MS) is not None
    assert portal.serving_peer(SILENT_MS, fresh_ms=FRESH_MS) is None
    assert moment(Site.SECONDARY, role, peer_serves=False).serving_peer(0, fresh_ms=FRESH_MS) is None


def test_a_secondary_follows_a_primary_that_serves_and_no_other() -> None:
    """SYNC-1, SYNC-3: not while it serves itself, nor one that does not serve, fell silent or ends; nor unready."""
    normal = moment(Site.SECONDARY, Role.STARTING, peer_serves=True)
    assert follows(normal)
    assert not follows(normal, after_ms=SILENT_MS)
    assert not follows(moment(Site.SECONDARY, Role.AVAILABLE, peer_serves=True))
    assert not follows(moment(Site.SECONDARY, Role.STARTING, peer_serves=False))
    assert not follows(moment(Site.SECONDARY, Role.STARTING, peer_serves=True, unmet=("CFG-7",)))
    assert not follows(replace(normal, state=replace(normal.state, farewell=Farewell.STOP)))


def test_a_primary_is_followed_while_it_serves_and_at_no_other_time() -> None:
    """SYNC-1, SYNC-3: nor one that was frozen for so long that the other may serve, nor of a pair that is not ready."""
    normal = moment(Site.PRIMARY, Role.AVAILABLE, peer_serves=False)
    assert normal.may_feed(0)
    assert not normal.may_feed(normal.state.frozen_ms)
    assert not moment(Site.PRIMARY, Role.STARTING, peer_serves=True).may_feed(0)
    assert not moment(Site.PRIMARY, Role.AVAILABLE, peer_serves=False, unmet=("CFG-7",)).may_feed(0)


def test_data_go_one_way() -> None:
    """SYNC-2: no primary follows, and no secondary is followed, whatever their roles."""
    for role in Role:
        for serves in (True, False):
            assert not follows(moment(Site.PRIMARY, role, peer_serves=serves))
            assert not moment(Site.SECONDARY, role, peer_serves=serves).may_feed(0)
