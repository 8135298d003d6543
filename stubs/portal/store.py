"""The portal's data: items, the change log, and what failback discarded. Rows of the database, nothing else.

Every change is one transaction: the item and its log entry, on disk before anyone is told "done" (SYNC-6, SYNC-8).
Each entry keeps what stood there before, so that a secondary can take its own changes back (SYNC-4). The primary's
log, in its order, is all that is ever synchronised (SYNC-1, SYNC-2).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stubs.portal.accounts import Accounts
from stubs.portal.database import Database
from stubs.wire import Site

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path


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


@dataclass(frozen=True, kw_only=True)
class Discarded:
    """A change of the secondary that failback took back (SYNC-4)."""

    seq: int
    made_at: str
    collection: str
    owner: str
    id: str
    what: str


class GapError(Exception):
    """A batch from the primary does not follow on what is here; nothing of it was applied."""


class ConflictError(Exception):
    """Another item of the same owner has the same key already."""


class Store:
    """The data of one portal; safe to use from many threads. Every change can raise `NotStoredError`.

    Attributes:
        database: where it lies.
        accounts: who may log in.

    Args:
        path: the database file; made if missing.
        site: whose changes this portal makes.
        now: the wall clock, ISO 8601.
    """

    def __init__(self, path: Path, *, site: Site, now: Callable[[], str]) -> None:
        self.database = Database(path)
        self.accounts = Accounts(self.database)
        self._site = site
        self._now = now
        self._revision = 0
        self._revised = threading.Condition()

    def identity(self) -> str:
        """The name of this data set; a wiped or replaced one has another."""
        return self._meta("store")

    @property
    def revision(self) -> int:
        """Grows with every change in this process."""
        return self._revision

    def wait_for_change(self, since: int, *, within_s: float) -> None:
        """Wait until the revision is another than `since`, or the time is over."""
        with self._revised:
            self._revised.wait_for(lambda: self._revision != since, within_s)

    def items(self, collection: str, owner: str) -> list[dict[str, Any]]:
        """All items of an owner in one collection, each with its `id`, in the order of their ids."""
        rows = self.database.rows(
            "SELECT id, body FROM items WHERE collection = ? AND owner = ? ORDER BY id", (collection, owner)
        )
        return [{"id": item, **json.loads(body)} for item, body in rows]

    def put(
        self,
        collection: str,
        owner: str,
        item: str | None,
        body: dict[str, Any],
        *,
        unique: str | None = None,
    ) -> str | None:
        """Store an item and its log entry; on disk when this returns.

        Args:
            collection: where.
            owner: whose.
            item: which; `None` makes a new one.
            body: the item without its id.
            unique: a field whose value no other item of this owner may have.

        Returns:
            The item's id; `None` if an item to replace does not exist.

        Raises:
            ConflictError: another item has this value of the unique field.
        """
        text = json.dumps(body, sort_keys=True)
        with self._change() as db:
            before = None if item is None else self._body(db, collection, owner, item)
            if item is not None and before is None:
                return None
            if unique is not None:
                _refuse_twin(db, (collection, owner, item or ""), unique, body[unique])
            name = item or secrets.token_hex(8)
            self._log(db, collection, owner, name, before, text)
        return name

    def delete(self, collection: str, owner: str, item: str) -> bool:
        """Delete an item, with its log entry; whether it existed."""
        with self._change() as db:
            before = self._body(db, collection, owner, item)
            if before is not None:
                self._log(db, collection, owner, item, before, None)
        return before is not None

    def head(self) -> int:
        """The last change of the primary's log that is here."""
        return self._last(self.database.connection(), Site.PRIMARY)

    def after(self, seq: int, *, limit: int) -> tuple[Entry, ...]:
        """The primary's changes after a place in its log, in order, at most `limit`."""
        rows = self.database.rows(
            "SELECT seq, at, collection, owner, id, after FROM log WHERE origin = ? AND seq > ? ORDER BY seq LIMIT ?",
            (Site.PRIMARY.value, seq, limit),
        )
        return tuple(Entry(seq=s, at=at, collection=c, owner=o, id=i, after=after) for s, at, c, o, i, after in rows)

    def apply(self, source: str, entries: tuple[Entry, ...]) -> None:
        """Take a batch of the primary's changes over, all or none (SYNC-1).

        Raises:
            GapError: the batch does not begin where the own copy ends, or has a hole, or is from another data set.
        """
        with self._change() as db:
            if self._meta("mirrors", db) != source:
                raise GapError(f"the data set {source} is not the one mirrored here")
            seq = self._last(db, Site.PRIMARY)
            for entry in entries:
                seq += 1
                if entry.seq != seq:
                    raise GapError(f"change {entry.seq} came where {seq} was due")
                before = self._body(db, entry.collection, entry.owner, entry.id)
                _write(db, (Site.PRIMARY, entry.seq, entry.at), entry, before)

    def mirror(self, source: str) -> int:
        """Prepare to follow the primary's data set; the place in its log up to which it is here.

        A data set other than the one mirrored so far (the primary was wiped or replaced) starts from nothing.
        """
        with self._change() as db:
            if self._meta("mirrors", db) != source:
                db.execute("DELETE FROM items")
                db.execute("DELETE FROM log")
                db.execute("UPDATE meta SET value = ? WHERE key = 'mirrors'", (source,))
            return self._last(db, Site.PRIMARY)

    def discard(self) -> int:
        """Take back all changes that this secondary made itself; how many (SYNC-4). They stay listed."""
        with self._change() as db:
            rows = db.execute(
                "SELECT seq, at, collection, owner, id, before, after FROM log WHERE origin = ? ORDER BY seq DESC",
                (Site.SECONDARY.value,),
            ).fetchall()
            if not rows:
                return 0
            db.execute("DELETE FROM discarded")
            for seq, made_at, collection, owner, item, before, after in rows:
                _set(db, collection, owner, item, before)
                what = "deleted" if after is None else "added" if before is None else "changed"
                db.execute(
                    "INSERT INTO discarded VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (self._now(), seq, collection, owner, item, what, made_at),
                )
            db.execute("DELETE FROM log WHERE origin = ?", (Site.SECONDARY.value,))
        return len(rows)

    def discarded(self) -> tuple[Discarded, ...]:
        """What the last failback took back, in the order in which it had been made."""
        rows = self.database.rows("SELECT seq, made_at, collection, owner, id, what FROM discarded ORDER BY seq")
        return tuple(Discarded(seq=s, made_at=at, collection=c, owner=o, id=i, what=w) for s, at, c, o, i, w in rows)

    def digest(self) -> str:
        """SHA-256 over all items: equal digests, equal data (SYNC-7)."""
        total = hashlib.sha256()
        for row in self.database.rows("SELECT collection, owner, id, body FROM items ORDER BY collection, owner, id"):
            total.update(json.dumps(row).encode())
        return total.hexdigest()

    def remembered(self, key: str) -> str | None:
        """A text kept across restarts."""
        rows = self.database.rows("SELECT value FROM meta WHERE key = ?", (f"note:{key}",))
        return str(rows[0][0]) if rows else None

    def remember(self, key: str, value: str) -> None:
        """Keep a text across restarts."""
        with self.database.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"note:{key}", value))

    def wipe(self) -> None:
        """Back to an empty data set, with a new identity; users and their passwords stay."""
        with self._change() as db:
            for table in ("items", "log", "discarded"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the line above
            db.execute("DELETE FROM meta WHERE key NOT LIKE 'users-%'")
            db.execute("INSERT INTO meta VALUES ('store', ?), ('mirrors', '')", (secrets.token_hex(8),))

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self.database.transaction() as db:
            yield db
        with self._revised:
            self._revision += 1
            self._revised.notify_all()

    def _meta(self, key: str, db: sqlite3.Connection | None = None) -> str:
        row = (db or self.database.connection()).execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0])

    def _body(self, db: sqlite3.Connection, collection: str, owner: str, item: str) -> str | None:
        row = db.execute(
            "SELECT body FROM items WHERE collection = ? AND owner = ? AND id = ?", (collection, owner, item)
        ).fetchone()
        return None if row is None else str(row[0])

    def _last(self, db: sqlite3.Connection, origin: Site) -> int:
        row = db.execute("SELECT MAX(seq) FROM log WHERE origin = ?", (origin.value,)).fetchone()
        return int(row[0] or 0)

    def _log(  # noqa: PLR0913, PLR0917 - a log entry's columns
        self,
        db: sqlite3.Connection,
        collection: str,
        owner: str,
        item: str,
        before: str | None,
        after: str | None,
    ) -> None:
        seq = self._last(db, self._site) + 1
        entry = Entry(seq=seq, at=self._now(), collection=collection, owner=owner, id=item, after=after)
        _write(db, (self._site, seq, entry.at), entry, before)


def _write(db: sqlite3.Connection, place: tuple[Site, int, str], entry: Entry, before: str | None) -> None:
    origin, seq, at = place
    db.execute(
        "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (origin.value, seq, at, entry.collection, entry.owner, entry.id, before, entry.after),
    )
    _set(db, entry.collection, entry.owner, entry.id, entry.after)


def _set(db: sqlite3.Connection, collection: str, owner: str, item: str, body: str | None) -> None:
    if body is None:
        db.execute("DELETE FROM items WHERE collection = ? AND owner = ? AND id = ?", (collection, owner, item))
    else:
        db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?)", (collection, owner, item, body))


def _refuse_twin(db: sqlite3.Connection, place: tuple[str, str, str], field: str, value: object) -> None:
    rows = db.execute("SELECT body FROM items WHERE collection = ? AND owner = ? AND id != ?", place).fetchall()
    if any(json.loads(body).get(field) == value for (body,) in rows):
        raise ConflictError(f"{field} {value!r} exists already")
