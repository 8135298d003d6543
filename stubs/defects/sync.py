"""Defects of what is kept and what is lost (SYNC)."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from stubs.defects.planting import defect
from stubs.portal import changes, conversation
from stubs.portal.conversation import Ask
from stubs.portal.database import Database, NotStoredError
from stubs.portal.moment import Moment
from stubs.portal.store import Store
from stubs.wire import Site

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from stubs.portal.changes import Entry

SKIPPED = 2
"""The place in the primary's log of the change that is passed over."""


@defect(Store, "apply", breaks=("SYNC-1", "SYNC-7"))
def sync_skips_a_change(right: Callable[..., None], store: Store, source: str, entries: tuple[Entry, ...]) -> None:
    """The secondary counts the primary's second change as taken over, and takes nothing of it over."""
    right(store, source, tuple(replace(each, after=None) if each.seq == SKIPPED else each for each in entries))


@defect(Moment, "may_follow", breaks=("SYNC-3", "SYNC-4"))
def sync_goes_on_in_failover(_right: Callable[..., bool], moment: Moment, _now_ms: int, *, fresh_ms: int) -> bool:
    """The secondary takes the primary's changes over whenever it can reach it, also while it serves itself."""
    del fresh_ms
    return moment.state.site is Site.SECONDARY


@defect(changes, "take_back", breaks=("SYNC-4", "SYNC-7", "MEET-3"))
def failback_keeps_changes(_right: Callable[..., int], _db: sqlite3.Connection, *, now: str, afresh: bool) -> int:
    """What the secondary changed while it served stays there after failback, and nobody is told."""
    del now, afresh
    return 0


@defect(Moment, "may_feed", breaks=("SYNC-3",))
def primary_feeds_out_of_service(_right: Callable[..., bool], moment: Moment, _now_ms: int) -> bool:
    """The primary sends its changes to whoever asks, whether it serves or not."""
    return moment.state.site is Site.PRIMARY


@defect(Moment, "may_feed", breaks=("SYNC-2",))
def secondary_feeds_too(right: Callable[..., bool], moment: Moment, now_ms: int) -> bool:
    """The secondary lets its data be followed while it serves, as if it were the primary."""
    return moment.serves(now_ms) if moment.state.site is Site.SECONDARY else right(moment, now_ms)


@defect(Database, "transaction", breaks=("SYNC-8",))
@contextmanager
def full_disk_unnoticed(
    right: Callable[[Database], AbstractContextManager[sqlite3.Connection]], database: Database
) -> Iterator[sqlite3.Connection]:
    """A change that the disk does not take is acknowledged, and gone."""
    with suppress(NotStoredError), right(database) as db:
        yield db


@defect(Database, "connection", breaks=("SYNC-6",))
def disk_not_waited_for(right: Callable[[Database], sqlite3.Connection], database: Database) -> sqlite3.Connection:
    """A change is acknowledged before the disk has it: the next loss of power takes it away."""
    db = right(database)
    if not db.in_transaction:
        db.execute("PRAGMA synchronous = OFF")
    return db


@defect(Store, "discarded", breaks=("SYNC-4",))
def losses_untold(_right: Callable[..., object], _store: Store) -> tuple[()]:
    """What failback discarded is not listed: nobody learns what was lost."""
    return ()


@defect(conversation, "where", breaks=("SYNC-2", "SYNC-6"))
def stranger_overwritten(_right: Callable[..., Ask | None], _store: Store, seq: int) -> Ask:
    """The primary takes a secondary that holds changes which the primary has lost for one that is in step."""
    return Ask(after=seq, mark="")
