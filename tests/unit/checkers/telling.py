"""Makes histories for the tests of the checkers: what happened, told in one line each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from testbed.history import SCHEMA, Record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from testbed.checkers import Judgement, Verdict

FACTS = {
    "bed": "b",
    "heartbeat_ms": 50,
    "fresh_ms": 300,
    "detection_ms": 900,
    "within_ms": 3000,
    "hosts": {"primary.test": "primary", "secondary.test": "secondary"},
    "homes": {"alice": "primary", "bob": "secondary"},
}

KILLED = {"fault": "kill primary/portal", "effects": [{"does": "kill", "server": "primary", "service": "portal"}]}
CUT = {
    "fault": "cut",
    "effects": [
        {"does": "cut", "source": "primary", "target": "secondary"},
        {"does": "cut", "source": "secondary", "target": "primary"},
    ],
}


EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""The begin of every history made here."""


def iso(at_ms: float) -> str:
    """A moment of a history, by the calendar."""
    return (EPOCH + timedelta(milliseconds=at_ms)).isoformat()


class Tale:
    """A history in the making; times are milliseconds since its begin."""

    def __init__(self, **facts: Any) -> None:
        self.records: list[Record] = []
        self.ops = 0
        self.tell(0, "bed", **{**FACTS, **facts})

    def tell(self, at_ms: float, kind: str, **fields: Any) -> Tale:
        """One more record."""
        self.records.append(Record(kind=kind, at=iso(at_ms), monotonic_ms=at_ms, fields=fields))
        return self

    def watched(self, begin_ms: float, end_ms: float) -> Tale:
        """The servers are watched all that time; tell it last, as records come in order."""
        at = next((n for n, one in enumerate(self.records) if one.monotonic_ms > begin_ms), len(self.records))
        begins = Record(kind="observed", at=iso(begin_ms), monotonic_ms=begin_ms, fields={"state": "begins"})
        self.records.insert(at, begins)
        return self.tell(end_ms, "observed", state="ends")

    def role(self, server: str, role: str, at_ms: float) -> Tale:
        """A portal has a role."""
        return self.tell(at_ms, "role", server=server, role=role, since_ms=at_ms, why="")

    def change(  # noqa: PLR0913 - a change has that many parts
        self, at_ms: float, item: str, *, what: str = "added", site: str = "primary", end: str = "ok", value: str = "1"
    ) -> Tale:
        """Alice's change of a setting, answered after 5 ms; an addition that was not acknowledged has no id."""
        self.ops += 1
        fields = None if what == "deleted" else {"key": item, "value": value}
        asked = {"collection": "settings", "item": None if what == "added" else item, "fields": fields}
        name = "delete" if what == "deleted" else "change"
        self.tell(at_ms, "invoke", op=self.ops, name=name, client="c", user="alice", server=site, **asked)
        stored = {"id": item, **fields} if fields is not None and end == "ok" else None
        if end != "none":
            self.tell(at_ms + 5, end, op=self.ops, item=stored)
        return self

    def stock(
        self,
        at_ms: float,
        log: Sequence[tuple[str, str]],
        *,
        copy: Sequence[tuple[str, str]] | None = None,
        own: Sequence[tuple[str, str]] = (),
        taken_back: Sequence[tuple[str, str]] = (),
    ) -> Tale:
        """Both servers are read: pairs of an item and what happened to it; the copy is the log, if left out."""
        for server, made_on, deeds in (
            ("primary", "primary", log),
            ("primary", "secondary", ()),
            ("secondary", "primary", log if copy is None else copy),
            ("secondary", "secondary", own),
        ):
            self.tell(at_ms, "log", server=server, made_on=made_on, entries=entries(deeds))
        listed = [{**one, "made_at": "then", "mark": None} for one in entries(taken_back)]
        return self.tell(at_ms, "discarded", server="secondary", changes=listed)

    def answer(self, at_ms: float, method: str, url: str, status: int | None, **fields: Any) -> Tale:
        """A client asks, and is answered after 5 ms."""
        self.tell(at_ms, "request", client="c", method=method, url=url)
        return self.tell(at_ms + 5, "answer", client="c", method=method, url=url, status=status, **fields)

    def fault(self, fault: dict[str, Any], begin_ms: float) -> Tale:
        """A fault is injected, within 10 ms."""
        self.tell(begin_ms, "fault", state="planned", **fault)
        return self.tell(begin_ms + 10, "fault", state="injected", **fault)

    def healed(self, fault: dict[str, Any], begin_ms: float) -> Tale:
        """A fault is healed, within 10 ms."""
        self.tell(begin_ms, "fault", state="healing", **fault)
        return self.tell(begin_ms + 10, "fault", state="healed", **fault)


def entries(deeds: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """The rows of a log of alice's settings."""
    return [
        {"seq": seq, "collection": "settings", "owner": "alice", "id": item, "what": what, "sha256": f"{item} {what}"}
        for seq, (item, what) in enumerate(deeds, start=1)
    ]


def said(judgement: Judgement, checker: str) -> Verdict:
    """What one checker said."""
    return next(verdict for verdict in judgement.verdicts if verdict.checker == checker)


def normal() -> Tale:
    """A pair in normal running from the first moment on."""
    return Tale().role("primary", "Available", 0).role("secondary", "Starting", 0)


def written(tale: Tale, folder: Path) -> Path:
    """The file of a history."""
    path = folder / "history.jsonl"
    first = {"kind": "history", "at": "", "monotonic_ms": 0, "schema": SCHEMA}
    rows = [{"kind": one.kind, "at": one.at, "monotonic_ms": one.monotonic_ms, **one.fields} for one in tale.records]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in [first, *rows]))
    return path
