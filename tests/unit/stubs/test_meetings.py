"""Where and when a meeting takes place: every order of the moments that count, on either server."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from stubs.portal import forms, meetings
from stubs.portal.meetings import Meeting, Outcome, PastError, Position, Standing
from stubs.wire import Site

MOMENTS = tuple(datetime(2030, 1, 1, 10, minute, tzinfo=UTC) for minute in range(3))
EARLY, NOON, LATE = MOMENTS
ORDERS = list(itertools.product((None, *MOMENTS), MOMENTS, MOMENTS))
"""Since when a portal serves, when a meeting is due, and when it is looked at."""


def form(starts_at: datetime, title: str = "Review") -> forms.Meeting:
    """What a user sends."""
    return forms.Meeting(title=title, starts_at=starts_at)


def meeting(starts_at: datetime = NOON, scheduled_on: Site = Site.PRIMARY) -> Meeting:
    """A meeting that is still to come."""
    return meetings.schedule(form(starts_at), site=scheduled_on, now=starts_at - timedelta(hours=1))


def position(site: Site, now: datetime, serving_since: datetime | None, *, other_idle: bool = False) -> Position:
    """How a portal stands."""
    return Position(site=site, now=now, serving_since=serving_since, other_idle=other_idle)


@pytest.mark.parametrize("site", Site)
@pytest.mark.parametrize(("since", "due", "now"), ORDERS)
def test_a_meeting_of_ones_own_is_held_only_by_who_served_at_its_time(
    site: Site, since: datetime | None, due: datetime, now: datetime
) -> None:
    """MEET-1, MEET-3, MEET-4: Available before the due moment and still so; else missed, and never before its time."""
    outcome = meetings.settle(meeting(due, site), position(site, now, since))
    if since is None or now < due:
        assert outcome is None
    elif since <= due:
        assert outcome == Outcome(starts_at=due, state=Standing.HELD, held_on=site, held_at=now)
    else:
        assert outcome == Outcome(starts_at=due, state=Standing.MISSED)


@pytest.mark.parametrize("idle", [True, False], ids=["idle", "silent"])
@pytest.mark.parametrize(("since", "due", "now"), ORDERS)
def test_a_meeting_of_the_other_server_is_never_held_here(
    since: datetime | None, due: datetime, now: datetime, *, idle: bool
) -> None:
    """MEET-2, MEET-4: missed where the other was known not to serve at that time; unknown where nobody can tell."""
    outcome = meetings.settle(meeting(due), position(Site.SECONDARY, now, since, other_idle=idle))
    if since is None or now < due:
        assert outcome is None
    else:
        state = Standing.MISSED if idle and since <= due else Standing.UNKNOWN
        assert outcome == Outcome(starts_at=due, state=state)


@pytest.mark.parametrize("state", [each for each in Standing if each is not Standing.SCHEDULED])
def test_what_is_settled_stays_as_it_is(state: Standing) -> None:
    """MEET-2: nothing runs late, nothing runs twice."""
    settled = meetings.ended(meeting(), Outcome(starts_at=NOON, state=state))
    assert settled.state is state
    assert meetings.settle(settled, position(Site.PRIMARY, LATE, EARLY)) is None
    held = Outcome(starts_at=NOON, state=Standing.HELD, held_on=Site.PRIMARY, held_at=LATE)
    assert meetings.ended(settled, held) == settled


def test_an_outcome_of_another_time_says_nothing() -> None:
    """A meeting that was rescheduled while it was settled is still to come."""
    outcome = meetings.settle(meeting(NOON), position(Site.PRIMARY, NOON, EARLY))
    assert meetings.ended(meeting(LATE), outcome) == meeting(LATE)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=1), timedelta(days=9)])
def test_a_time_that_has_passed_is_refused_by_name(late: timedelta) -> None:
    """Whether the meeting is new or is moved there."""
    with pytest.raises(PastError, match="starts_at"):
        meetings.schedule(form(NOON), site=Site.PRIMARY, now=NOON + late)
    with pytest.raises(PastError, match="starts_at"):
        meetings.change(meeting(LATE), form(NOON), site=Site.PRIMARY, now=NOON + late)


def test_who_sets_another_time_schedules_the_meeting_anew_there() -> None:
    """MEET-3: a missed meeting of the primary that is moved on the secondary is the secondary's, and still to come."""
    missed = meetings.ended(meeting(EARLY), Outcome(starts_at=EARLY, state=Standing.MISSED))
    moved = meetings.change(missed, form(LATE, "Later"), site=Site.SECONDARY, now=NOON)
    assert moved == Meeting(title="Later", starts_at=LATE, scheduled_on=Site.SECONDARY, state=Standing.SCHEDULED)


def test_another_title_changes_nothing_else() -> None:
    """Neither whose meeting it is nor what became of it, even after its time, and however the time is written."""
    held = meetings.ended(
        meeting(NOON), Outcome(starts_at=NOON, state=Standing.HELD, held_on=Site.PRIMARY, held_at=NOON)
    )
    same = NOON.astimezone(timezone(timedelta(hours=2)))
    renamed = meetings.change(held, form(same, "Other"), site=Site.SECONDARY, now=LATE)
    assert renamed == msgspec.structs.replace(held, title="Other")


@pytest.mark.parametrize("hours", [-12, 14])
def test_the_ends_of_the_calendar_are_times_like_others(hours: int) -> None:
    """No time zone carries them out of what a computer can count."""
    zone = timezone(timedelta(hours=hours))
    with pytest.raises(PastError):
        meetings.schedule(form(datetime(1, 1, 1, tzinfo=zone)), site=Site.PRIMARY, now=NOON)
    scheduled = meetings.schedule(form(datetime(9999, 12, 31, 23, tzinfo=zone)), site=Site.PRIMARY, now=NOON)
    assert meetings.settle(scheduled, position(Site.PRIMARY, LATE, EARLY)) is None


def test_a_meeting_is_stored_as_it_is() -> None:
    """What is written is read back, and says no more than is known."""
    to_come = meeting()
    assert set(meetings.written(to_come)) == {"title", "starts_at", "scheduled_on", "state"}
    held = meetings.ended(to_come, Outcome(starts_at=NOON, state=Standing.HELD, held_on=Site.PRIMARY, held_at=LATE))
    for each in (to_come, held):
        assert meetings.read(meetings.written(each)) == each
    assert meetings.written(held)["held_on"] == "primary"
