"""What a portal keeps of its users' items, read as they would read it: so that what failback took can be told again.

A server's record has neither bodies nor names of items, so a change that was made again is known by what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from stubs import ports
from testbed.conformance import acts
from testbed.conformance.acts import COLLECTIONS, Taken
from testbed.errors import BedError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from testbed.inspector import Inspector

MOST_USERS = 20
"""How many users' items are read; changes of further ones stay unknown."""

_OK, _LOGGED_IN = 200, 201

Items: TypeAlias = "Mapping[tuple[str, str, str], Mapping[str, Any]]"
"""What is kept, by collection, owner and id."""

_WRITTEN = frozenset({"key", "value", "name", "number", "title", "starts_at"})
"""Fields of an item that its user writes; the server gives it the others."""


def read(inspector: Inspector, passwords: Mapping[str, str], owners: Iterable[str]) -> dict[str, Items]:
    """The items of these users at a portal, by user; one that cannot be read is left out."""
    found: dict[str, Items] = {}
    for owner in list(owners)[:MOST_USERS]:
        log_in = {"user": owner, "password": passwords.get(owner, "")}
        try:
            if inspector.call("POST", ports.PORTAL_HTTPS, "/api/v1/session", json=log_in).status_code != _LOGGED_IN:
                return {}  # this portal does not serve, and sends its callers away
            answers = {one: inspector.call("GET", ports.PORTAL_HTTPS, f"/api/v1/{one}") for one in sorted(COLLECTIONS)}
            inspector.call("DELETE", ports.PORTAL_HTTPS, "/api/v1/session")
        except BedError:
            continue
        if all(answer.status_code == _OK for answer in answers.values()):
            found[owner] = {(one, owner, item["id"]): item for one in answers for item in answers[one].json()["items"]}
    return found


def taken(rows: Iterable[Mapping[str, Any]], *, since: str, owners: Collection[str]) -> tuple[Taken, ...]:
    """The changes of these users that failback took back. What others did meanwhile is none of a client's losses.

    Args:
        rows: as the secondary's portal lists them.
        since: changes of before do not count; ISO 8601.
        owners: the users.
    """
    return tuple(
        Taken(collection=one["collection"], owner=one["owner"], item=one["id"], what=one["what"])
        for one in rows
        if acts.ms_since(one["made_at"], since) >= 0 and one["owner"] in owners
    )


def is_there(one: Taken, before: Mapping[str, Items], now: Mapping[str, Items]) -> bool | None:
    """Whether a change that was taken back is there (again); `None` if nobody can tell.

    Args:
        one: the change.
        before: what the secondary kept just before failback.
        now: what the primary keeps.
    """
    kept, place = now.get(one.owner), (one.collection, one.owner, one.item)
    if kept is None:
        return None
    if one.what == "deleted":
        return place not in kept
    made = before.get(one.owner, {}).get(place)
    if made is None:
        return None
    return any(
        _written(item) == _written(made) for (collection, _, _), item in kept.items() if collection == one.collection
    )


def _written(item: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in item.items() if field in _WRITTEN}
