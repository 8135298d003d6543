"""The one waiting loop of the host side. No other module sleeps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from testbed.errors import NotInTimeError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def wait_until(
    look: Callable[[], T],
    accept: Callable[[T], bool],
    *,
    within_s: float,
    what: str,
    every_s: float = 0.01,
) -> T:
    """Look until what is seen is accepted; return it.

    The clock is monotonic, and the last look happens after the deadline, so that a slow machine never loses a
    result that was there.

    Args:
        look: reads the world; its own errors pass through unchanged.
        accept: judges what was read.
        within_s: bound in seconds.
        what: what is awaited, in words, for the error.
        every_s: pause between two looks in seconds.

    Raises:
        NotInTimeError: it did not come; says what was awaited, for how long, and what was last seen.
    """
    deadline = time.monotonic() + within_s
    while True:
        late = time.monotonic() >= deadline
        seen = look()
        if accept(seen):
            return seen
        if late:
            raise NotInTimeError(f"waited {within_s:g} s for {what}; last seen: {seen!r}")
        time.sleep(every_s)
