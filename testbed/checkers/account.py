"""What became of the acknowledged changes: settled with what the servers hold at the end. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.checkers.facts import SITES

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from testbed.checkers.changes import Change, Deed
    from testbed.checkers.stock import Stock


@dataclass(frozen=True, kw_only=True)
class Account:
    """What became of the acknowledged changes.

    Attributes:
        acknowledged: all of them.
        gone: those of the primary that are in no log any more.
        let_go: those of the secondary that a failback took back, as the rules have it, and named.
        unnamed: those of the secondary that are gone and were not named.
        doubtful: those of the secondary that are gone, and nobody could read whether they were named.
        missing: why it is not certain what is gone.
    """

    acknowledged: tuple[Change, ...]
    gone: tuple[Change, ...]
    let_go: tuple[Change, ...]
    unnamed: tuple[Change, ...]
    doubtful: tuple[Change, ...]
    missing: tuple[str, ...]

    @property
    def lost(self) -> int | None:
        """How many are gone, those included that the rules let go (RPO); `None`: unknown."""
        if self.missing or not self.acknowledged:
            return None
        return len(self.gone) + len(self.let_go) + len(self.unnamed) + len(self.doubtful)


def account_of(changes: Iterable[Change], stock: Stock) -> Account:
    """Settle the acknowledged ones of these changes with what the servers hold at the end."""
    certain = [one for one in changes if one.end == "ok" and one.item.id]
    primary, secondary = ([one for one in certain if one.site == site] for site in SITES)
    unread = [site for site in SITES if (site, site) not in stock.logs and any(one.site == site for one in certain)]
    kept = stock.deeds("secondary", "secondary")
    unnamed = [] if "secondary" in unread else _beyond(secondary, kept + stock.taken_back)
    numbers = {one.op for one in unnamed}
    not_kept = [] if "secondary" in unread else _beyond(secondary, kept)
    return Account(
        acknowledged=tuple(certain),
        gone=() if "primary" in unread else tuple(_beyond(primary, stock.deeds("primary", "primary"))),
        let_go=tuple(one for one in not_kept if one.op not in numbers),
        unnamed=tuple(one for one in unnamed if one.end_ms > stock.unlisted_ms),
        doubtful=tuple(one for one in unnamed if one.end_ms <= stock.unlisted_ms),
        missing=tuple(f"nobody read the log of the {site}" for site in unread),
    )


def _beyond(changes: Iterable[Change], there: Counter[Deed]) -> list[Change]:
    """The changes that are not there; of several alike the last ones."""
    left = there.copy()
    found = []
    for one in changes:
        left[one.deed] -= 1
        if left[one.deed] < 0:
            found.append(one)
    return found
