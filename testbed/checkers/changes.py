"""What users changed, and what the servers told them: operations put together from a history. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.checkers.facts import Facts
    from testbed.history import Record

SHARED = frozenset({"directory"})
"""The collections that belong to all users: a log names no owner of theirs, whoever made the change."""

Deed = tuple[str, str, str, str]
"""What happened to an item: its collection, its owner, its id; and added, changed or deleted."""


class Item(NamedTuple):
    """An item of a user, or of all, as both client and log name it."""

    collection: str
    owner: str
    id: str

    def __str__(self) -> str:
        owner = f"{self.owner}'s " if self.owner else ""
        return f"{owner}{self.collection}/{self.id}"


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A change, and what became of it.

    Attributes:
        op: its number in the history.
        site: the half of the pair whose portal was asked.
        item: what it is about; its id is empty for an addition of which nobody knows.
        what: added, changed or deleted.
        fields: what should stand there afterwards; `None`: nothing.
        end: ok, fail or info; info as well where the history has no end.
        begin_ms: when it was asked for.
        end_ms: when it was answered; never, if it was not.
    """

    op: int
    site: str
    item: Item
    what: str
    fields: Mapping[str, Any] | None
    end: str
    begin_ms: float
    end_ms: float

    @property
    def deed(self) -> Deed:
        """What would be in a log."""
        return (*self.item, self.what)

    def __str__(self) -> str:
        return f"{self.item} {self.what} on the {self.site} (operation {self.op}, at {self.end_ms:.0f} ms)"


def changes_of(facts: Facts, by_kind: Mapping[str, Sequence[Record]]) -> list[Change]:
    """All changes that users asked for, in order; from the records of each kind."""
    ends = {record.fields["op"]: record for kind in ("ok", "fail", "info") for record in by_kind.get(kind, ())}
    sites = {server: site for site, server in facts.portal_servers.items()}
    found = []
    for record in by_kind.get("invoke", ()):
        asked = record.fields
        if asked["name"] not in ("change", "delete") or asked.get("user") is None:
            continue
        end = ends.get(asked["op"])
        known = asked["item"] or ((end.fields.get("item") or {}).get("id") if end is not None else None)
        what = "deleted" if asked["name"] == "delete" else "added" if asked["item"] is None else "changed"
        found.append(
            Change(
                op=asked["op"],
                site=sites.get(asked["server"], str(asked["server"])),
                item=Item(asked["collection"], _owner(asked), str(known or "")),
                what=what,
                fields=asked.get("fields"),
                end=end.kind if end is not None else "info",
                begin_ms=record.monotonic_ms,
                end_ms=end.monotonic_ms if end is not None else math.inf,
            )
        )
    return found


def _owner(asked: Mapping[str, Any]) -> str:
    """Whose item it is, as a log has it: what an administrator enters for all is not the administrator's."""
    return "" if asked["collection"] in SHARED else str(asked["user"])
