"""How fast a link is that is never idle: by its stream, or by what the kernel counts of all senders."""

from __future__ import annotations

import socket
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from stubs.server.pace import Pace, Stream, stream
from stubs.server.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def pace_of(counts: Iterable[int | None], *, every_s: float = 0.01) -> Pace:
    """One that has looked at these counts, after each other."""
    counts = list(counts)
    given, at = iter(counts), iter(range(len(counts) + 1))
    pace = Pace(lambda: next(given), clock=lambda: next(at) * every_s)
    for _ in counts[1:]:
        pace.look()
    return pace


def test_what_a_link_took_keeps_it_busy_until_it_takes_more() -> None:
    """8,000 bytes a second: 400 bytes at 0.02 s keep it until 0.07 s, 240 until 0.10 s, when 1,600 go."""
    counts = chain(repeat(5000, 2), repeat(5400, 5), repeat(5640, 3), repeat(7240, 9))
    pace = pace_of(counts)
    assert pace.carried == 640
    assert pace.lasted_s == pytest.approx(0.08)
    assert pace.carried / pace.lasted_s == pytest.approx(8000)


@pytest.mark.parametrize("counts", [[5, 5, 5], [5, 9, 9], [None, None], [None, 7, 9, 11]])
def test_what_has_not_grown_twice_tells_nothing(counts: list[int | None]) -> None:
    """Nor what nobody counted when it began."""
    pace = pace_of(counts)
    assert (pace.carried, pace.lasted_s) == (0, 0)


def test_a_count_that_fails_in_between_is_passed_over() -> None:
    """It comes with the next one."""
    pace = pace_of([0, 100, None, 200, 300])
    assert pace.carried == 200
    assert pace.lasted_s == pytest.approx(0.03)


@pytest.fixture
def sink() -> Iterator[tuple[str, int]]:
    """Where packets may go."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()


def wanted(sink: tuple[str, int], counts: Iterator[int | None]) -> Stream:
    """A short stream over loopback."""
    return Stream(*sink, size=100, packets=50, skip=10, room=4096, carried=lambda: next(counts))


def test_a_stream_counts_what_it_sends_after_the_first(sink: tuple[str, int]) -> None:
    """Where nobody counts, it tells nought of others."""
    went = stream(wanted(sink, repeat(None)), over=lambda: False)
    assert (went["sent"], went["carried"], went["carried_ms"]) == (40, 0, 0)
    assert went["lasted_ms"] > 0


def test_a_stream_is_broken_off(sink: tuple[str, int]) -> None:
    """Before the next packet."""
    left = iter([False] * 20)
    with pytest.raises(RefusedError, match=r"a stream to 127\.0\.0\.1 was broken off"):
        stream(wanted(sink, repeat(None)), over=lambda: next(left, True))
