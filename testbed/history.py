"""The history of a run: one JSON object a line, appended as things happen. No judgement here.

Every line is handed to the kernel before `record` returns, so a SIGKILL loses at most the line being written.
The first line names the schema. An operation is an *invoke* and, later, one of *ok* (it happened), *fail*
(it did not) or *info* (cannot know); one without an end is to be read as *info*.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias

from testbed.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = 1
"""Raised when a reader of older files would misunderstand a newer one."""

_RESERVED = frozenset({"kind", "at", "monotonic_ms"})

End: TypeAlias = Literal["ok", "fail", "info"]


class Clock(Protocol):
    """What a history asks of time."""

    def wall(self) -> datetime:
        """The time of day, with a time zone."""

    def monotonic_ms(self) -> float:
        """Milliseconds that never go back."""


class SystemClock:
    """This machine's clocks."""

    def wall(self) -> datetime:
        """The time of day, UTC."""
        return datetime.now(UTC)

    def monotonic_ms(self) -> float:
        """Milliseconds of the monotonic clock, to the microsecond."""
        return round(time.monotonic() * 1000, 3)


@dataclass(frozen=True, kw_only=True)
class Record:
    """One line of a history.

    Attributes:
        kind: what happened.
        at: time of day, ISO 8601.
        monotonic_ms: milliseconds of the writer's monotonic clock.
        fields: everything else.
    """

    kind: str
    at: str
    monotonic_ms: float
    fields: Mapping[str, Any] = field(default_factory=dict)


class History:
    """Writes one history. Safe to share between threads; use it as a context manager or close it."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        """Begin a history.

        Raises:
            MisuseError: the file exists: a history is never continued, or its monotonic clock would lie.
        """
        self.path = path
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._operations = 0
        try:
            self._file = path.open("xb", buffering=0)
        except FileExistsError as error:
            raise MisuseError(f"{path} holds a history already: name another file") from error
        self.record("history", schema=SCHEMA)

    def record(self, kind: str, /, **fields: Any) -> None:
        """Append one line.

        Args:
            kind: what happened.
            fields: JSON values; not named `kind`, `at` or `monotonic_ms`.

        Raises:
            MisuseError: a field has a reserved name, or is not JSON.
        """
        with self._lock:
            self._append(kind, fields)

    def invoke(self, name: str, /, **fields: Any) -> int:
        """An operation begins; returns its id, which `complete` wants back."""
        with self._lock:
            self._operations += 1
            op = self._operations
            self._append("invoke", {"op": op, "name": name, **fields})
        return op

    def complete(self, op: int, end: End, /, **fields: Any) -> None:
        """An operation ends: *ok*, *fail* (it did not happen) or *info* (cannot know)."""
        self.record(end, op=op, **fields)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Stamp and write under the lock: the file's order is then the order of its stamps."""
        if _RESERVED & fields.keys():
            raise MisuseError(f"a record cannot have fields named {sorted(_RESERVED & fields.keys())}")
        stamped = {
            "kind": kind,
            "at": self._clock.wall().isoformat(),
            "monotonic_ms": self._clock.monotonic_ms(),
            **fields,
        }
        try:
            line = json.dumps(stamped, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise MisuseError(f"a record of kind {kind!r} holds what JSON cannot: {error}") from error
        self._file.write(line.encode() + b"\n")


def read(path: Path) -> tuple[Record, ...]:
    """Read a history up to its last full line; the schema line comes first.

    Raises:
        MisuseError: no history, one of another schema, or a damaged line before the last.
    """
    *lines, _unfinished = path.read_bytes().split(b"\n")
    records = tuple(_parse(path, number, line) for number, line in enumerate(lines, start=1))
    if not records or records[0].kind != "history":
        raise MisuseError(f"{path} is not a history: its first line names no schema")
    if records[0].fields.get("schema") != SCHEMA:
        raise MisuseError(f"{path} has schema {records[0].fields.get('schema')!r}; this version reads {SCHEMA}")
    return records


def _parse(path: Path, number: int, line: bytes) -> Record:
    try:
        values = json.loads(line)
        return Record(
            kind=values.pop("kind"),
            at=values.pop("at"),
            monotonic_ms=values.pop("monotonic_ms"),
            fields=values,
        )
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise MisuseError(f"{path}, line {number}: not a record of a history") from error
