"""Synchronisation: the primary feeds its log, the secondary follows it (SYNC-1, SYNC-2; invented protocol).

The secondary calls. The primary offers its data set; the secondary says how far it has come, and says so again after
each batch that it took. The primary answers with the next one, an empty one after a heartbeat, so that silence means
interruption to either side.

A secondary whose last change is not in the primary's log (as that runs with an older disk, say) is refused, and both
say why: the primary's log counts (SYNC-2), but what only the secondary still holds was acknowledged once (SYNC-6), so
that nothing of it is thrown away unasked. A factory reset of the secondary lets it begin anew (reading "stranger").

What the primary changed in stand-alone is in its log like all else, so it follows once the pair is normal (SYNC-5).
"""

from __future__ import annotations

import hashlib
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
    """The secondary's answer to an offer or a batch: the last change that it has, and what that looks like."""

    after: int
    mark: str


class Batch(msgspec.Struct, frozen=True):
    """Changes in their order; none: nothing new. `refused`: why there will never be any."""

    entries: tuple[Entry, ...] = ()
    refused: str = ""


class RefusedError(Exception):
    """The primary does not feed this secondary; says why."""


def where(store: Store, seq: int) -> Ask | None:
    """How a portal that has come up to this change says so; `None`: there is no such change in its log."""
    if seq == 0:
        return Ask(after=0, mark="")
    found = store.after(seq - 1, limit=1)
    if not found or found[0].seq != seq:
        return None
    return Ask(after=seq, mark=hashlib.sha256(msgspec.json.encode(found[0])).hexdigest())


class Feeder:
    """The primary's side.

    Args:
        store: whose log is fed.
        secret: what a caller must know.
        may_feed: whether the rules allow it now.
        heartbeat_s: pause between two empty batches, in seconds.

    Attributes:
        trouble: why the secondary that called last was refused; empty if it was not.
    """

    def __init__(self, store: Store, *, secret: str, may_feed: Callable[[], bool], heartbeat_s: float) -> None:
        self._store = store
        self._secret = secret
        self._may_feed = may_feed
        self._heartbeat_s = heartbeat_s
        self._last_fed_ms: int | None = None
        self.trouble = ""

    def start(self, port: int, *, silence_s: float) -> None:
        """Accept the secondary until the process ends."""
        listen(port, self._feed, silence_s=silence_s)

    def fed_at_ms(self) -> int | None:
        """When the secondary last said that it has all, or more than when it called."""
        return self._last_fed_ms

    def _feed(self, connection: LineConnection, _address: str) -> None:
        if not connection.receive(Hello).is_from("portal", self._secret):
            return
        identity = self._store.identity()
        connection.send(Offer(identity))
        began_after: int | None = None
        while True:
            ask = connection.receive(Ask)
            began_after = ask.after if began_after is None else began_after
            if not (self._may_feed() and self._store.identity() == identity):
                return
            self.trouble = "" if ask == where(self._store, ask.after) else self._stranger(ask)
            if self.trouble:
                log.warning("sync refused: %s", self.trouble)
                connection.send(Batch(refused=self.trouble))
                return
            # One that only ever asks for the same has taken nothing: its disk may be full.
            if ask.after > began_after or ask.after == self._store.head():
                self._last_fed_ms = clock.monotonic_ms()
            entries = self._next_after(ask.after)
            if not self._may_feed():  # any more, after that wait: what came meanwhile is not for the other one
                return
            connection.send(Batch(entries))

    def _stranger(self, ask: Ask) -> str:
        return f"the secondary's change {ask.after} is not in the primary's log, which ends at {self._store.head()}"

    def _next_after(self, seq: int) -> tuple[Entry, ...]:
        """What follows on a change; nothing if nothing comes within a heartbeat."""
        revision = self._store.revision
        batch = self._store.after(seq, limit=BATCH)
        if not batch:
            self._store.wait_for_change(revision, within_s=self._heartbeat_s)
            batch = self._store.after(seq, limit=BATCH)
        return batch


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

    Attributes:
        trouble: why following ended the last time; empty while it goes on.
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
        self.trouble = ""

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
                except RefusedError as refusal:
                    self._end(str(refusal))
                except (*BROKEN, ShutError, GapError, NotStoredError) as error:
                    self._end(f"{type(error).__name__}: {error}")
            pause.wait(self._heartbeat_s)

    def _end(self, trouble: str) -> None:
        # It is tried again at every heartbeat, mostly with the same end.
        if trouble != self.trouble:
            log.info("following ended: %s", trouble)
        self.trouble = trouble

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
            while self._may_follow():
                connection.send(where(self._store, after))
                batch = connection.receive(Batch)
                if batch.refused:
                    raise RefusedError(batch.refused)
                if batch.entries:
                    with self.gate.passing():
                        if not self._may_follow():  # any more, after that wait
                            return
                        self._store.apply(store, batch.entries)
                    after = batch.entries[-1].seq
                self._followed_at_ms = clock.monotonic_ms()
                self.trouble = ""
        finally:
            connection.close()
