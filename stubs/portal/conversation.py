"""What the two sides of synchronisation say to each other (`stubs.portal.sync`). No socket, no wait, no thread.

The simulator speaks it as well, over links of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from stubs.portal.changes import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.portal.gate import Gate
    from stubs.portal.store import Store

BATCH = 500
"""Changes in one batch at most."""


class Offer(msgspec.Struct, frozen=True):
    """The primary's first word, which it says only while it serves: which data set it has."""

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


class OverError(Exception):
    """The rules do not allow it any more: the conversation ends without a word."""


def where(store: Store, seq: int) -> Ask | None:
    """How a portal that has come up to this change says so; `None`: there is no such change in its log."""
    if seq == 0:
        return Ask(after=0, mark="")
    found = store.after(seq - 1, limit=1)
    if not found or found[0].seq != seq:
        return None
    return Ask(after=seq, mark=hashlib.sha256(msgspec.json.encode(found[0])).hexdigest())


@dataclass(kw_only=True)
class Feeding:
    """The primary's side of one conversation: what it says to what it hears. No socket, no wait.

    Attributes:
        store: whose log is fed.
        may_feed: whether the rules allow it now.
        identity: of the data set that it offers.
        after: the last change that the secondary says it has.
        began_after: the one that it had when it called; `None`: it has not said so yet.
    """

    store: Store
    may_feed: Callable[[], bool]
    identity: str
    after: int = 0
    began_after: int | None = None

    def hear(self, ask: Ask) -> bool:
        """Take in how far the secondary is; whether it has all, or more than when it called.

        Raises:
            OverError: it may not be fed now, or the data set is another one.
            RefusedError: its last change is not in this log.
        """
        self.after = ask.after
        self.began_after = ask.after if self.began_after is None else self.began_after
        if not (self.may_feed() and self.store.identity() == self.identity):
            raise OverError
        head = self.store.head()
        if ask != where(self.store, ask.after):
            raise RefusedError(f"the secondary's change {ask.after} is not in the primary's log, which ends at {head}")
        # One that only ever asks for the same has taken nothing: its disk may be full.
        return ask.after > self.began_after or ask.after == head

    def answer(self) -> Batch:
        """What follows on its last change; maybe nothing.

        Raises:
            OverError: it may not be fed any more: what came meanwhile is not for it.
        """
        batch = Batch(self.store.after(self.after, limit=BATCH))
        if not self.may_feed():
            raise OverError
        return batch


@dataclass(kw_only=True)
class Following:
    """The secondary's side of one conversation: what it does with what it hears. No socket, no wait.

    Attributes:
        store: what is kept in step.
        gate: shut while the secondary serves.
        may_follow: whether the rules allow it now.
        source: the data set that is followed.
        after: the last change of it that is here.

    All of it can raise `ShutError` and `NotStoredError`.
    """

    store: Store
    gate: Gate
    may_follow: Callable[[], bool]
    source: str = ""
    after: int = 0

    def accept(self, offer: Offer) -> int:
        """Take an offer in, and its own changes back; how many (SYNC-4).

        Not before the primary itself has answered (reading "taken back"): word that it serves may be old, and what
        users were told is done would be gone with nobody to follow.

        Raises:
            OverError: it may not follow any more, after that wait.
        """
        with self.gate.passing():
            if not self.may_follow():
                raise OverError
            count = self.store.discard()
            self.source, self.after = offer.store, self.store.mirror(offer.store)
        return count

    def take(self, batch: Batch) -> None:
        """Take a batch over.

        Raises:
            RefusedError: there will never be any.
            OverError: it may not follow any more, after that wait.
            GapError: the batch does not fit.
        """
        if batch.refused:
            raise RefusedError(batch.refused)
        if not batch.entries:
            return
        with self.gate.passing():
            if not self.may_follow():
                raise OverError
            self.store.apply(self.source, batch.entries)
        self.after = batch.entries[-1].seq

    def ask(self) -> Ask | None:
        """What to ask next.

        Raises:
            OverError: it may not follow any more.
        """
        if not self.may_follow():
            raise OverError
        return where(self.store, self.after)
