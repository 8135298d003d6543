"""The record of slow starts proves them, or says that they were not slow."""

from __future__ import annotations

import pytest

from testbed.errors import FaultError
from testbed.starts import Start, read


def test_a_record_tells_which_start_began_and_which_is_held_or_ended() -> None:
    """One that was killed while it was held has no end."""
    found = read("2000\nheld 1000\nheld 5000\nbegan 7001\nheld 9000\n")
    assert found.by_ms == 2000
    assert found.starts == (
        Start(held_at_ms=1000, began_at_ms=None),
        Start(held_at_ms=5000, began_at_ms=7001),
        Start(held_at_ms=9000, began_at_ms=None),
    )
    found.prove("primary/portal")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("2000\n", "primary/portal was not started while its starts were slow"),
        ("2000\nheld 5000\nbegan 6999\n", "primary/portal was held for 1999 ms, not 2000 ms"),
        ("2000\nheld 5000\nbegan 5001\nheld 8000\nbegan 10000\n", "held for 1 ms"),
    ],
)
def test_a_slow_start_that_was_none_is_no_fault(record: str, said: str) -> None:
    """No start, or one that began too early."""
    with pytest.raises(FaultError, match=said):
        read(record).prove("primary/portal")
