"""Who served when: stretches of time from what portals tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.recording.stretches import NEVER, RoleRecord, Stretch, common, joined, without


def change(role: str, at_ms: int, why: str = "because") -> dict[str, Any]:
    """One entry of a status."""
    return {"role": role, "at_ms": at_ms, "why": why}


def span(begin_ms: float, end_ms: float) -> Stretch:
    """From here to there."""
    return Stretch(begin_ms=begin_ms, end_ms=end_ms)


UP = [change("Starting", 0), change("Available", 10), change("Starting", 20), change("Available", 30)]


def test_a_portal_serves_from_available_to_whatever_comes_next() -> None:
    """The last stretch lasts; pieces may come twice and in any order."""
    record = RoleRecord()
    for piece in (UP[2:], UP[:3], UP):
        record.learn(piece)
    assert record.serving() == [span(10, 20), span(30, NEVER)]


def test_a_killed_portal_served_until_its_death_at_most() -> None:
    """It could not tell; a death at another time cuts nothing, and the first one after the begin counts."""
    record = RoleRecord()
    record.learn([*UP, change("Starting", 90)])
    assert record.serving(dead_by_ms=[70, 50, 25, 5]) == [span(10, 20), span(30, 50)]
    assert record.serving(dead_by_ms=[95]) == [span(10, 20), span(30, 90)]


def test_the_changes_of_a_time_come_in_their_order() -> None:
    """From its begin on, and before its end."""
    record = RoleRecord()
    record.learn(reversed(UP))
    assert record.between(10, 30) == [(10, "Available", "because"), (20, "Starting", "because")]
    assert record.between(31) == []


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (span(0, 10), span(10, 20), False),
        (span(0, 11), span(10, 20), True),
        (span(12, 13), span(10, 20), True),
        (span(0, NEVER), span(10, 20), True),
        (span(20, NEVER), span(10, 20), False),
    ],
)
def test_stretches_that_only_touch_do_not_meet(one: Stretch, other: Stretch, *, meet: bool) -> None:
    """One portal may begin at the very moment at which the other one ended."""
    assert one.meets(other) is other.meets(one) is meet
    assert bool(common([one], [other])) is meet


def test_what_is_left_without_others_has_their_holes() -> None:
    """Whole, in the middle, at both ends."""
    assert without([span(0, 100)], []) == [span(0, 100)]
    assert without([span(0, 100)], [span(10, 20), span(90, NEVER), span(-5, 3)]) == [span(3, 10), span(20, 90)]
    assert without([span(0, 100)], [span(0, 60), span(50, 100)]) == []


SPANS = st.lists(st.builds(lambda begin, length: span(begin, begin + length), st.integers(0, 30), st.integers(1, 9)))


def moments(stretches: list[Stretch]) -> set[int]:
    """The milliseconds that they hold."""
    return {moment for one in stretches for moment in range(int(one.begin_ms), int(one.end_ms))}


@given(SPANS, SPANS)
def test_they_are_sets_of_moments(ones: list[Stretch], others: list[Stretch]) -> None:
    """Union, intersection and difference, each moment judged alone."""
    assert moments(joined(ones)) == moments(ones)
    assert moments(common(ones, others)) == moments(ones) & moments(others)
    assert moments(without(ones, others)) == moments(ones) - moments(others)
    ends = [(one.end_ms, after.begin_ms) for one, after in zip(joined(ones), joined(ones)[1:], strict=False)]
    assert all(end < begin for end, begin in ends)
