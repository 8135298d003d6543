"""Portal, core and platform view answer as their OpenAPI documents say: in containers, to whoever asks."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis

from stubs import openapi, ports
from tests.contracts.keeping import asked, config, kept, log_in_as, log_in_with, operations, part
from tests.scenarios.observing import eventually_serves

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemathesis import BaseSchema

    from testbed.bed import Bed
    from testbed.servers import Server

    Wanted = Callable[[str, dict[str, Any]], bool]

NOT_AT_RANDOM = {
    "POST /api/v1/admin/failover-now": "the primary would cease to serve in the middle of the run",
    "POST /api/v1/admin/restart": "the portal would go away in the middle of the run",
}
"""The operations that only tests of their own carry out, each with its reason."""


def everything(_name: str, _operation: dict[str, Any]) -> bool:
    """Every operation."""
    return True


def harmless(name: str, _operation: dict[str, Any]) -> bool:
    """All but the restart: on the secondary Failover Now is always refused."""
    return name != "POST /api/v1/admin/restart"


def for_administrators(name: str, operation: dict[str, Any]) -> bool:
    """The operations that ask for the administrator."""
    return bool(operation["security"] == [{"administrator": []}]) and name not in NOT_AT_RANDOM


def for_watchers(_name: str, operation: dict[str, Any]) -> bool:
    """The operations that ask for the administrator's name and password each time."""
    return bool(operation["security"] == [{"administrator_by_password": []}])


def for_users(name: str, operation: dict[str, Any]) -> bool:
    """All others."""
    return not (for_administrators(name, operation) or for_watchers(name, operation) or name in NOT_AT_RANDOM)


def document(server: Server, port: int) -> dict[str, Any]:
    """The document of a service."""
    answer = requests.get(f"https://{server.address}:{port}{openapi.PATH}", verify=str(server.certificate), timeout=10)
    found: dict[str, Any] = answer.json()
    return found


def promised(server: Server, port: int, wanted: Wanted = everything, **settings: Any) -> BaseSchema:
    """What a service promises, and how to hold it to that."""
    base_url = f"https://{server.address}:{port}"
    in_part = wanted is not everything
    how = config(base_url=base_url, certificate=str(server.certificate), in_part=in_part, **settings)
    return schemathesis.openapi.from_dict(part(document(server, port), wanted), config=how)


def log_in(bed: Bed, server: Server, who: str) -> dict[str, str]:
    """Log a user or the administrator in, as documented; the cookie."""
    if who == "administrator":
        known, path = bed.topology.administrator, "/api/v1/admin/session"
        body: dict[str, Any] = {"user": known.name, "password": known.password, "end_other": True}
    else:
        path = "/api/v1/session"
        body = {"user": who, "password": next(user.password for user in bed.topology.users if user.name == who)}
    answer = asked(promised(server, ports.PORTAL_HTTPS, seed=0), "POST", path, body=body)
    assert answer.status_code == 201
    return {name: morsel.value for name, morsel in SimpleCookie(answer.headers["set-cookie"][0]).items()}


def test_every_operation_of_the_portal_is_tried(bed: Bed) -> None:
    """By users, by the administrator, or in tests of their own."""
    whole = document(bed.primary, ports.PORTAL_HTTPS)
    parts = [operations(part(whole, wanted)) for wanted in (for_users, for_administrators, for_watchers)]
    assert set.union(*parts, set(NOT_AT_RANDOM)) == operations(whole)
    assert all(parts)


def test_the_portal_keeps_its_contract_with_users(bed: Bed, seed: int) -> None:
    """In every phase; each operation but the log-ins, whose passwords nobody guesses, does what it is there for."""
    schema = promised(bed.primary, ports.PORTAL_HTTPS, for_users, seed=seed)
    log_in_with(schema, log_in(bed, bed.primary, "alice"))
    seen = kept(schema)
    assert seen.breaches == []
    assert set(seen.statuses) == operations(schema.raw_schema)
    assert without_items(seen.never_done()) == {"POST /api/v1/session", "POST /api/v1/admin/session"}


def test_the_portal_keeps_its_contract_with_the_administrator(bed: Bed, seed: int) -> None:
    """Likewise."""
    schema = promised(bed.primary, ports.PORTAL_HTTPS, for_administrators, seed=seed)
    log_in_with(schema, log_in(bed, bed.primary, "administrator"))
    seen = kept(schema)
    assert seen.breaches == []
    assert set(seen.statuses) == operations(schema.raw_schema)
    assert without_items(seen.never_done()) == set()


LIVES = {
    "contacts": ({"name": "Carol", "number": "200"}, {"name": "Carol", "number": "201"}),
    "settings": ({"key": "ringtone", "value": "1"}, {"key": "ringtone", "value": "2"}),
    "meetings": tuple({"title": "Talk", "starts_at": f"2999-12-3{day}T09:00:00Z"} for day in "01"),
    "admin/directory": ({"name": "Reception", "number": "100"}, {"name": "Reception", "number": "101"}),
}
"""What is added, and what it is changed to."""


def without_items(labels: set[str]) -> set[str]:
    """The operations on no single item: whether one that exists is met at random is left to chance."""
    return {label for label in labels if "{" not in label}


@pytest.mark.parametrize("collection", LIVES)
def test_an_item_lives_as_documented(bed: Bed, collection: str) -> None:
    """Added, listed, changed, deleted, and then unknown."""
    cookies = log_in(bed, bed.primary, "administrator" if collection.startswith("admin") else "alice")
    schema = promised(bed.primary, ports.PORTAL_HTTPS, seed=0)
    all_of_them, one = f"/api/v1/{collection}", f"/api/v1/{collection}/{{item}}"
    first, second = LIVES[collection]
    added = asked(schema, "POST", all_of_them, body=first, cookies=cookies)
    assert added.status_code == 201
    place = {"item": added.json()["id"]}
    assert asked(schema, "GET", all_of_them, cookies=cookies).json()["items"] == [added.json()]
    changed = asked(schema, "PUT", one, place=place, body=second, cookies=cookies)
    assert changed.json().items() >= {"id": place["item"], **second}.items()
    assert asked(schema, "DELETE", one, place=place, cookies=cookies).status_code == 204
    assert asked(schema, "DELETE", one, place=place, cookies=cookies).status_code == 404


def test_a_users_sessions_are_cleared_as_documented(bed: Bed) -> None:
    """And the user is asked to log in again."""
    schema = promised(bed.primary, ports.PORTAL_HTTPS, seed=0)
    alices, cookies = (log_in(bed, bed.primary, who) for who in ("alice", "administrator"))
    path = "/api/v1/admin/sessions/{user}"
    assert asked(schema, "DELETE", path, place={"user": "alice"}, cookies=cookies).json() == {"ended": 1}
    assert asked(schema, "DELETE", path, place={"user": "nobody"}, cookies=cookies).status_code == 404
    assert asked(schema, "GET", "/api/v1/session", cookies=alices).status_code == 401


def test_the_portal_tells_what_it_saw_as_documented(bed: Bed, seed: int) -> None:
    """Likewise."""
    schema = promised(bed.primary, ports.PORTAL_HTTPS, for_watchers, seed=seed)
    log_in_as(schema, bed.topology.administrator.name, bed.topology.administrator.password)
    seen = kept(schema)
    assert seen.breaches == []
    assert set(seen.statuses) == operations(schema.raw_schema)
    assert seen.never_done() == set()


def test_strangers_are_refused_as_documented(bed: Bed, seed: int) -> None:
    """Whoever is not logged in gets nothing of what is guarded, on portal and core and platform view alike."""
    for port in (ports.PORTAL_HTTPS, ports.CORE_SERVICES, ports.PLATFORM_VIEW):
        schema = promised(bed.primary, port, seed=seed, phases=["coverage"])
        seen = kept(schema)
        assert seen.breaches == []
        guarded = operations(part(schema.raw_schema, lambda _name, operation: bool(operation["security"])))
        assert guarded
        assert guarded <= seen.never_done()


def test_the_core_keeps_its_contract(bed: Bed, seed: int) -> None:
    """What Manager loads can be saved; what is stale or invalid cannot."""
    schema = promised(bed.primary, ports.CORE_SERVICES, seed=seed)
    log_in_as(schema, bed.topology.administrator.name, bed.topology.administrator.password)
    seen = kept(schema)
    assert seen.breaches == []
    assert set(seen.statuses) == operations(schema.raw_schema)
    assert seen.never_done() == set()
    assert {412, 422, 428} <= seen.statuses["PUT /api/v1/configuration"].keys()


def test_the_platform_view_keeps_its_contract(bed: Bed, seed: int) -> None:
    """Likewise."""
    schema = promised(bed.primary, ports.PLATFORM_VIEW, seed=seed)
    log_in_as(schema, bed.topology.administrator.name, bed.topology.administrator.password)
    seen = kept(schema)
    assert seen.breaches == []
    assert set(seen.statuses) == operations(schema.raw_schema)
    assert seen.never_done() == set()


def test_a_passive_portal_keeps_its_contract(bed: Bed, seed: int) -> None:
    """The secondary's sends users to the primary, and has settings of its own; Failover Now is not for it."""
    schema = promised(
        bed.secondary,
        ports.PORTAL_HTTPS,
        lambda name, _: name != "POST /api/v1/admin/restart",
        seed=seed,
        phases=["coverage"],
    )
    log_in_with(schema, log_in(bed, bed.secondary, "administrator"))
    seen = kept(schema)
    assert seen.breaches == []
    assert seen.statuses["GET /api/v1/contacts"].keys() == {307}
    assert 307 in seen.statuses["POST /api/v1/admin/directory"]
    assert seen.statuses["GET /onexportal.html"].keys() == {302}
    assert seen.statuses["POST /api/v1/admin/failover-now"].keys() == {401, 409}


def test_failover_now_and_restart_are_as_documented_and_so_is_the_portal_in_between(bed: Bed, seed: int) -> None:
    """Failover Now: 202, and the primary's portal refuses users (503); restart: 202, and it serves again."""
    cookies = log_in(bed, bed.primary, "administrator")
    # This check would ask a second time, without a cookie, a portal that restarts.
    whole = promised(bed.primary, ports.PORTAL_HTTPS, seed=seed, excluded_checks=["ignored_auth"])
    assert asked(whole, "POST", "/api/v1/admin/failover-now", cookies=cookies).status_code == 202
    eventually_serves(bed.secondary, bed)
    waiting = promised(bed.primary, ports.PORTAL_HTTPS, for_users, seed=seed, phases=["coverage"], expected_5xx=[503])
    seen = kept(waiting)
    assert seen.breaches == []
    assert seen.statuses["GET /api/v1/contacts"].keys() == {503}
    assert asked(whole, "POST", "/api/v1/admin/restart", cookies=cookies).status_code == 202
    eventually_serves(bed.primary, bed)


def test_sessions_end_as_documented(bed: Bed) -> None:
    """Of users and of the administrator, by log-out and by another log-in."""
    schema = promised(bed.primary, ports.PORTAL_HTTPS, seed=0)
    for who, path in (("alice", "/api/v1/session"), ("administrator", "/api/v1/admin/session")):
        cookies = log_in(bed, bed.primary, who)
        assert asked(schema, "GET", path, cookies=cookies).status_code == 200
        assert asked(schema, "DELETE", path, cookies=cookies).status_code == 204
        assert asked(schema, "GET", path, cookies=cookies).status_code == 401
    first = log_in(bed, bed.primary, "administrator")
    known = bed.topology.administrator
    body = {"user": known.name, "password": known.password}
    assert asked(schema, "POST", "/api/v1/admin/session", body=body).status_code == 409
    log_in(bed, bed.primary, "administrator")
    assert asked(schema, "GET", "/api/v1/admin/session", cookies=first).status_code == 401
