"""The portal's data: items, the change log, and what failback discarded. Transactions; their rows are `changes`'.

Every change is one transaction: the item and its log entry, on disk before anyone is told "done" (SYNC-6, SYNC-8).
The primary's log, in its order, is all that is ever synchronised (SYNC-1, SYNC-2).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stubs.portal import changes
from stubs.portal.accounts import Accounts
from stubs.portal.changes import Discarded, Entry, GapError, Logged, Place
from stubs.portal.database import Database
from stubs.wire import Site

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

Body = dict[str, Any]
"""An item without its id."""


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
        self._own_began = False
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

    def every(self, collection: str) -> list[tuple[Place, Body]]:
        """All items of a collection, whoever owns them."""
        rows = self.database.rows("SELECT owner, id, body FROM items WHERE collection = ?", (collection,))
        return [(Place(collection, owner, item), json.loads(body)) for owner, item, body in rows]

    def put(
        self, collection: str, owner: str, item: str | None, body: Body, *, unique: str | None = None
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
        place = Place(collection, owner, item or secrets.token_hex(8))
        with self._change() as db:
            if item is not None and changes.body_of(db, place) is None:
                return None
            if unique is not None:
                changes.refuse_twin(db, place, unique, body[unique])
            self._log(db, place, body)
        return place.id

    def edit(self, place: Place, change: Callable[[Body], Body | None]) -> Body | None:
        """Change an item as it is at this very moment, with its log entry; on disk when this returns.

        Args:
            place: which.
            change: given the body, gives the new one; `None` changes nothing. Its own errors change nothing either.

        Returns:
            The body afterwards; `None` if there is no such item.
        """
        with self._change() as db:
            text = changes.body_of(db, place)
            if text is None:
                return None
            before: Body = json.loads(text)
            after = change(before)
            if after is not None:
                self._log(db, place, after)
        return before if after is None else after

    def delete(self, collection: str, owner: str, item: str) -> bool:
        """Delete an item, with its log entry; whether it existed."""
        place = Place(collection, owner, item)
        with self._change() as db:
            found = changes.body_of(db, place) is not None
            if found:
                self._log(db, place, None)
        return found

    def mark(self, place: Place, mark: Body) -> None:
        """Note something about an item that exists: no change, never synchronised, gone with failback."""
        with self.database.transaction() as db:
            if changes.body_of(db, place) is not None:
                db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", (*place, json.dumps(mark)))

    def marks(self, collection: str) -> dict[Place, Body]:
        """What this portal has noted about the items of a collection."""
        rows = self.database.rows("SELECT owner, id, mark FROM marks WHERE collection = ?", (collection,))
        return {Place(collection, owner, item): json.loads(mark) for owner, item, mark in rows}

    def head(self) -> int:
        """The last change of the primary's log that is here."""
        return changes.last(self.database.connection(), Site.PRIMARY)

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
            seq = changes.last(db, Site.PRIMARY)
            for entry in entries:
                seq += 1
                if entry.seq != seq:
                    raise GapError(f"change {entry.seq} came where {seq} was due")
                changes.append(db, Site.PRIMARY, entry)

    def mirror(self, source: str) -> int:
        """Prepare to follow the primary's data set; the place in its log up to which it is here.

        A data set other than the one mirrored so far (the primary was wiped or replaced) starts from nothing.
        """
        with self._change() as db:
            if self._meta("mirrors", db) != source:
                for table in ("items", "log", "marks"):
                    db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the line above
                db.execute("UPDATE meta SET value = ? WHERE key = 'mirrors'", (source,))
            return changes.last(db, Site.PRIMARY)

    def own_begins(self) -> None:
        """From now on this portal makes changes of its own: the next `discard` is another failback's."""
        self._own_began = True

    def discard(self) -> int:
        """Take back all changes that this secondary made itself, and its marks; how many changes (SYNC-4).

        What was taken back stays listed until there is something new, or until the failback after the next time of
        serving, even if that has nothing to take back.
        """
        with self._change() as db:
            count = changes.take_back(db, now=self._now(), afresh=self._own_began)
        self._own_began = False
        return count

    def discarded(self) -> tuple[Discarded, ...]:
        """What the last failback took back, in the order in which it had been made."""
        rows = self.database.rows("SELECT seq, made_at, collection, owner, id, what, mark FROM discarded ORDER BY seq")
        return tuple(changes.discarded(row) for row in rows)

    def log(self, origin: Site, *, after: int, limit: int) -> tuple[Logged, ...]:
        """The changes that a server made, as far as they are here, after a place in its log; at most `limit`."""
        rows = self.database.rows(
            "SELECT seq, at, collection, owner, id, before, after FROM log"
            " WHERE origin = ? AND seq > ? ORDER BY seq LIMIT ?",
            (origin.value, after, limit),
        )
        return tuple(changes.logged(row) for row in rows)

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
            for table in changes.TABLES:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
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

    def _log(self, db: sqlite3.Connection, place: Place, body: Body | None) -> None:
        """Do one change of this server's own."""
        seq = changes.last(db, self._site) + 1
        after = None if body is None else json.dumps(body, sort_keys=True)
        collection, owner, item = place
        entry = Entry(seq=seq, at=self._now(), collection=collection, owner=owner, id=item, after=after)
        changes.append(db, self._site, entry)
