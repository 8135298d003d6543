"""When the engine did something, as it says so itself: nanoseconds of its machine's time of day. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STATES = MappingProxyType({"ended": "FinishedAt", "began": "StartedAt"})
"""What a container's state tells of its last end and start."""

_NEVER = 1


def of_state(state: Mapping[str, Any], verb: str) -> datetime | None:
    """When a container last ended or began; `None`: it never did, or the engine does not tell."""
    text = state.get(STATES[verb])
    at = None if not text else datetime.fromisoformat(text)
    return None if at is None or at.year == _NEVER else at.astimezone(UTC)


def of_events(events: Iterable[Mapping[str, Any]]) -> datetime | None:
    """When the last of these happened; `None`: the engine has forgotten them, as it keeps a few hundred."""
    found = [event["timeNano"] for event in events if "timeNano" in event]
    return datetime.fromtimestamp(max(found) / 1e9, UTC) if found else None
