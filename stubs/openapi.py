"""The OpenAPI 3.1 document of an application, made of what its endpoints promise. Pure.

Every object in it is closed and every refusal lists its codes, so that whoever compares answers with the document finds
a field or a code that nobody promised.
"""

from __future__ import annotations

import functools
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from stubs.contract import EVERYWHERE, Reply, documented, endpoints, replies
from stubs.serving import HARDENING, answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flask import Flask, Response

    from stubs.contract import Contract, Endpoint

Schema = dict[str, Any]

PATH = "/openapi.json"

_JSON = "application/json"
_SCHEMAS = "#/components/schemas/{name}"
_ELSEWHERE = (
    " A path that is not listed is answered with `404-not_found`, a method that is not listed with"
    " `405-method_not_allowed` (see the components). HEAD comes with every GET, OPTIONS with every path. What is no"
    " HTTP is refused in plain text."
)


def publish(app: Flask, *, title: str, about: str) -> None:
    """Serve the document of an application at /openapi.json; made when first asked for.

    Args:
        app: with all its endpoints, now or later.
        title: what it is.
        about: one sentence more.
    """

    @functools.cache
    def made() -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(document(app, title=title, about=about)))

    @app.get(PATH)
    @documented("This document.", answers={200: dict[str, Any]})
    def openapi() -> Response:
        return answer(made())


def document(app: Flask, *, title: str, about: str) -> Schema:
    """The document of an application; what nobody documented is not in it."""
    known = [(endpoint, endpoint.contract) for endpoint in endpoints(app) if endpoint.contract is not None]
    writer = _Writer(known)
    paths: dict[str, Schema] = {}
    for endpoint, contract in known:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = writer.operation(endpoint, contract)
    for status, reply in EVERYWHERE.items():
        writer.response(status, reply, {})
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": about + _ELSEWHERE},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": writer.schemas,
            "responses": writer.refusals,
            "headers": {name: _header({"const": value}) for name, value in HARDENING.items()},
            "securitySchemes": {g.name: g.scheme for _, contract in known for g in contract.guards if g.name},
        },
    }


class _Writer:
    """Writes operations, and collects what they share.

    Attributes:
        schemas: of all types that have a name.
        refusals: one response for each set of codes.
    """

    def __init__(self, known: list[tuple[Endpoint, Contract]]) -> None:
        self._endpoints = [endpoint for endpoint, _ in known]
        types = list(dict.fromkeys(_types(known)))
        found, components = msgspec.json.schema_components(types, ref_template=_SCHEMAS)
        self._of = dict(zip(types, map(_standard, found), strict=True))
        self.schemas: dict[str, Schema] = {name: _standard(schema) for name, schema in components.items()}
        self.refusals: dict[str, Schema] = {}

    def operation(self, endpoint: Endpoint, contract: Contract) -> Schema:
        """One operation object."""
        schemes: dict[str, list[str]] = {guard.name: [] for guard in contract.guards if guard.name}
        links = self._links_to_made_item(endpoint)
        written: Schema = {
            "operationId": endpoint.name,
            "tags": [endpoint.name.rpartition(".")[0] or "server"],
            "summary": contract.summary,
            "security": [schemes] if schemes else [],
            "parameters": [*self._parameters(endpoint, contract)],
            "responses": {
                str(status): self.response(status, reply, links if status == HTTPStatus.CREATED else {})
                for status, reply in replies(endpoint, contract).items()
            },
        }
        if contract.body is not None:
            written["requestBody"] = {"required": True, "content": {_JSON: {"schema": self._of[contract.body]}}}
        return written

    def response(self, status: int, reply: Reply, links: Schema) -> Schema:
        """One response object; a refusal becomes a reference to the one that all share."""
        title = HTTPStatus(status).phrase
        headers = {name: {"$ref": f"#/components/headers/{name}"} for name in HARDENING}
        headers |= {name: _header(self._of[kind]) for name, kind in reply.headers.items()}
        written: Schema = {"description": title, "headers": headers}
        if reply.codes:
            name = "-".join((str(status), *reply.codes, *reply.headers))
            content = {_JSON: {"schema": _refusal(reply.codes)}}
            self.refusals[name] = {**written, "description": f"{title}: {', '.join(reply.codes)}", "content": content}
            return {"$ref": f"#/components/responses/{name}"}
        if reply.body is not None:
            written["content"] = {_JSON: {"schema": self._of[reply.body]}}
        elif reply.media:
            written["content"] = {media: {"schema": {"type": "string"}} for media in reply.media}
        if reply.links or links:
            written["links"] = {**links, **reply.links}
        return written

    def _parameters(self, endpoint: Endpoint, contract: Contract) -> Iterator[Schema]:
        for name in endpoint.varying:
            schema = self._of[contract.path.get(name, str)]
            yield {"name": name, "in": "path", "required": True, "schema": schema}
        for name, kind in contract.query.items():
            yield {"name": name, "in": "query", "required": False, "schema": self._of[kind]}
        for name, kind in contract.headers.items():
            yield {"name": name, "in": "header", "required": True, "schema": self._of[kind]}

    def _links_to_made_item(self, endpoint: Endpoint) -> Schema:
        """What is made by POST can be reached below the same path, by its id."""
        if endpoint.method != "POST":
            return {}
        return {
            other.name: {"operationId": other.name, "parameters": {other.varying[-1]: "$response.body#/id"}}
            for other in self._endpoints
            if other.varying and other.path == f"{endpoint.path}/{{{other.varying[-1]}}}"
        }


def _types(known: list[tuple[Endpoint, Contract]]) -> Iterator[Any]:
    yield str
    for endpoint, contract in known:
        yield from _said(contract.body, *contract.path.values(), *contract.query.values(), *contract.headers.values())
        for reply in replies(endpoint, contract).values():
            yield from _said(reply.body, *reply.headers.values())


def _said(*kinds: Any) -> Iterable[Any]:
    return (kind for kind in kinds if kind is not None)


def _header(schema: Schema) -> Schema:
    return {"required": True, "schema": schema}


def _refusal(codes: tuple[str, ...]) -> Schema:
    return {
        "type": "object",
        "properties": {"error": {"enum": list(codes)}, "message": {"type": "string", "minLength": 1}},
        "required": ["error", "message"],
        "additionalProperties": False,
    }


def _standard(schema: Any) -> Any:
    """A schema of msgspec's in the words of the standard: closed objects, and patterns that end with $."""
    match schema:
        case dict():
            written = {key: _standard(value) for key, value in schema.items()}
            pattern = written.get("pattern")
            if isinstance(pattern, str) and pattern.endswith(r"\Z"):
                # What \Z is to Python, $ is to ECMA-262: the very end.
                written["pattern"] = pattern.removesuffix(r"\Z") + "$"
            if written.get("type") == "object" and "properties" in written:
                written.setdefault("additionalProperties", False)
            return written
        case list():
            return [_standard(each) for each in schema]
        case _:
            return schema
