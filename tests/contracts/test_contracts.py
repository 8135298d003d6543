"""Portal, core and platform view answer as their OpenAPI documents say: in containers, to whoever asks."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any

import schemathesis

from stubs import openapi, ports
from tests.contracts.keeping import asked, config, kept, log_in_as, log_in_with, tried

if TYPE_CHECKING:
    from schemathesis import BaseSchema

    from testbed.bed import Bed
    from testbed.servers import Server

NOT_AT_RANDOM = {
    "POST /api/v1/admin/failover-now": "the primary would cease to serve in the middle of the run",
    "POST /api/v1/admin/restart": "the portal would go away in the middle of the run",
}
"""The operations that only tests of their own carry out, each with its reason."""


def document(server: Server, port: int, **settings: Any) -> BaseSchema:
    """The document of a service, and how to hold it against the service."""
    url = f"https://{server.address}:{port}{openapi.PATH}"
    certificate = str(server.certificate)
    return schemathesis.openapi.from_url(url, config=config(certificate=certificate, **settings), verify=certificate)


def session(bed: Bed, schema: BaseSchema, who: str) -> dict[str, str]:
    """Log a user or the administrator in, as documented; the cookie."""
    if who == "administrator":
        known, path = bed.topology.administrator, "/api/v1/admin/session"
        body = {"user": known.name, "password": known.password, "end_other": True}
    else:
        path = "/api/v1/session"
        body = {"user": who, "password": next(user.password for user in bed.topology.users if user.name == who)}
    answer = asked(schema, "POST", path, body=body)
    assert answer.status_code == 201
    return {name: morsel.value for name, morsel in SimpleCookie(answer.headers["set-cookie"][0]).items()}


def guarded_by(*names: str) -> Any:
    """Whether an operation has exactly these guards."""
    return lambda context: [*names] == [name for one in context.operation.definition.raw["security"] for name in one]


def at_random(schema: BaseSchema) -> BaseSchema:
    """All operations but those that must not be carried out at random."""
    assert set(NOT_AT_RANDOM) <= tried(schema)
    return schema.exclude(name=[*NOT_AT_RANDOM])


def test_the_portal_keeps_its_contract_with_users(bed: Bed, seed: int) -> None:
    """All that is not the administrator's, in every phase; each operation does at least once what it is there for."""
    whole = document(bed.primary, ports.PORTAL_HTTPS, seed=seed)
    schema = whole.exclude(guarded_by("administrator"))
    log_in_with(schema, session(bed, whole, "alice"))
    seen = kept(schema)
    assert seen.breaches == []
    print(seen.without_success(), seen.ever(), sum(sum(c.values()) for c in seen.statuses.values()))


def test_the_portal_keeps_its_contract_with_the_administrator(bed: Bed, seed: int) -> None:
    """Likewise, on the administrator's operations."""
    whole = document(bed.primary, ports.PORTAL_HTTPS, seed=seed)
    schema = at_random(whole).include(guarded_by("administrator"))
    log_in_with(schema, session(bed, whole, "administrator"))
    seen = kept(schema)
    assert seen.breaches == []
    print(seen.without_success(), seen.ever(), sum(sum(c.values()) for c in seen.statuses.values()))


def test_the_core_keeps_its_contract(bed: Bed, seed: int) -> None:
    """What Manager loads can be saved; what is stale or invalid cannot."""
    schema = document(bed.primary, ports.CORE_SERVICES, seed=seed)
    log_in_as(schema, bed.topology.administrator.name, bed.topology.administrator.password)
    seen = kept(schema)
    assert seen.breaches == []
    print(seen.without_success(), seen.ever(), sum(sum(c.values()) for c in seen.statuses.values()))


def test_the_platform_view_keeps_its_contract(bed: Bed, seed: int) -> None:
    """It asks nobody who he is."""
    seen = kept(document(bed.primary, ports.PLATFORM_VIEW, seed=seed))
    assert seen.breaches == []
    print(seen.without_success(), seen.ever(), sum(sum(c.values()) for c in seen.statuses.values()))
