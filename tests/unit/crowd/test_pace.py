"""The pace of a crowd: together never too fast, spread by chance, slower where nothing comes of it."""

from __future__ import annotations

import pytest

from testbed.crowd.pace import POLLS_A_SECOND, Pace

PACE = Pace(poll_s=8.0)
DRAWS = (0.0, 0.25, 0.5, 0.999)


@pytest.mark.parametrize("clients", [1, 100, 2000, 10_000])
def test_a_crowd_never_polls_too_often_and_no_member_oftener_than_alone(clients: int) -> None:
    """Both bounds hold, and one of them is met."""
    pace = Pace.of(clients, poll_s=0.1)
    assert clients / pace.poll_s <= POLLS_A_SECOND
    assert pace.poll_s >= 0.1
    assert pace.poll_s == 0.1 or clients / pace.poll_s == POLLS_A_SECOND


def test_members_come_over_the_whole_of_one_interval() -> None:
    """Not all at once, and none later."""
    assert [PACE.comes_after_s(draw) for draw in (0.0, 0.5)] == [0.0, 4.0]
    assert PACE.comes_after_s(0.999) < 8.0


@pytest.mark.parametrize("missed", [0, 1, 4, 9])
def test_no_two_members_keep_step(missed: int) -> None:
    """Chance spreads each rest, from half of it to half as much again, around its length."""
    rests = [PACE.rests_for_s(missed, draw) for draw in DRAWS]
    assert rests == sorted(set(rests))
    assert rests[0] == pytest.approx(rests[2] / 2)
    assert rests[2] < rests[3] < rests[2] * 1.5


def test_a_member_backs_off_up_to_its_interval() -> None:
    """An eighth first, twice as late each time, and never later than it polls; however often it was in vain."""
    assert [PACE.rests_for_s(missed, 0.5) for missed in range(1, 7)] == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert PACE.rests_for_s(0, 0.5) == 8.0
    assert PACE.rests_for_s(100_000, 0.5) == 8.0


def test_a_member_is_as_patient_as_in_the_product() -> None:
    """60 s there, where it polls every 20 s; a small crowd that polls fast still waits for a busy portal."""
    assert Pace(poll_s=20.0).timeout_s == 60.0
    assert Pace(poll_s=0.1).timeout_s == 10.0
