"""Scheduled meetings: held once, where and when they should be, and nowhere else. Pure; reads stories only.

What became of a meeting is seen where somebody reads it; on the secondary moreover in what failback took back, with
what that had noted. On the primary each outcome is a change in its log (MEET-1), so that one too many is seen there
even if nobody read the meeting in between.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from testbed.checkers.changes import Item
from testbed.checkers.facts import SITES
from testbed.checkers.moments import Calendar, Spans
from testbed.checkers.verdict import Found
from testbed.oracle import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.checkers.changes import Change
    from testbed.checkers.story import Story

COLLECTION = "meetings"

LATE_MS = 1000
"""How much later than its time a meeting may begin on a busy machine, beside two heartbeats."""


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """How a meeting looked to somebody.

    Attributes:
        site: where it was seen.
        at_ms: when.
        fields: the meeting.
    """

    site: str
    at_ms: float
    fields: Mapping[str, Any]


def sightings_of(story: Story) -> dict[Item, list[Sighting]]:
    """Every look at every meeting, in order: of clients, and at the end."""
    sites = {server: site for site, server in story.facts.portal_servers.items()}
    asked = {one.fields["op"]: one.fields for one in story.of("invoke") if one.fields.get("collection") == COLLECTION}
    looks: list[tuple[float, str, str, Mapping[str, Any]]] = []
    for record in story.of("ok"):
        read = asked.get(record.fields["op"])
        if read is not None:
            found = [*(record.fields.get("items") or ()), record.fields.get("item")]
            site = sites.get(read["server"], "")
            looks += [(record.monotonic_ms, site, str(read.get("user")), each) for each in found if each]
    for record in story.of("contents"):
        told = record.fields
        if told["collection"] == COLLECTION:
            looks += [(record.monotonic_ms, told["server"], told["user"], each) for each in told["items"]]
    seen: dict[Item, list[Sighting]] = defaultdict(list)
    for at_ms, site, user, fields in sorted(looks, key=lambda look: look[0]):
        seen[Item(COLLECTION, user, str(fields["id"]))].append(Sighting(site, at_ms, fields))
    return seen


def taken_back(story: Story) -> dict[Item, list[Mapping[str, Any]]]:
    """What failback took back of meetings, entry by entry; each once, however often it was read."""
    found: dict[Item, dict[tuple[Any, ...], Mapping[str, Any]]] = defaultdict(dict)
    for record in story.of("discarded"):
        for entry in record.fields["changes"]:
            if entry["collection"] == COLLECTION:
                item = Item(COLLECTION, entry["owner"], entry["id"])
                found[item][entry["made_at"], entry["seq"], entry["what"]] = entry
    return {item: list(entries.values()) for item, entries in found.items()}


def meetings(story: Story) -> Found:
    """MEET-1 to MEET-4."""
    seen, lost = sightings_of(story), taken_back(story)
    judge = _Judge(story)
    wrong: list[str] = []
    unseen: list[str] = []
    due = 0
    for item, looks in seen.items():
        marks = [entry["mark"] for entry in lost.get(item, ()) if entry.get("mark")]
        wrong += [f"{item}: {one}" for one in judge.held(looks, marks)]
        last = looks[-1]
        if judge.is_due(item, last):
            due += 1
            wrong += [f"{item}: {one}" for one in judge.outcome(last)]
            if item not in lost and not judge.is_known(item, last):
                unseen.append(f"nobody saw what became of {item}")
    plans = _plans(story)
    wrong += [
        f"{item}: {one}" for item, entries in lost.items() for one in judge.lost(plans["secondary"][item], entries)
    ]
    wrong += judge.again(plans["primary"])
    judged = story.judged(f"{due} meetings whose time came") if due else []
    return Found(wrong=wrong, missing=[*story.roles_missed, *unseen], judged=judged)


def _plans(story: Story) -> Mapping[str, Mapping[Item, list[Change]]]:
    """What users wanted of each meeting on each server, in order; what was refused is left out."""
    found: dict[str, dict[Item, list[Change]]] = {site: defaultdict(list) for site in SITES}
    for one in story.changes:
        if one.item.collection == COLLECTION and one.item.id and one.end != "fail" and one.site in found:
            found[one.site][one.item].append(one)
    return found


class _Judge:
    def __init__(self, story: Story) -> None:
        self._story = story
        self._calendar = Calendar(story.records[0])
        self._possible = {site: Spans(story.possibly_served(site)) for site in SITES}
        self._sure = {site: Spans(story.surely_served(site)) for site in SITES}
        self._late_ms = LATE_MS + 2 * story.facts.heartbeat_ms
        self._deleted = {one.item for one in story.changes if one.what == "deleted" and one.end != "fail"}
        self._read = {
            (one.fields["server"], one.fields["user"]): one.monotonic_ms
            for one in story.of("contents")
            if one.fields["collection"] == COLLECTION
        }

    def due_ms(self, look: Sighting) -> float:
        """When a meeting is to take place."""
        return self._calendar.ms(look.fields["starts_at"])

    def held(self, looks: list[Sighting], marks: list[Mapping[str, Any]]) -> Iterator[str]:
        """Held once, on the server where it was scheduled, at its time, while that served."""
        told = [look.fields for look in looks] + marks
        times = {(one["starts_at"], one["held_on"], one["held_at"]) for one in told if one.get("state") == "held"}
        for starts_at in {each[0] for each in times}:
            places = sorted({each[1:] for each in times if each[0] == starts_at})
            if len(places) > 1:
                yield "held twice: " + ", ".join(f"on the {on} at {at}" for on, at in places)
        homes = {look.fields["starts_at"]: look.fields["scheduled_on"] for look in looks}
        for starts_at, on, at in sorted(times):
            yield from self._held(homes.get(starts_at, on), starts_at, on, at)

    def _held(self, home: str, starts_at: str, on: str, at: str) -> Iterator[str]:
        due_ms, held_ms = self._calendar.ms(starts_at), self._calendar.ms(at)
        if on != home:
            yield f"scheduled on the {home}, held on the {on}"
        if held_ms - due_ms > self._late_ms:
            yield f"held {held_ms - due_ms:.0f} ms late on the {on}"
        around = due_ms - self._late_ms, held_ms + self._late_ms
        if not self._story.roles_missed and not self._possible[on].meets(*around):
            yield f"held on the {on} while that did not serve"

    def lost(self, plan: list[Change], entries: list[Mapping[str, Any]]) -> Iterator[str]:
        """MEET-3: what was scheduled on S takes place there if its time comes while S serves; its mark says so."""
        times = {str(one.fields["starts_at"]) for one in plan if one.fields}
        what = {entry["what"] for entry in entries}
        if len(times) != 1 or "added" not in what or "deleted" in what:
            return  # set for another time meanwhile, or on P, or gone: the mark does not tell of the first
        due_ms, mark = self._calendar.ms(times.pop()), entries[-1].get("mark") or {"state": "scheduled"}
        serves = {one.secondary is Role.AVAILABLE for one in self._story.expected(due_ms)}
        stayed = self._sure["secondary"].holds(min(plan[0].end_ms, due_ms - self._late_ms), due_ms + self._late_ms)
        if serves == {True} and mark["state"] != "held" and stayed:
            yield f"due while the secondary served, and not held there but {mark['state']}"

    def again(self, plans: Mapping[Item, list[Change]]) -> Iterator[str]:
        """MEET-1, MEET-2: P settles a meeting once for each time that it was scheduled for, and its log tells each.

        What users changed, or may have, explains an entry; so does each time that came before the log was read.
        """
        stock = self._story.stock
        there = stock.deeds("primary", "primary")
        for item, plan in plans.items():
            entries = there[*item, "changed"]
            wanted = sum(one.what == "changed" for one in plan)
            times = [str(one.fields["starts_at"]) for one in plan if one.fields]
            anew = [at for at, before in zip(times, ["", *times], strict=False) if at != before]
            came = sum(self._calendar.ms(at) <= stock.read_ms + self._late_ms for at in anew)
            if plan[0].what == "added" and entries > wanted + came:
                yield (
                    f"{item}: settled {entries - wanted} times on the primary, where its time came {came} times: "
                    f"the log has {entries} changes of it, of which users made {wanted} at the most"
                )

    def is_known(self, item: Item, last: Sighting) -> bool:
        """Whether somebody saw what became of a meeting, or it was deleted, or its owner's were read without it."""
        home = last.fields["scheduled_on"]
        looked_ms = last.at_ms if last.site == home else -math.inf
        return item in self._deleted or max(looked_ms, self._read.get((home, item.owner), -math.inf)) >= self._by(last)

    def is_due(self, item: Item, last: Sighting) -> bool:
        """Whether its time came, and not just when its owner's meetings were read at the end."""
        read_ms = self._read.get((last.fields["scheduled_on"], item.owner), math.inf)
        return self.due_ms(last) < self._story.end_ms and (self._by(last) <= read_ms or self.is_known(item, last))

    def _by(self, look: Sighting) -> float:
        return self.due_ms(look) + self._late_ms

    def outcome(self, look: Sighting) -> Iterator[str]:
        """Its time came while all was settled: then there is only one thing that can have become of it."""
        due_ms, state, home = self.due_ms(look), look.fields["state"], look.fields["scheduled_on"]
        if look.site != home or look.at_ms < due_ms + self._late_ms:
            return
        expected = self._story.expected(due_ms)
        serves = {getattr(one, home) is Role.AVAILABLE for one in expected}
        until_ms = due_ms + self._late_ms
        if serves == {True} and state != "held" and self._sure[home].holds(due_ms - self._late_ms, until_ms):
            yield f"due while the {home} served, and not held there but {state}"
        if serves == {False} and self._possible[home].meets(look.at_ms, look.at_ms) and state != "missed":
            yield f"due while the {home} did not serve, and not missed but {state}"
