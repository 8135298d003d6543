"""When a fault of services took hold: by the engine's times, on the clock of the history, and of this fault alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from testbed import moments
from testbed.engine.moments import of_events, of_state
from testbed.network.applied import Applied

WALL = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


class FakeClock:
    """Noon, 5,000 ms after the machine began."""

    def wall(self) -> datetime:
        """The time of day."""
        return WALL

    def monotonic_ms(self) -> float:
        """Milliseconds."""
        return 5000.0


def ago(ms: float) -> datetime:
    """So long before noon."""
    return WALL - timedelta(milliseconds=ms)


def test_the_engines_time_becomes_one_of_the_historys_clock() -> None:
    """To the millisecond."""
    found = moments.applied(4000.0, {"primary/portal": ago(123)}, FakeClock(), network=None)
    assert found == Applied(planned_ms=4000.0, committed_ms={"primary/portal": 4877.0})
    assert moments.written(moments.wall(4877.0, FakeClock())) == "2026-01-01T11:59:59.877+00:00"


def test_what_happened_before_a_fault_was_asked_for_is_none_of_its_work() -> None:
    """A service that was down already when its server was lost; nothing at all is nothing."""
    at = {"primary/portal": ago(2000), "primary/core": ago(500)}
    found = moments.applied(4000.0, at, FakeClock(), network=None)
    assert found is not None
    assert found.committed_ms == {"primary/core": 4500.0}
    assert moments.applied(4900.0, at, FakeClock(), network=None) is None


def test_a_lost_server_has_both_kinds_of_times() -> None:
    """When it fell silent, and when its services ended."""
    network = Applied(planned_ms=4100.0, committed_ms={"primary": 4101.0})
    found = moments.applied(4000.0, {"primary/core": ago(500)}, FakeClock(), network=network)
    assert found == Applied(planned_ms=4100.0, committed_ms={"primary": 4101.0, "primary/core": 4500.0})


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-01T11:59:59.987654321Z", ago(12.346)),
        ("2026-01-01T13:00:00.000000001+01:00", WALL),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_a_state_tells_when_it_ended(text: str, at: datetime | None) -> None:
    """With nanoseconds, in any zone; or that it never did."""
    assert of_state({"FinishedAt": text, "StartedAt": "2020-01-01T00:00:00Z"}, "ended") == at


def test_the_last_event_counts() -> None:
    """An engine without a word on it does not know."""
    nanoseconds = int(WALL.timestamp()) * 10**9
    assert of_events([{"timeNano": nanoseconds - 10**9}, {"timeNano": nanoseconds}, {}]) == WALL
    assert of_events([{}]) is None
