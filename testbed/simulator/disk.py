"""What a simulated portal keeps across its ends: the stubs' own `Store`, on SQLite in memory; and its faults. Pure.

A disk that nobody uses is an image. One that is in use has a store, taken from those that are idle: a new one takes a
millisecond to make, an image a hundredth of that to load. All of it is for one thread.
"""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from stubs.portal.store import Store
from stubs.wire import Site

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

_instants = count()
"""Of the wall clock counts alone that it never shows the same twice: two changes are told apart by it."""

_PLAIN = b"SQLite format 3"
_FULL = 2
"""The value of SQLite's `synchronous` with which a commit is on disk when it returns."""

_PAGES = 1 << 30

_idle: dict[Site, list[tuple[Store, bool]]] = {site: [] for site in Site}
"""Stores as they were left, each with whether changes of its own had begun."""


@dataclass
class Disk:
    """The disk of one portal.

    Attributes:
        site: whose.
        image: what is on it, while nobody uses it; `None`: nothing but what an installation makes.
        durable: what of it survives a loss of power; `None`: all.
        full: it does not grow any more: SQLite refuses what it has no page left for.
        own_began: what the process that uses it knows (`Store.own_begins`).
    """

    site: Site
    image: bytes | None = None
    durable: bytes | None = None
    full: bool = False
    own_began: bool = False
    _store: Store | None = field(default=None, repr=False)

    @property
    def store(self) -> Store:
        """The data on it."""
        if self._store is None:
            self._store = _opened(self)
        return self._store

    def __del__(self, *, is_over: Callable[[], bool] = sys.is_finalizing) -> None:
        """A store outlives the disks that used it; at the end of Python the module's names are gone already.

        Whichever thread collects garbage comes by here, and SQLite's connections belong to one: nothing is asked of
        the store.
        """
        if not is_over():
            self._release()

    # What a process does.

    def own_begins(self) -> None:
        """This portal makes changes of its own from now on."""
        self.own_began = True
        self.store.own_begins()

    def remembered(self, key: str) -> str | None:
        """What was kept under a key."""
        return self.store.remembered(key)

    def remember(self, key: str, value: str) -> None:
        """Keep it.

        Raises:
            NotStoredError: it takes nothing more.
        """
        self.store.remember(key, value)

    def before_a_change(self) -> None:
        """From the first commit on that does not wait for the disk, a loss of power takes away what follows."""
        (synchronous,) = self._connection().execute("PRAGMA synchronous").fetchone()
        if synchronous < _FULL and self.durable is None:
            self.durable = self.content()

    # What is done to it.

    def begin_again(self) -> None:
        """A new process opens it: what the one before had in memory is gone."""
        self.image = self.content()
        self._release()
        self.own_began = False

    def lose_power(self) -> None:
        """What the disk was not waited for is gone."""
        if self.durable is not None:
            self.become(self.durable)

    def become(self, content: bytes) -> None:
        """Another content is on it, an older one say."""
        self._release()
        self.image, self.durable = content, None

    def fill(self, *, full: bool) -> None:
        """It does not grow any more; or it has room again."""
        self.full = full
        self._connection().execute(_growth(full=full))

    # Copies of it.

    def content(self) -> bytes:
        """All that is on it."""
        return self._connection().serialize()

    def copied(self) -> Disk:
        """Another disk with the same on it."""
        image = self.image if self._store is None else self.content()
        return replace(self, image=image, _store=None)

    def rest(self) -> None:
        """Nobody uses it for now: keep it as small as it can be."""
        self.image = zlib.compress(self.content(), 1)
        self._release()

    def _connection(self) -> sqlite3.Connection:
        return self.store.database.connection()

    def _release(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            _idle[self.site].append((store, self.own_began))


def _opened(disk: Disk) -> Store:
    store = _cleared(*_idle[disk.site].pop()) if _idle[disk.site] else _made(disk.site)
    connection = store.database.connection()
    connection.deserialize(_installed(disk.site) if disk.image is None else _plain(disk.image))
    connection.execute(f"PRAGMA synchronous = {_FULL}")
    connection.execute(_growth(full=disk.full))
    if disk.own_began:
        store.own_begins()
    return store


def _cleared(store: Store, own_began: bool) -> Store:  # noqa: FBT001 - a pair of the list of idle ones
    """One that knows of nothing that its former user did."""
    store.database.connection().execute(_growth(full=False))
    if own_began:
        store.discard()
    return store


def _growth(*, full: bool) -> str:
    """The statement that lets it grow or not; no limit is below what is there."""
    return f"PRAGMA max_page_count = {1 if full else _PAGES}"


def _made(site: Site) -> Store:
    return Store(Path(":memory:"), site=site, now=lambda: f"2030-01-01T00:00:00.{next(_instants)}+00:00")


@cache
def _installed(site: Site) -> bytes:
    """What an installation makes: the same data set each time, so that a schedule goes alike each time."""
    return _made(site).database.connection().serialize()


def _plain(image: bytes) -> bytes:
    return image if image.startswith(_PLAIN) else zlib.decompress(image)
