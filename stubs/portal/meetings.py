"""Where and when a scheduled meeting takes place (MEET-1 to MEET-4). Pure: no clock, no store.

A meeting belongs to the server on which its time was set last. There it is *held* if that portal became Available
before the due moment and still is when it acts; otherwise it is *missed*, and never runs late. What becomes of a
meeting of the other server is not ours to decide: this portal notes *missed* where it knows that the other does not
serve at the due moment, and *unknown* where it cannot tell failover from stand-alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from stubs.decoding import convert
from stubs.wire import Site

if TYPE_CHECKING:
    from stubs.portal.forms import Meeting as Form


class Standing(StrEnum):
    """What has become of a meeting."""

    SCHEDULED = "scheduled"
    HELD = "held"
    MISSED = "missed"
    UNKNOWN = "unknown"
    """It was due while this portal could not tell whether the other one serves; only ever said of the other's."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a meeting ended, as a portal records it.

    Attributes:
        starts_at: the due moment that this is about; of another one it says nothing.
        state: what became of the meeting.
        held_on: the server where it took place; `None`: it did not, or nobody here knows.
        held_at: when.
    """

    starts_at: datetime
    state: Standing
    held_on: Site | None = None
    held_at: datetime | None = None


class Meeting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A scheduled meeting.

    Attributes:
        title: for people.
        starts_at: the due moment.
        scheduled_on: the server where its time was set last.
        state: what has become of it.
        held_on: the server where it took place, if it did.
        held_at: when.
    """

    title: str
    starts_at: datetime
    scheduled_on: Site
    state: Standing
    held_on: Site | None = None
    held_at: datetime | None = None


class PastError(ValueError):
    """The time of a meeting has passed already."""


@dataclass(frozen=True, kw_only=True)
class Position:
    """How a portal stands at one moment.

    Attributes:
        site: which portal.
        now: the moment.
        serving_since: since when it has been Available without a break; `None`: it is not.
        other_idle: it knows that the other portal does not serve.
    """

    site: Site
    now: datetime
    serving_since: datetime | None
    other_idle: bool


def schedule(form: Form, *, site: Site, now: datetime) -> Meeting:
    """A new meeting, scheduled on a server.

    Raises:
        PastError: its time has passed.
    """
    if form.starts_at <= now:
        raise PastError("the time of a meeting must lie in the future - at `$.starts_at`")
    return Meeting(title=form.title, starts_at=form.starts_at, scheduled_on=site, state=Standing.SCHEDULED)


def change(meeting: Meeting, form: Form, *, site: Site, now: datetime) -> Meeting:
    """A meeting with what a user changed; who sets another time schedules it anew, on that server.

    Raises:
        PastError: the time is another one, and has passed.
    """
    if form.starts_at == meeting.starts_at:
        return msgspec.structs.replace(meeting, title=form.title)
    return schedule(form, site=site, now=now)


def settle(meeting: Meeting, position: Position) -> Outcome | None:
    """What has become of a meeting; `None`: it is settled already, not due yet, or this portal does not serve."""
    since = position.serving_since
    if meeting.state is not Standing.SCHEDULED or since is None or position.now < meeting.starts_at:
        return None
    served = since <= meeting.starts_at
    if meeting.scheduled_on is not position.site:
        state = Standing.MISSED if served and position.other_idle else Standing.UNKNOWN
        return Outcome(starts_at=meeting.starts_at, state=state)
    if not served:
        return Outcome(starts_at=meeting.starts_at, state=Standing.MISSED)
    return Outcome(starts_at=meeting.starts_at, state=Standing.HELD, held_on=position.site, held_at=position.now)


def ended(meeting: Meeting, outcome: Outcome | None) -> Meeting:
    """A meeting with its outcome; unchanged if it is settled already or the outcome is about another time."""
    if outcome is None or meeting.state is not Standing.SCHEDULED or outcome.starts_at != meeting.starts_at:
        return meeting
    return msgspec.structs.replace(meeting, state=outcome.state, held_on=outcome.held_on, held_at=outcome.held_at)


def read(body: dict[str, Any]) -> Meeting:
    """A meeting from an item's body."""
    return convert(body, Meeting)


def written(meeting: Meeting) -> dict[str, Any]:
    """An item's body from a meeting."""
    body: dict[str, Any] = msgspec.to_builtins(meeting)
    return body
