"""How a container of the engine in memory lives: what is refused in which state, and when things happened to it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

NEVER = "0001-01-01T00:00:00Z"
"""What the engine says of what has not happened."""


class RefusedError(Exception):
    """What the engine refuses, with its status."""


def unborn() -> Row:
    """Of a container that was created and not started."""
    return {"State": "created", "began": NEVER, "ended": NEVER, "events": {}}


def lives(row: Row) -> bool:
    """Whether it has a process."""
    return row["State"] in ("running", "paused")


def state(row: Row) -> Row:
    """As it is inspected."""
    return {"Status": row["State"], "StartedAt": row["began"], "FinishedAt": row["ended"]}


def start(row: Row) -> bool:
    """Unless it lives; whether it had to."""
    if lives(row):
        return False
    row["State"], row["began"] = "running", _now()
    return True


def stop(row: Row) -> bool:
    """Unless it has ended; whether it had to."""
    if not lives(row):
        return False
    row["State"], row["ended"] = "exited", _now()
    return True


def kill(row: Row, signal: str | None) -> None:
    """Only what has not ended; but for SIGKILL, what a signal does is the process's."""
    if not lives(row):
        raise RefusedError(409, f"container {row['Names'][0]} is not running")
    _tell(row, "kill")
    if signal == "SIGKILL":
        stop(row)


def pause(row: Row) -> None:
    """Only what runs."""
    if row["State"] != "running":
        raise RefusedError(409, f"container {row['Names'][0]} is not running")
    row["State"] = "paused"
    _tell(row, "pause")


def unpause(row: Row) -> None:
    """Only what is paused: else it fails as if the engine were at fault."""
    if row["State"] != "paused":
        raise RefusedError(500, f"Container {row['Names'][0]} is not paused")
    row["State"] = "running"
    _tell(row, "unpause")


def _tell(row: Row, event: str) -> None:
    row["events"][event] = time.time_ns()


def _now() -> str:
    return datetime.now(UTC).isoformat()
