"""Defects of scheduled meetings (MEET)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from stubs.defects.planting import defect
from stubs.portal import meetings
from stubs.portal.meetings import Standing
from stubs.portal.scheduler import Scheduler
from stubs.wire import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from stubs.portal.changes import Place
    from stubs.portal.meetings import Meeting, Outcome, Position

    Settle: TypeAlias = Callable[[Meeting, Position], Outcome | None]


@defect(meetings, "settle", breaks=("MEET-2",))
def missed_meeting_runs_late(right: Settle, meeting: Meeting, position: Position) -> Outcome | None:
    """A meeting whose time came while its portal did not serve is held as soon as that serves again."""
    served = None if position.serving_since is None else min(position.serving_since, meeting.starts_at)
    return right(meeting, replace(position, serving_since=served))


@defect(meetings, "settle", breaks=("MEET-2", "MEET-4"))
def secondary_holds_the_primarys(right: Settle, meeting: Meeting, position: Position) -> Outcome | None:
    """The secondary holds the primary's meetings while it serves."""
    return right(meeting, replace(position, site=meeting.scheduled_on))


@defect(meetings, "settle", breaks=("MEET-3", "MEET-4"))
def secondary_holds_none(right: Settle, meeting: Meeting, position: Position) -> Outcome | None:
    """A meeting that was scheduled on the secondary does not take place there."""
    if meeting.scheduled_on is position.site is Site.SECONDARY:
        return None
    return right(meeting, position)


@defect(meetings, "settle", breaks=("MEET-1", "MEET-2"))
def meeting_held_again(right: Settle, meeting: Meeting, position: Position) -> Outcome | None:
    """A meeting that was held is held again, whenever the portal looks."""
    again = meeting.state in (Standing.HELD, Standing.MISSED)
    return right(msgspec.structs.replace(meeting, state=Standing.SCHEDULED) if again else meeting, position)


@defect(Scheduler, "_record", breaks=("MEET-1", "SYNC-1"))
def held_and_not_recorded(_right: Callable[..., None], _scheduler: Scheduler, _place: Place, _outcome: Outcome) -> None:
    """A meeting takes place, and nothing of that is kept: nobody can tell, and the secondary never learns."""
