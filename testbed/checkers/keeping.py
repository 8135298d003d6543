"""Acknowledged changes: which are gone, and whether a rule lets them go. Pure; reads stories only."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from testbed.checkers.moments import Spans
from testbed.checkers.verdict import MOST_EVIDENCE, Found, Loss

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from testbed.checkers.changes import Change, Deed, Item
    from testbed.checkers.stock import Stock
    from testbed.checkers.story import Story

READ = frozenset({"contacts", "settings", "meetings"})
"""The collections of which it is recorded what users see at the end."""

MARKED = "meetings"
"""The collection in whose log the portal's own notes stand among the changes of users."""

_NAMED = MOST_EVIDENCE - 2
"""So many changes that failback took back are named in the evidence; all of them are in `Judgement.losses`."""


def changes_kept(story: Story) -> Found:
    """SYNC-4, SYNC-6, SYNC-8: nothing that was acknowledged is gone, but what failback may take back, and names."""
    account, stock = story.account, story.stock
    wrong = [f"acknowledged, and gone: {one}" for one in account.gone]
    wrong += [f"acknowledged, and gone without being named: {one}" for one in account.unnamed]
    forbidden = story.out_of_turn
    wrong += [f"acknowledged in normal running, and taken back: {one}" for one in account.let_go if one.op in forbidden]
    wrong += _stored_all_the_same(story.changes, stock)
    wrong += _wrong_values(story.changes, stock)
    count = len(account.acknowledged)
    judged = [f"{count} acknowledged changes, of which failback took back {len(account.let_go)} as it may"]
    judged += [f"taken back, and named: {one}" for one in account.let_go[:_NAMED]]
    if len(account.let_go) > _NAMED:
        judged.append(f"and {len(account.let_go) - _NAMED} more")
    named = ("secondary",) if account.doubtful or account.missing else ()
    missing = [*account.missing, *_unseen(story), *stock.unread_of("primary", *named)]
    if account.doubtful and not missing:
        missing = ["nobody read what failback took back after the secondary's log"]
    return Found(wrong=wrong, missing=missing, judged=judged if count else [])


def losses_of(story: Story) -> Iterator[Loss]:
    """Every acknowledged change that is gone, those included that the rules let go (the changes behind the RPO)."""
    account = story.account
    for why, several in (
        ("gone", account.gone),
        ("taken back, and named", account.let_go),
        ("taken back, and not named", account.unnamed),
        ("taken back, and nobody could read whether it was named", account.doubtful),
    ):
        for one in several:
            allowed = several is account.let_go and one.op not in story.out_of_turn
            yield Loss(story.name, one, why, None if several is account.doubtful else allowed)


def _stored_all_the_same(changes: Iterable[Change], stock: Stock) -> Iterator[str]:
    """SYNC-8: what was refused must not be stored; an addition of which nobody knows the id cannot be told."""
    if ("primary", "primary") not in stock.logs:
        return
    there = stock.deeds("primary", "primary")
    possible: dict[Deed, int] = defaultdict(int)
    refused: dict[Deed, Change] = {}
    for one in changes:
        if one.site == "primary" and one.item.id and one.item.collection != MARKED:
            if one.end == "fail":
                refused[one.deed] = one
            else:
                possible[one.deed] += 1
    for deed, one in refused.items():
        if there[deed] > possible[deed]:
            yield f"refused, and stored all the same: {one}"


def _wrong_values(changes: Iterable[Change], stock: Stock) -> Iterator[str]:
    """What stands on the primary at the end must be what the last change to it said, whichever may have been last."""
    by_item: dict[Item, list[Change]] = defaultdict(list)
    for one in changes:
        if one.site == "primary" and one.item.id and one.end != "fail":
            by_item[one.item].append(one)
    for item, several in by_item.items():
        seen = stock.contents.get((item.collection, item.owner))
        certain = [one for one in several if one.end == "ok"]
        if seen is None or not certain:
            continue
        latest_ms = max(one.begin_ms for one in certain)
        last = [one for one in several if one.end_ms >= latest_ms]
        if not any(_stands(seen.get(item.id), one) for one in last):
            yield f"not what was acknowledged last: {last[-1]}; there is {seen.get(item.id)}"


def _unseen(story: Story) -> list[str]:
    """Whose items nobody looked at on the primary at the end, though it served then and they had changed some there."""
    stock = story.stock
    if not Spans(story.possibly_served("primary")).meets(stock.read_ms, stock.read_ms):
        return []
    places = {
        (one.item.collection, one.item.owner)
        for one in story.changes
        if one.site == "primary" and one.end == "ok" and one.item.collection in READ
    }
    unseen = sorted(places - set(stock.contents))
    return [f"nobody read {owner}'s {collection} on the primary at the end" for collection, owner in unseen]


def _stands(there: object, change: Change) -> bool:
    if change.fields is None or not isinstance(there, dict):
        return change.fields is None and there is None
    return all(there.get(key) == value for key, value in change.fields.items() if key != "starts_at")
