"""Rows of items, of the change log and of marks: what one transaction does to them. SQL only, no transactions.

Each entry of the log keeps what stood there before, so that a secondary can take its own changes back (SYNC-4). A mark
is what a portal notes about an item for itself: it is no change, is never synchronised, and goes with failback.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from stubs.wire import Site

if TYPE_CHECKING:
    import sqlite3

TABLES = ("items", "log", "discarded", "marks")
"""All that holds data of users and administrators; accounts and notes are kept apart."""


class GapError(Exception):
    """A batch from the primary does not follow on what is here; nothing of it was applied."""


class ConflictError(Exception):
    """Another item of the same owner has the same key already."""


class Place(NamedTuple):
    """Where an item is; the owner is empty for what all users share."""

    collection: str
    owner: str
    id: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One change as the log keeps it.

    Attributes:
        seq: its place in the log of the server that made it.
        at: wall time on that server, ISO 8601.
        collection: contacts, settings, meetings or directory.
        owner: the user whose item it is; empty for what all users share.
        id: the item.
        after: the item's new body as JSON; `None`: deleted.
    """

    seq: int
    at: str
    collection: str
    owner: str
    id: str
    after: str | None

    @property
    def place(self) -> Place:
        """The item that it changed."""
        return Place(self.collection, self.owner, self.id)


@dataclass(frozen=True, kw_only=True)
class Logged:
    """One change as an administrator sees it: what happened to which item, not what its owner wrote.

    Attributes:
        seq: its place in the log.
        at: wall time on the server that made it, ISO 8601.
        collection: contacts, settings, meetings or directory.
        owner: the user whose item it is; empty for what all users share.
        id: the item.
        what: added, changed or deleted.
        sha256: of the item's new body, so that two logs can be compared; `None`: deleted.
    """

    seq: int
    at: str
    collection: str
    owner: str
    id: str
    what: str
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class Discarded:
    """A change of the secondary that failback took back (SYNC-4).

    Attributes:
        seq: its place among the changes taken back.
        made_at: wall time, ISO 8601.
        collection: contacts, settings, meetings or directory.
        owner: the user whose item it is; empty for what all users share.
        id: the item.
        what: added, changed or deleted.
        mark: what the secondary had noted about the item, such as that a meeting was held (MEET-3).
    """

    seq: int
    made_at: str
    collection: str
    owner: str
    id: str
    what: str
    mark: dict[str, Any] | None


def last(db: sqlite3.Connection, origin: Site) -> int:
    """The place of the last change in the log of a server; 0 if there is none."""
    row = db.execute("SELECT MAX(seq) FROM log WHERE origin = ?", (origin.value,)).fetchone()
    return int(row[0] or 0)


def body_of(db: sqlite3.Connection, place: Place) -> str | None:
    """The body of an item as JSON; `None`: there is no such item."""
    row = db.execute("SELECT body FROM items WHERE collection = ? AND owner = ? AND id = ?", place).fetchone()
    return None if row is None else str(row[0])


def append(db: sqlite3.Connection, origin: Site, entry: Entry) -> None:
    """Do one change: the item and its entry in the log of the server that made it."""
    place, before = entry.place, body_of(db, entry.place)
    db.execute(
        "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (origin.value, entry.seq, entry.at, *place, before, entry.after),
    )
    _set(db, place, entry.after)


def take_back(db: sqlite3.Connection, *, now: str, afresh: bool) -> int:
    """Undo all changes that the secondary made itself, the last one first; how many. They stay listed (SYNC-4).

    Args:
        db: in a transaction.
        now: wall time, ISO 8601.
        afresh: what was listed before goes, even if there is nothing new to list.
    """
    rows = db.execute(
        "SELECT seq, at, collection, owner, id, before, after FROM log WHERE origin = ? ORDER BY seq DESC",
        (Site.SECONDARY.value,),
    ).fetchall()
    if rows or afresh:
        db.execute("DELETE FROM discarded")
    for seq, made_at, *names, before, after in rows:
        place = Place(*names)
        db.execute(
            "INSERT INTO discarded VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (now, seq, *place, _what(before, after), made_at, _mark(db, place)),
        )
    for _seq, _at, *names, before, _after in rows:
        _set(db, Place(*names), before)
    db.execute("DELETE FROM log WHERE origin = ?", (Site.SECONDARY.value,))
    db.execute("DELETE FROM marks")
    return len(rows)


def logged(row: tuple[Any, ...]) -> Logged:
    """What an administrator sees of a row of the log (seq, at, collection, owner, id, before, after)."""
    seq, at, collection, owner, item, before, after = row
    sha256 = None if after is None else hashlib.sha256(after.encode()).hexdigest()
    return Logged(seq=seq, at=at, collection=collection, owner=owner, id=item, what=_what(before, after), sha256=sha256)


def discarded(row: tuple[Any, ...]) -> Discarded:
    """What an administrator sees of a row of what was taken back (seq, made_at, collection, owner, id, what, mark)."""
    seq, made_at, collection, owner, item, what, mark = row
    return Discarded(
        seq=seq,
        made_at=made_at,
        collection=collection,
        owner=owner,
        id=item,
        what=what,
        mark=None if mark is None else json.loads(mark),
    )


def refuse_twin(db: sqlite3.Connection, place: Place, field: str, value: object) -> None:
    """Check that no other item of the same owner has this value of a field.

    Raises:
        ConflictError: one has it.
    """
    rows = db.execute("SELECT body FROM items WHERE collection = ? AND owner = ? AND id != ?", place).fetchall()
    if any(json.loads(body).get(field) == value for (body,) in rows):
        raise ConflictError(f"{field} {value!r} exists already")


def _set(db: sqlite3.Connection, place: Place, body: str | None) -> None:
    if body is None:
        for table in ("items", "marks"):
            db.execute(f"DELETE FROM {table} WHERE collection = ? AND owner = ? AND id = ?", place)  # noqa: S608 - two names
    else:
        db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?)", (*place, body))


def _mark(db: sqlite3.Connection, place: Place) -> str | None:
    row = db.execute("SELECT mark FROM marks WHERE collection = ? AND owner = ? AND id = ?", place).fetchone()
    return None if row is None else str(row[0])


def _what(before: str | None, after: str | None) -> str:
    return "deleted" if after is None else "added" if before is None else "changed"
