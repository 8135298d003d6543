"""Each service has one OpenAPI document, which says of every endpoint what it answers."""

from __future__ import annotations

import ast
import os
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from flask import Response

import stubs
from stubs import openapi
from stubs.contract import Guard, documented, endpoints, replies
from stubs.serving import Code, Refusal, answer, make_app, read_body
from stubs.watched import pages
from stubs.witness import Witness
from tests.contracts.keeping import config, kept, log_in_as, log_in_with
from tests.contracts.keeping import operations as all_operations
from tests.unit.stubs.portals import Bench, ask
from tests.unit.stubs.test_core_and_view_api import ADMINISTRATOR, CoreBench, clients
from tests.unit.stubs.watched import WatchedClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from flask.testing import FlaskClient
    from schemathesis import BaseSchema

UNPROMISED = {"internal", "bad_request"}
"""Codes of a failure of ours and of a request that nobody can send through HTTP as it is served here."""


@pytest.fixture
def core(tmp_path: Path) -> CoreBench:
    """The primary's core."""
    return CoreBench(tmp_path)


@pytest.fixture
def apps(bench: Bench, core: CoreBench) -> dict[str, Flask]:
    """Portal, core and platform view; what a port saw of its clients is told by the last, as by all of them."""
    view = clients(core)[1].application
    view.register_blueprint(pages(Witness(), core.installed.administrator))
    return {"portal": bench.app, "core": core.app, "view": view}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def test_every_endpoint_is_documented(apps: dict[str, Flask]) -> None:
    """Whoever adds one says what it promises, with `stubs.contract.documented`."""
    silent = [f"{name}: {e.method} {e.path}" for name, app in apps.items() for e in endpoints(app) if not e.contract]
    assert silent == []


def test_a_document_lists_the_endpoints_that_there_are(apps: dict[str, Flask]) -> None:
    """None is missing, none is invented, and all have names of their own."""
    for app in apps.values():
        document = ask(app.test_client(), "GET", openapi.PATH).get_json()
        listed = [(method, path, operation["operationId"]) for method, path, operation in operations(document)]
        router = app.url_map.bind("unit.test")
        routed = [
            (method, path, router.match(path.replace("{", "").replace("}", ""), method)[0])
            for method, path, _ in listed
        ]
        assert routed == listed
        known = {(rule.endpoint, method) for rule in app.url_map.iter_rules() for method in rule.methods or ()}
        assert {(name, method) for method, _, name in listed} == {
            one for one in known if one[1] not in {"HEAD", "OPTIONS"}
        }
        assert len({name for *_, name in listed}) == len(listed)


def test_a_document_is_openapi_3_1(apps: dict[str, Flask]) -> None:
    """As schemathesis reads the standard; its schemas are JSON Schema 2020-12, its patterns those of ECMA-262."""
    for app in apps.values():
        document = ask(app.test_client(), "GET", openapi.PATH).get_json()
        schemathesis.openapi.from_dict(document).validate()
        assert document["openapi"].startswith("3.1.")
        for schema in document["components"]["schemas"].values():
            jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        assert r"\Z" not in repr(document)


def test_every_object_in_a_document_is_closed(apps: dict[str, Flask]) -> None:
    """So a field that nobody documented is a breach."""
    for app in apps.values():
        for name, schema in openapi.document(app, title="", about="")["components"]["schemas"].items():
            assert schema.get("type") != "object" or schema["additionalProperties"] is False, name


def test_every_code_of_a_refusal_is_documented(apps: dict[str, Flask]) -> None:
    """Wherever in the stubs it is raised; and nothing is documented that is no code."""
    known = [(endpoint, endpoint.contract) for app in apps.values() for endpoint in endpoints(app)]
    said = {
        (status, code)
        for endpoint, contract in known
        if contract is not None
        for status, reply in replies(endpoint, contract).items()
        for code in reply.codes
    }
    raised = set(refusals())
    assert len(raised) > 10
    assert raised <= said
    assert {code for _, code in said} | UNPROMISED | {"method_not_allowed"} == set(get_args(Code))


def refusals() -> Iterator[tuple[int, str]]:
    """Status and code of every `Refusal(…)` in the source of the stubs."""
    for path in Path(stubs.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal":
                status, code = (ast.literal_eval(argument) for argument in node.args[:2])
                yield status, code


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    """The body and the answer of the endpoints below."""

    name: str


def small_app(name: str = __name__) -> Flask:
    """One endpoint to which every rule applies, and whose answer the test chooses."""
    app = make_app(name)
    app.test_client_class = WatchedClient
    guard = Guard(name="key", scheme={"type": "http", "scheme": "basic"}, answers={401: "not_logged_in"})

    @app.put("/things/<item>")
    @documented("A thing.", guards=(guard,), body=Thing, answers={200: Thing, 401: "invalid_credentials"})
    def change(item: str) -> Response:
        if item == "refused":
            raise Refusal(409, "conflict", "undocumented")
        if item == "other code":
            raise Refusal(401, "stale", "undocumented")
        if item == "page":
            return Response("a page")
        if item == "field":
            return answer({"name": "x", "extra": 1})
        if item == "cached":
            return answer({"name": "x"}, Cache_Control="public")
        return answer(read_body(Thing))

    return app


def test_what_follows_by_rule_is_documented_by_rule() -> None:
    """A body, a guard and a path that varies bring their refusals with them; one status collects its codes."""
    document = openapi.document(small_app(), title="t", about="a")
    ((_, path, operation),) = operations(document)
    assert path == "/things/{item}"
    assert set(operation["responses"]) == {"200", "400", "401", "404", "408", "411", "413", "415", "422"}
    assert operation["responses"]["401"]["$ref"].endswith("401-invalid_credentials-not_logged_in")
    assert operation["security"] == [{"key": []}]
    assert operation["parameters"] == [{"name": "item", "in": "path", "required": True, "schema": {"type": "string"}}]
    assert operation["requestBody"]["required"]


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ("fine", None),
        ("refused", "409 is not documented"),
        ("other code", "body"),
        ("page", "text/html instead of application/json"),
        ("field", "body"),
        ("cached", "Cache-Control"),
    ],
)
def test_an_answer_that_is_not_as_documented_fails_its_test(item: str, found: str | None) -> None:
    """An unknown status or code, another content type, a field too many, a header of another value."""
    client = small_app().test_client()
    if found is None:
        assert client.put(f"/things/{item}", json={"name": "x"}).get_json() == {"name": "x"}
    else:
        with pytest.raises(AssertionError, match=found):
            client.put(f"/things/{item}", json={"name": "x"})


def test_elsewhere_is_answered_as_the_components_say(apps: dict[str, Flask]) -> None:
    """404 and 405 stand once, for all paths."""
    for app in apps.values():
        client = app.test_client()
        assert ask(client, "GET", "/nosuch").status_code == HTTPStatus.NOT_FOUND
        for rule in app.url_map.iter_rules():
            assert ask(client, "PATCH", str(rule.rule)).status_code == HTTPStatus.METHOD_NOT_ALLOWED


LOG_INS = {"POST /api/v1/session", "POST /api/v1/admin/session"}
"""No password is ever guessed."""

WITHOUT = ["ignored_auth"]
"""A check that sends requests of its own, in a way that an application in this process does not take."""


def cookies(*clients: FlaskClient) -> dict[str, str]:
    """All cookies of some clients, by name."""
    jars = [client._cookies or {} for client in clients]  # noqa: SLF001 - there is no other way to list them
    return {cookie.key: cookie.value for jar in jars for cookie in jar.values()}


def load(app: Flask) -> BaseSchema:
    """What an application promises, and the application."""
    settings = config(seed=0, phases=["coverage"], excluded_checks=WITHOUT)
    schema = schemathesis.openapi.from_dict(openapi.document(app, title="", about=""), config=settings)
    schema.app = app
    return schema


def test_the_portal_keeps_its_contract(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """At and beyond the borders of every value that is documented, for every endpoint."""
    monkeypatch.setattr(os, "kill", lambda *_: None)
    schema = load(bench.app)
    log_in_with(schema, cookies(bench.user(), bench.administrator()))
    seen = kept(schema)
    assert seen.breaches == []
    assert set(seen.statuses) == all_operations(schema.raw_schema)
    assert {label for label in seen.never_done() if "{" not in label} == LOG_INS


@pytest.mark.parametrize("name", ["core", "view"])
def test_core_and_platform_view_keep_their_contracts(name: str, apps: dict[str, Flask]) -> None:
    """As above."""
    schema = load(apps[name])
    log_in_as(schema, *ADMINISTRATOR)
    seen = kept(schema)
    assert seen.breaches == []
    assert set(seen.statuses) == all_operations(schema.raw_schema)
