"""A change that failback took back is known by what is there, whatever its id is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testbed.conformance.acts import Taken
from testbed.conformance.keeping import is_there

if TYPE_CHECKING:
    from testbed.conformance.keeping import Items


def items(*several: dict[str, Any], collection: str = "settings") -> dict[str, Items]:
    """Items of alice's."""
    return {"alice": {(collection, "alice", str(item["id"])): item for item in several}}


def change(what: str, collection: str = "settings") -> Taken:
    """Of the item with the id s1."""
    return Taken(collection=collection, owner="alice", item="s1", what=what)


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
