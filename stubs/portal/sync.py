"""Synchronisation: the primary feeds its log, the secondary follows it (SYNC-1, SYNC-2; invented protocol).

The secondary calls. The primary offers its data set; the secondary says how far it has come, and says so again after
each batch that it took. The primary answers with the next one, an empty one after a heartbeat, so that silence means
interruption to either side.

A secondary whose last change is not in the primary's log (as that runs with an older disk, say) is refused, and both
say why: the primary's log counts (SYNC-2), but what only the secondary still holds was acknowledged once (SYNC-6), so
that nothing of it is thrown away unasked. A factory reset of the secondary lets it begin anew (reading "stranger").

What the primary changed in stand-alone is in its log like all else, so it follows once the pair is normal (SYNC-5).

What either side says to what it hears is `stubs.portal.conversation`; here it is carried over sockets.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from stubs import clock
from stubs.lines import BROKEN, Hello, LineConnection, listen
from stubs.portal.changes import GapError
from stubs.portal.conversation import Ask, Batch, Feeding, Following, Offer, OverError, RefusedError
from stubs.portal.database import NotStoredError
from stubs.portal.gate import Gate, ShutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.portal.store import Store

log = logging.getLogger(__name__)


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
        if not self._may_feed():
            return  # who hears of this data set takes its own changes back
        talk = Feeding(store=self._store, may_feed=self._may_feed, identity=self._store.identity())
        connection.send(Offer(talk.identity))
        with contextlib.suppress(OverError):
            while True:
                try:
                    took = talk.hear(connection.receive(Ask))
                except RefusedError as refusal:
                    self.trouble = str(refusal)
                    log.warning("sync refused: %s", self.trouble)
                    connection.send(Batch(refused=self.trouble))
                    return
                self.trouble = ""
                if took:
                    self._last_fed_ms = clock.monotonic_ms()
                connection.send(self._next(talk))

    def _next(self, talk: Feeding) -> Batch:
        """What follows; an empty batch if nothing comes within a heartbeat."""
        revision = self._store.revision
        batch = talk.answer()
        if not batch.entries:
            self._store.wait_for_change(revision, within_s=self._heartbeat_s)
            batch = talk.answer()
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
        talk = Following(store=self._store, gate=self.gate, may_follow=self._may_follow)
        connection = LineConnection.call(self._address, self._port, hello=self._hello, silence_s=self._silence_s)
        try:
            with contextlib.suppress(OverError):
                discarded = talk.accept(connection.receive(Offer))
                if discarded:
                    log.info("failback: %d own changes discarded", discarded)
                while True:
                    connection.send(talk.ask())
                    talk.take(connection.receive(Batch))
                    self._followed_at_ms = clock.monotonic_ms()
                    self.trouble = ""
        finally:
            connection.close()
