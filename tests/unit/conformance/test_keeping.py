"""A change that failback took back is known by what is there, whatever its id is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testbed.conformance.acts import Taken
from testbed.conformance.keeping import is_there, taken
from tests.unit.conformance.seen import at

if TYPE_CHECKING:
    from testbed.conformance.keeping import Items


def items(*several: dict[str, Any], collection: str = "settings") -> dict[str, Items]:
    """Items of alice's."""
    return {"alice": {(collection, "alice", str(item["id"])): item for item in several}}


def change(what: str, collection: str = "settings") -> Taken:
    """Of the item with the id s1."""
    return Taken(collection=collection, owner="alice", item="s1", what=what)


def test_taken_counts_what_this_client_s_users_did_since_then() -> None:
    """Neither what another client's user did beside it, nor what all share, nor what is older."""

    def discarded(owner: str, item: str, ms: int) -> dict[str, Any]:
        return {"collection": "settings", "owner": owner, "id": item, "what": "added", "made_at": at(ms)}

    rows = [discarded("alice", "1", 900), discarded("alice", "2", 1000), discarded("bob", "3", 1100)]
    rows += [discarded("", "4", 1200), discarded("carol", "5", 1300)]
    found = taken(rows, since=at(1000), owners=["alice", "carol"])
    assert [(one.owner, one.item) for one in found] == [("alice", "2"), ("carol", "5")]


MADE = {"id": "s1", "key": "ring", "value": "on"}


@pytest.mark.parametrize(
    ("one", "before", "now", "there"),
    [
        (change("added"), items(MADE), items({**MADE, "id": "p9"}), True),
        (change("added"), items(MADE), items({**MADE, "id": "p9", "value": "off"}), False),
        (change("added"), items(MADE), items(), False),
        (change("changed"), items(MADE), items(MADE), True),
        (change("changed"), items(MADE), items({**MADE, "value": "off"}), False),
        (change("deleted"), items(), items(), True),
        (change("deleted"), items(), items(MADE), False),
        (change("added"), items(), items(MADE), None),
        (change("added"), {}, items(MADE), None),
        (change("added"), items(MADE), {}, None),
        (change("added", "contacts"), items(MADE, collection="contacts"), items(MADE), False),
    ],
)
def test_is_there_goes_by_what_was_written(
    one: Taken, before: dict[str, Items], now: dict[str, Items], *, there: bool | None
) -> None:
    """And says nothing where one of the two was not read."""
    assert is_there(one, before, now) is there
