"""The history of a run: one JSON object a line, appended as things happen. No judgement here.

Every line is handed to the kernel before `record` returns, so a SIGKILL loses at most the line being written.
The first line names the schema. An operation is an *invoke* and, later, one of *ok* (it happened), *fail*
(it did not) or *info* (cannot know); one without an end is to be read as *info*.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias

import msgspec

from stubs.decoding import decode, decode_lines
from testbed.collecting import without_collecting
from testbed.errors import MisuseError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1
"""Raised when a reader of older files would misunderstand a newer one."""

_CHUNK = 4 * 1024 * 1024
"""So many bytes of a file are read at a time."""

_DAMAGED = (msgspec.MsgspecError, ValueError, KeyError, RecursionError)
"""What reading something else than a record raises."""

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


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of a history. A long one has so many that Python's search for cycles, which none is in, is spared them.

    Attributes:
        kind: what happened.
        at: time of day, ISO 8601.
        monotonic_ms: milliseconds of the writer's monotonic clock.
        fields: everything else.
    """

    kind: str
    at: str
    monotonic_ms: float
    fields: Mapping[str, Any] = {}


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
    records: list[Record] = []
    with without_collecting(), path.open("rb") as file:
        rest = b""
        while chunk := file.read(_CHUNK):
            lines, end, rest = (rest + chunk).rpartition(b"\n")
            if end:
                records += _parse(path, len(records), lines)
    if not records or records[0].kind != "history":
        raise MisuseError(f"{path} is not a history: its first line names no schema")
    if records[0].fields.get("schema") != SCHEMA:
        raise MisuseError(f"{path} has schema {records[0].fields.get('schema')!r}; this version reads {SCHEMA}")
    return tuple(records)


def _parse(path: Path, before: int, lines: bytes) -> list[Record]:
    """The records of some lines, of which the first is the one after `before`.

    Raises:
        MisuseError: one is damaged.
    """
    try:
        rows = decode_lines(lines, dict)
        if len(rows) == lines.count(b"\n") + 1:
            return [_record(row) for row in rows]
    except _DAMAGED:
        pass
    return [_parse_line(path, number, line) for number, line in enumerate(lines.split(b"\n"), start=before + 1)]


def _record(row: dict[str, Any]) -> Record:
    return Record(kind=row.pop("kind"), at=row.pop("at"), monotonic_ms=row.pop("monotonic_ms"), fields=row)


def _parse_line(path: Path, number: int, line: bytes) -> Record:
    try:
        return _record(decode(line, dict))
    except _DAMAGED as error:
        raise MisuseError(f"{path}, line {number}: not a record of a history") from error
