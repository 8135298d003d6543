"""Synchronisation: the primary feeds its log, the secondary follows it (SYNC-1, SYNC-2; invented protocol).

The secondary calls. The primary offers its data set, the secondary says how far it has come, and batches follow, an
empty one at each heartbeat, so that silence means interruption.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import msgspec

from stubs import clock
from stubs.lines import BROKEN, Hello, LineConnection, listen
from stubs.portal.changes import Entry, GapError
from stubs.portal.database import NotStoredError
from stubs.portal.gate import Gate, ShutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.portal.store import Store

log = logging.getLogger(__name__)

BATCH = 500
"""Changes in one batch at most."""


class Offer(msgspec.Struct, frozen=True):
    """The primary's first word: which data set it has."""

    store: str


class Ask(msgspec.Struct, frozen=True):
    """The secondary's answer: the last change that it has."""

    after: int


class Batch(msgspec.Struct, frozen=True):
    """Changes in their order; none: nothing new."""

    entries: tuple[Entry, ...]


class Feeder:
    """The primary's side.

    Args:
        store: whose log is fed.
        secret: what a caller must know.
        may_feed: whether the rules allow it now.
        heartbeat_s: pause between two empty batches, in seconds.
    """

    def __init__(self, store: Store, *, secret: str, may_feed: Callable[[], bool], heartbeat_s: float) -> None:
        self._store = store
        self._secret = secret
        self._may_feed = may_feed
        self._heartbeat_s = heartbeat_s
        self._last_fed_ms: int | None = None

    def start(self, port: int, *, silence_s: float) -> None:
        """Accept the secondary until the process ends."""
        listen(port, self._feed, silence_s=silence_s)

    def fed_at_ms(self) -> int | None:
        """When the secondary last took something."""
        return self._last_fed_ms

    def _feed(self, connection: LineConnection, _address: str) -> None:
        if not connection.receive(Hello).is_from("portal", self._secret):
            return
        identity = self._store.identity()
        connection.send(Offer(identity))
        sent = connection.receive(Ask).after
        while self._may_feed() and self._store.identity() == identity:
            revision = self._store.revision
            batch = self._store.after(sent, limit=BATCH)
            connection.send(Batch(batch))
            self._last_fed_ms = clock.monotonic_ms()
            sent = batch[-1].seq if batch else sent
            if len(batch) < BATCH:
                self._store.wait_for_change(revision, within_s=self._heartbeat_s)


class Follower:
    """The secondary's side.

    Args:
        store: what is kept in step.
        address: of the primary.
        port: of its portal link.
        secret: what the primary asks for.
        may_follow: whether the rules allow it now.
        heartbeat_s: pause between two calls, in seconds.
        silence_s: how long the primary may be silent, in seconds.
    """

    def __init__(  # noqa: PLR0913 - a link's particulars
        self,
        store: Store,
        *,
        address: str,
        port: int,
        secret: str,
        may_follow: Callable[[], bool],
        heartbeat_s: float,
        silence_s: float,
    ) -> None:
        self.gate = Gate()
        self._store = store
        self._address, self._port = address, port
        self._hello = Hello("portal", secret, "secondary")
        self._may_follow = may_follow
        self._heartbeat_s, self._silence_s = heartbeat_s, silence_s
        self._followed_at_ms: int | None = None

    def start(self) -> None:
        """Follow in a thread of its own until the process ends."""
        threading.Thread(target=self._keep_following, name="follower", daemon=True).start()

    def followed_at_ms(self) -> int | None:
        """When the primary last sent something."""
        return self._followed_at_ms

    def _keep_following(self) -> None:
        pause = threading.Event()
        while True:
            if self._may_follow():
                try:
                    self._follow()
                except (*BROKEN, ShutError, GapError, NotStoredError) as error:
                    log.info("following ended: %s %s", type(error).__name__, error)
            pause.wait(self._heartbeat_s)

    def _follow(self) -> None:
        with self.gate.passing():
            discarded = self._store.discard()
        if discarded:
            log.info("failback: %d own changes discarded", discarded)
        connection = LineConnection.call(self._address, self._port, hello=self._hello, silence_s=self._silence_s)
        try:
            store = connection.receive(Offer).store
            with self.gate.passing():
                after = self._store.mirror(store)
            connection.send(Ask(after))
            while self._may_follow():
                batch = connection.receive(Batch)
                if batch.entries:
                    with self.gate.passing():
                        self._store.apply(store, batch.entries)
                self._followed_at_ms = clock.monotonic_ms()
        finally:
            connection.close()
