"""A test client that holds every answer against the document of its application: each unit test is one of the contract.

What schemathesis cannot bring about (a full disk, a portal that does not serve) is brought about by other tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema_rs
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from stubs import openapi

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse

_ELSEWHERE = {404: "404-not_found", 405: "405-method_not_allowed-Allow"}


class WatchedClient(FlaskClient):
    """Fails a test whose answer is not as documented."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request, and check its answer."""
        answer = super().open(*args, **kwargs)
        found = _breaches(self.application, answer)
        if found:
            raise AssertionError("; ".join(found))
        return answer


def _breaches(app: Flask, answer: TestResponse) -> list[str]:
    """What the document of an application does not promise of an answer."""
    asked = answer.request
    if asked.method in {"HEAD", "OPTIONS"}:
        return []
    document = _document(app)
    promised = _promised(app, document, answer)
    if promised is None:
        return [f"{asked.method} {asked.path}: {answer.status_code} is not documented: {answer.text[:200]}"]
    found = []
    for name, header in promised["headers"].items():
        header = _resolved(document, header)  # noqa: PLW2901 - the same header, looked up
        if name not in answer.headers:
            found.append(f"the header {name} is missing")
        else:
            found += _invalid(document, header["schema"], answer.headers[name], name)
    return found + _wrong_body(document, promised, answer)


def _wrong_body(document: dict[str, Any], promised: dict[str, Any], answer: TestResponse) -> list[str]:
    content = promised.get("content")
    if content is None:
        return [f"a body where none is documented: {answer.text[:200]}"] if answer.data else []
    if answer.mimetype not in content:
        return [f"{answer.mimetype} instead of {', '.join(content)}"]
    body = answer.get_json() if answer.mimetype == "application/json" else answer.text
    return _invalid(document, content[answer.mimetype]["schema"], body, "body")


def _promised(app: Flask, document: dict[str, Any], answer: TestResponse) -> dict[str, Any] | None:
    try:
        endpoint, _ = app.url_map.bind_to_environ(answer.request.environ).match()
    except HTTPException as error:
        shared: dict[str, Any] = document["components"]["responses"]
        return shared[_ELSEWHERE[answer.status_code]] if error.code == answer.status_code else None
    operation = next(
        operation
        for path in document["paths"].values()
        for method, operation in path.items()
        if (operation["operationId"], method.upper()) == (endpoint, answer.request.method)
    )
    found = operation["responses"].get(str(answer.status_code))
    return None if found is None else _resolved(document, found)


def _resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        found: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def _invalid(document: dict[str, Any], schema: dict[str, Any], value: object, what: str) -> list[str]:
    whole = {"components": document["components"], **schema}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [f"{what}: {error.message} at {error.instance_path}" for error in validator.iter_errors(value)]


_documents: dict[str, dict[str, Any]] = {}


def _document(app: Flask) -> dict[str, Any]:
    """Made once for each kind of application, as there is one application in nearly every test."""
    if app.import_name not in _documents:
        _documents[app.import_name] = openapi.document(app, title="", about="")
    return _documents[app.import_name]
