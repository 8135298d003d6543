"""The portal's database file: schema, connections, transactions. SQLite; what the rows mean is not known here.

`synchronous=FULL`: what a transaction stored is on disk when it is left (SYNC-6).
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS items (
      collection TEXT NOT NULL, owner TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
      PRIMARY KEY (collection, owner, id)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS log (
      origin TEXT NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL, collection TEXT NOT NULL, owner TEXT NOT NULL,
      id TEXT NOT NULL, before TEXT, after TEXT,
      PRIMARY KEY (origin, seq)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS discarded (
      at TEXT NOT NULL, seq INTEGER NOT NULL, collection TEXT NOT NULL, owner TEXT NOT NULL, id TEXT NOT NULL,
      what TEXT NOT NULL, made_at TEXT NOT NULL, mark TEXT)""",
    """CREATE TABLE IF NOT EXISTS marks (
      collection TEXT NOT NULL, owner TEXT NOT NULL, id TEXT NOT NULL, mark TEXT NOT NULL,
      PRIMARY KEY (collection, owner, id)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS users (
      name TEXT NOT NULL, home TEXT NOT NULL, salt BLOB, hash BLOB,
      PRIMARY KEY (name, home)) WITHOUT ROWID""",
)

BUSY_S = 10.0
"""How long a transaction waits for another one, in seconds."""


class NotStoredError(Exception):
    """The disk is full, read-only or broken: the transaction was undone, nothing of it is stored (SYNC-8)."""


class _Connection(sqlite3.Connection):
    """One that can be referred to weakly, so that it ends with its thread."""


class Database:
    """One database file; every thread has a connection of its own.

    Args:
        path: the file; made if missing.

    Raises:
        NotStoredError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: weakref.WeakSet[_Connection] = weakref.WeakSet()
        with self.transaction() as db:
            for statement in _SCHEMA:
                db.execute(statement)
            db.execute("INSERT OR IGNORE INTO meta VALUES ('store', ?)", (secrets.token_hex(8),))
            db.execute("INSERT OR IGNORE INTO meta VALUES ('mirrors', '')")

    def rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[Any]:
        """Read, outside any transaction."""
        return self.connection().execute(query, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write: all of the block or nothing of it; on disk when the block is left.

        Raises:
            NotStoredError: it was undone, as the disk did not take it.
        """
        try:
            db = self.connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                # A failed statement or commit may have ended the transaction already.
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise NotStoredError(str(error)) from error

    def connection(self) -> sqlite3.Connection:
        """The calling thread's own connection."""
        db: _Connection | None = getattr(self._local, "db", None)
        if db is None:
            # Used by one thread at a time, but closed by another.
            db = sqlite3.connect(
                self._path, timeout=BUSY_S, isolation_level=None, factory=_Connection, check_same_thread=False
            )
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            self._local.db = db
            self._connections.add(db)
        return db

    def close(self) -> None:
        """Close the connections of all threads, which must not use them any more."""
        for db in list(self._connections):
            db.close()
        self._local = threading.local()
