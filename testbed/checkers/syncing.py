"""Synchronisation: one way, in order, none skipped, and not while resilience is in force. Pure; reads stories only."""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from testbed.checkers.changes import Item
from testbed.checkers.facts import SITES
from testbed.checkers.moments import Calendar, Spans
from testbed.checkers.stock import deed_of
from testbed.checkers.verdict import Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from testbed.checkers.changes import Deed
    from testbed.checkers.stock import Stock
    from testbed.checkers.story import Story

    Entry = Mapping[str, Any]

LEADING, COPY, BACKWARDS = ("primary", "primary"), ("secondary", "primary"), ("primary", "secondary")


def in_step(story: Story) -> Found:
    """SYNC-1 to SYNC-3, SYNC-5, SYNC-7: the secondary's copy is the primary's log, whole once all is quiet."""
    stock = story.stock
    wrong = [f"a change of the secondary's reached the primary: {_told(one)}" for one in stock.logs.get(BACKWARDS, ())]
    wrong += [*_travelled(story), *_behind(story)]
    missing = [
        f"nobody read the {server}'s log of what the {made_on} changed"
        for server, made_on in (LEADING, COPY, BACKWARDS)
        if (server, made_on) not in stock.logs
    ]
    if missing:
        return Found(wrong=wrong, missing=[*stock.unread_of(*SITES), *missing])
    leading, copy = stock.logs[LEADING], stock.logs[COPY]
    made = _Made(story)
    # What was read later may hold more.
    known = [*copy[: len(leading)], *made.before(copy[len(leading) :], stock.reads[LEADING])]
    wrong += [*_holes(leading, "primary"), *_holes(copy, "secondary's copy"), *_differs(leading, known)]
    wrong += _out_of_order(story, leading)
    quiet = _is_quiet(story, stock)
    if quiet:
        late = made.before(leading[len(copy) :], stock.reads[COPY] - story.facts.within_ms)
        wrong += [f"normal and quiet, and not on the secondary: {_told(one)}" for one in late]
    else:
        missing = ["the history does not end in normal running, for as long as it takes to be in step"]
    judged = f"{len(leading)} changes on the primary, {len(copy)} of them on the secondary"
    return Found(wrong=wrong, missing=missing, judged=[judged] if leading else [])


class _Made:
    """When changes were made, as the logs tell."""

    def __init__(self, story: Story) -> None:
        self._calendar = Calendar(story.records[0])

    def before(self, entries: Sequence[Entry], at_ms: float) -> list[Entry]:
        """Those of them that had been made by then; of which it is not told, too."""
        return [one for one in entries if "at" not in one or self._calendar.ms(one["at"]) <= at_ms]


def _is_quiet(story: Story, stock: Stock) -> bool:
    expected = story.expected(stock.read_ms)
    return bool(expected) and all(one.sync_runs for one in expected)


def _holes(entries: Sequence[Entry], where: str) -> Iterator[str]:
    for due, entry in enumerate(entries, start=1):
        if entry["seq"] != due:
            yield f"the {where} has change {entry['seq']} where {due} was due"
            return


def _differs(leading: Sequence[Entry], copy: Sequence[Entry]) -> Iterator[str]:
    if len(copy) > len(leading):
        yield f"the secondary has {len(copy) - len(leading)} changes of the primary's that the primary has not"
    for own, other in zip(leading, copy, strict=False):
        if (deed_of(own), own["sha256"]) != (deed_of(other), other["sha256"]):
            yield f"change {own['seq']} is {_told(own)} on the primary, and {_told(other)} on the secondary"
            return


def _told(entry: Entry) -> str:
    item = Item(entry["collection"], entry["owner"], entry["id"])
    return f"{item} {entry['what']} (change {entry['seq']})"


def _travelled(story: Story) -> Iterator[str]:
    """SYNC-3: the secondary's copy grew when no change may travel."""
    head = 0
    for record in story.of("sync"):
        if record.fields["server"] != "secondary":
            continue
        before, head = head, record.fields["head"]
        expected = story.expected(record.monotonic_ms) if 0 < before < head else ()
        if expected and not any(one.sync_runs for one in expected):
            at_ms = record.monotonic_ms
            yield f"{head - before} changes reached the secondary by {at_ms:.0f} ms, while none may travel"


class _Stand(NamedTuple):
    """What a portal told of its data: since when, the last change of the primary's that it has, and of all its data."""

    at_ms: float
    head: int
    digest: str


def _behind(story: Story) -> Iterator[str]:
    """SYNC-1, SYNC-7: in normal running the secondary has what the primary has had for as long as all may take.

    However well it catches up later (reading "within"); and what stands for so long is the same data on both.
    """
    stands: dict[str, list[_Stand]] = {site: [] for site in SITES}
    for one in story.of("sync"):
        fields = one.fields
        stands[fields["server"]].append(_Stand(one.monotonic_ms, fields["head"], fields["digest"]))
    leading, copy = stands["primary"], stands["secondary"]
    moments, watched = [one.at_ms for one in leading], Spans(story.watched)
    for piece in story.pieces:
        if not piece.in_step or piece.settled is None:
            continue
        first = max(bisect.bisect_right(moments, piece.begin_ms) - 1, 0)
        for place in range(first, bisect.bisect_left(moments, piece.end_ms)):
            since_ms = max(leading[place].at_ms, piece.begin_ms)
            due_ms = since_ms + piece.within_ms
            if due_ms >= piece.end_ms or not watched.holds(since_ms, due_ms):
                continue
            until_ms = leading[place + 1].at_ms if place + 1 < len(leading) else math.inf
            wrong = _compared(leading[place], copy, due_ms, stands=until_ms > due_ms)
            if wrong:
                yield f"in normal running since {piece.begin_ms:.0f} ms: {wrong}"
                break  # what follows in this time follows from that


def _compared(own: _Stand, copy: Sequence[_Stand], due_ms: float, *, stands: bool) -> str:
    """What is wrong with the secondary at a moment; `stands`: the primary has had nothing new meanwhile."""
    place = bisect.bisect_right(copy, due_ms, key=lambda one: one.at_ms) - 1
    if place < 0:
        return ""
    other, when = copy[place], f"the primary was at change {own.head} at {own.at_ms:.0f} ms, and"
    if other.head < own.head:
        return f"{when} the secondary still at {other.head} at {due_ms:.0f} ms"
    if stands and other.head > own.head:
        return f"{when} the secondary at {other.head} at {due_ms:.0f} ms"
    if stands and other.digest != own.digest:
        return f"{when} the secondary as well at {due_ms:.0f} ms, and their digests differ"
    return ""


def _out_of_order(story: Story, leading: Sequence[Entry]) -> Iterator[str]:
    """SYNC-1: a change that was acknowledged before another was asked for stands before it in the log."""
    places: dict[Deed, list[int]] = {}
    for entry in leading:
        places.setdefault(deed_of(entry), []).append(entry["seq"])
    known = [
        (one, places[one.deed][0])
        for one in story.changes
        if one.end == "ok" and one.site == "primary" and len(places.get(one.deed, ())) == 1
    ]
    moments = sorted(
        [(one.begin_ms, 1, seq, one) for one, seq in known] + [(one.end_ms, 0, seq, one) for one, seq in known],
        key=lambda each: each[:3],
    )
    furthest, earlier = 0, None
    for _at_ms, begins, seq, one in moments:
        if begins and seq < furthest:
            yield f"{one} stands before {earlier}, which had been acknowledged before it was asked for"
        if not begins and seq > furthest:
            furthest, earlier = seq, one
