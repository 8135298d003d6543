"""The clocks of the stubs. No other module of theirs reads one."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def monotonic_ms() -> int:
    """Milliseconds of a clock that never runs backwards; comparable within one machine only."""
    return time.monotonic_ns() // 1_000_000


def boot_id() -> int:
    """A number larger than that of any earlier start on this machine."""
    return time.time_ns()


def utc() -> datetime:
    """The wall clock; it can be set, so nothing but the calendar goes by it."""
    return datetime.now(UTC)


def utc_now() -> str:
    """The wall clock in ISO 8601, for people and logs."""
    return utc().isoformat(timespec="milliseconds")
