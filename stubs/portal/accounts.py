"""The users that a portal learnt from the cores, and their passwords. Nothing of their data."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from typing import TYPE_CHECKING

from stubs.portal.database import NotStoredError
from stubs.wire import ServerName

if TYPE_CHECKING:
    from stubs.portal.database import Database
    from stubs.wire import User

log = logging.getLogger(__name__)

_RANK = {server.value: rank for rank, server in enumerate(ServerName)}
"""Whose user counts, lowest first, where two cores have one of the same name."""


class Accounts:
    """Who may log in.

    Args:
        database: keeps them, so that they can log in while their core is away.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unlearnt: dict[ServerName, tuple[User, ...]] = {}

    def hear(self, home: ServerName, users: tuple[User, ...] | None) -> None:
        """Take a core's word about its users in; one thread for each core calls this.

        A core tells them once: what the disk does not take now is tried again at the core's next word.

        Args:
            home: which core.
            users: all of its users; `None`: they are as they were.
        """
        if users is not None:
            self._unlearnt[home] = users
        if home not in self._unlearnt:
            return
        try:
            self.learn(home, {user.name: user.password for user in self._unlearnt[home]})
        except NotStoredError:
            log.exception("the users of the %s's core are not stored", home.value)
        else:
            del self._unlearnt[home]

    def learn(self, home: ServerName, users: dict[str, str]) -> None:
        """Replace the users of a core (name to password); nothing is done if they are known.

        Raises:
            NotStoredError: the disk did not take it; what was known is unchanged.
        """
        key = f"users-{home.value}"
        fingerprint = hashlib.sha256(json.dumps(users, sort_keys=True).encode()).hexdigest()
        known = self._database.rows("SELECT value FROM meta WHERE key = ?", (key,))
        if known == [(fingerprint,)]:
            return
        rows = [(name, home.value, *_hashed(password)) for name, password in users.items()]
        with self._database.transaction() as db:
            db.execute("DELETE FROM users WHERE home = ?", (home.value,))
            db.executemany("INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?)", rows)
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, fingerprint))

    def homes(self) -> dict[str, ServerName]:
        """All known users with the server of their home core (reading "name on two cores")."""
        rows = self._database.rows("SELECT name, home FROM users")
        return {name: ServerName(home) for name, home in sorted(rows, key=lambda row: _RANK[row[1]], reverse=True)}

    def check_password(self, name: str, password: str) -> bool:
        """Whether this is a known user's password; takes the same time for an unknown user."""
        rows = self._database.rows("SELECT home, salt, hash FROM users WHERE name = ?", (name,))
        _home, salt, expected = min(rows, key=lambda row: _RANK[row[0]], default=("", b"nobody", b""))
        return secrets.compare_digest(_hash(password, salt), expected)


def _hashed(password: str) -> tuple[bytes, bytes]:
    salt = secrets.token_bytes(16)
    return salt, _hash(password, salt)


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1000)
