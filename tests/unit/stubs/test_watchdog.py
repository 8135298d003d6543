"""What a platform view shows of a service."""

from __future__ import annotations

import pytest

from stubs.watchdog import STOPPED, Colour, Sign, shown

LIMIT_MS = 500


@pytest.mark.parametrize(("state", "colour"), [("Available", Colour.GREEN), ("Starting", Colour.YELLOW)])
def test_a_service_that_runs_shows_what_it_says(state: str, colour: Colour) -> None:
    """VIEW-1, VIEW-2: up to the last millisecond of the limit."""
    for age_ms in (0, LIMIT_MS):
        view = shown(Sign(service="portal", state=state, detail="why"), age_ms=age_ms, limit_ms=LIMIT_MS)
        assert (view.state, view.colour, view.detail) == (state, colour, "why")


def test_a_service_that_stopped_by_itself_says_why() -> None:
    """CFG-11: Stopped and red like any other, with its reason; a silent one has none."""
    sign = Sign(service="portal", state="Stopped", detail="why", boot=7, dormant=True)
    view = shown(sign, age_ms=LIMIT_MS, limit_ms=LIMIT_MS)
    assert (view.state, view.colour, view.detail, view.boot, view.dormant) == ("Stopped", Colour.RED, "why", 7, True)
    assert shown(sign, age_ms=LIMIT_MS + 1, limit_ms=LIMIT_MS) == STOPPED


@pytest.mark.parametrize(
    ("sign", "age_ms"),
    [
        (None, 0),
        (Sign(service="portal", state="Available"), LIMIT_MS + 1),
        (Sign(service="portal", state="Stopped"), 0),
        (Sign(service="portal", state="available"), 0),
        (Sign(service="portal", state=""), 0),
    ],
)
def test_a_service_that_is_silent_or_says_so_is_stopped(sign: Sign | None, age_ms: int) -> None:
    """VIEW-3: never heard, silent for too long, stopped by its own word, or in a state that there is not."""
    assert shown(sign, age_ms=age_ms, limit_ms=LIMIT_MS) == STOPPED
    assert STOPPED.colour is Colour.RED
