"""What the users of a simulated pair changed and were told, and what must be on both disks by that. Pure.

It is written apart from the stubs' store: it knows the changes in their order, and applies them to nothing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from stubs.portal.changes import Place
from stubs.portal.database import NotStoredError
from stubs.wire import Site

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stubs.portal.store import Body, Store
    from testbed.simulator.disk import Disk

COLLECTION, OWNER = "settings", "alice"

TURNS = ("add", "add", "change the last", "delete")
"""What users of a site do: of the items there the last one may be the other site's."""

MUCH = "." * 10_000
"""More than a disk that is full has room for between what is there."""

Broken = tuple[tuple[str, ...], str]
"""Rules, and what is not as they say."""


class Change(NamedTuple):
    """A change that is on a disk by all that its user can know: the item, and its value then; `None`: deleted."""

    item: str
    value: int | None


class _KilledError(Exception):
    """The process ends here, in the middle of a transaction."""


@dataclass
class Ledger:
    """The changes of a pair.

    Attributes:
        count: how many there were, those that were refused included.
        primary: what P stored, in order.
        former: what S holds of a log that P has no more, as its disk is another one; `None`: P's log is the one.
        own: what S stored and has not taken back.
        given_up: what the last failback took back that had something to take back.
        afresh: S has served since: if it changed nothing, another failback may have ended that list.
    """

    count: int = 0
    primary: tuple[Change, ...] = ()
    former: tuple[Change, ...] | None = None
    own: tuple[Change, ...] = ()
    given_up: tuple[Change, ...] = ()
    afresh: bool = False

    def copied(self) -> Ledger:
        """Another one with the same in it."""
        return replace(self)

    def work(self, disk: Disk) -> Broken | None:
        """A user changes something, and learns that it is done, or is refused; what is wrong with that."""
        self.count += 1
        disk.before_a_change()
        try:
            change = self._change(disk)
        except NotStoredError:
            return None
        if change is None:
            rules = ("SYNC-6",) if disk.site is Site.PRIMARY else ("SYNC-1", "SYNC-6", "SYNC-7")
            return rules, f"the {disk.site.value} has lost an item that it held"
        self._keep(disk.site, change)
        if _items(disk.store).get(change.item) != change.value:
            return ("SYNC-8",), f"the {disk.site.value} acknowledged a change that it did not store"
        return None

    def break_off(self, disk: Disk) -> None:
        """A process is killed over a change: before it is stored, or, by turns, before its user learns that it is.

        The second is on the disk, of the first nothing is.
        """
        if self.count % 2:
            self.work(disk)
            return
        self.count += 1
        for item in self._items_of(disk.site)[-1:]:
            with suppress(_KilledError, NotStoredError):
                disk.store.edit(Place(COLLECTION, OWNER, item), _killed)

    def take_back(self) -> None:
        """Failback took S's own changes back."""
        if self.own:
            self.given_up, self.own, self.afresh = self.own, (), False

    def replaced(self, kept: tuple[Change, ...], *, copied: int) -> None:
        """P's disk is an older one, with fewer changes on it; S has copied so many of the former log."""
        if self.former is None and copied > len(kept):
            self.former = self.primary
        self.primary = kept

    def lost(self) -> None:
        """S's disk is an older one, from when it had made no change of its own."""
        self.own, self.given_up, self.afresh = (), (), False

    @property
    def copy_of(self) -> tuple[Change, ...]:
        """The log that S holds a part of."""
        return self.primary if self.former is None else self.former

    def _change(self, disk: Disk) -> Change | None:
        """Items are added, changed and deleted by turns; S changes P's as well."""
        site, number, store = disk.site, self.count, disk.store
        own = self._items_of(site)
        turn = TURNS[len(self.primary if site is Site.PRIMARY else self.own) % len(TURNS)]
        if turn == "add" or not own or disk.full:
            body: Body = {"key": str(number), "value": number, "more": MUCH if disk.full else ""}
            return Change(str(store.put(COLLECTION, OWNER, None, body)), number)
        item = own[-1]
        if turn == "change the last" and site is Site.SECONDARY:
            item = next(reversed(after((*self.copy_of[: store.head()], *self.own))))
        if turn == "delete":
            return Change(item, None) if store.delete(COLLECTION, OWNER, item) else None
        edited = store.edit(Place(COLLECTION, OWNER, item), lambda body: {**body, "value": number})
        return None if edited is None else Change(item, number)

    def _items_of(self, site: Site) -> list[str]:
        """What a site has added, and has not deleted."""
        if site is Site.PRIMARY:
            return list(after(self.primary))
        added = [one.item for one in self.own]
        return [item for item in after(self.own) if item in added]

    def _keep(self, site: Site, change: Change) -> None:
        if site is Site.PRIMARY:
            self.primary += (change,)
        else:
            self.own += (change,)

    # What must be so.

    def check(self, primary: Disk, secondary: Disk) -> Iterator[Broken]:
        """What is not on the disks as it must be, whatever the roles."""
        held, due, head = _items(primary.store), after(self.primary), primary.store.head()
        if held != due or head != len(self.primary):
            says = f"{head} changes with {_told(held)} where it acknowledged {len(self.primary)} with {_told(due)}"
            yield ("SYNC-6",), f"the primary holds {says}"
        held, copied = _items(secondary.store), after(self.copy_of[: secondary.store.head()])
        due = after((*self.copy_of[: secondary.store.head()], *self.own))
        if held == due:
            return
        if held == copied:
            yield ("SYNC-4", "SYNC-6"), f"the secondary has lost {len(self.own)} changes, and there was no failback"
        elif not self.own and held == after((*self.copy_of[: secondary.store.head()], *self.given_up)):
            yield ("SYNC-4", "SYNC-7"), "the secondary still holds what failback was to take back"
        else:
            yield ("SYNC-1", "SYNC-7"), f"the secondary holds {_told(held)} where it took over {_told(due)}"

    def check_list(self, secondary: Disk) -> Iterator[Broken]:
        """What is wrong with what S lists as lost by the last failback (SYNC-4)."""
        listed = [one.id for one in secondary.store.discarded()]
        lost = [one.item for one in self.given_up]
        if listed != lost and not (self.afresh and not listed):
            yield ("SYNC-4",), f"failback took back {len(lost)} changes, and {len(listed)} are listed"


def after(changes: Iterable[Change]) -> dict[str, int]:
    """The items that changes lead to."""
    items: dict[str, int] = {}
    for item, value in changes:
        if value is None:
            items.pop(item, None)
        else:
            items[item] = value
    return items


def _items(store: Store) -> dict[str, int]:
    return {place.id: body["value"] for place, body in store.every(COLLECTION)}


def _told(items: dict[str, int]) -> str:
    return f"{len(items)} items (sum {sum(items.values())})"


def _killed(_body: Body) -> Body:
    raise _KilledError
