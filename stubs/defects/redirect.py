"""Defects of who is sent where (REDIR)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs.core.board import Board
from stubs.defects.planting import defect
from stubs.portal.answers import Answers
from stubs.portal.moment import Moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.wire import PortalStatus


@defect(Moment, "serving_peer", breaks=("REDIR-8",))
def redirect_to_the_dead(
    _right: Callable[..., PortalStatus | None], moment: Moment, _now_ms: int, *, fresh_ms: int
) -> PortalStatus | None:
    """The portal sends users to the other one for as long as that one's last word was that it serves."""
    del fresh_ms
    peer = moment.state.peer
    return peer.status if peer is not None and peer.status.serving else None


@defect(Board, "fresh", breaks=("REDIR-8",), part="core")
def core_names_the_dead(_right: object, board: Board, _now_ms: int) -> tuple[PortalStatus, ...]:
    """The core's redirect service names a portal that has been silent for long."""
    return tuple(word for word, _heard, _here in board.known())


@defect(Answers, "redirects_to", breaks=("REDIR-3",))
def primary_redirects_new_users(_right: Callable[..., str | None], portal: Answers) -> str | None:
    """The primary, once the secondary serves, sends new users there."""
    return None if portal.serving else portal.serving_peer()


@defect(Answers, "redirects_to", breaks=("REDIR-4", "REDIR-5"))
def secondary_keeps_its_callers(_right: Callable[..., str | None], _portal: Answers) -> str | None:
    """The secondary that does not serve refuses whoever comes, and sends nobody to the primary."""
    return None
