"""What each endpoint promises, written beside its view. Pure; `stubs.openapi` makes a document of it.

    @blueprint.put("/contacts/<item>")
    @documented("Change a contact.", guards=(USER,), body=forms.Contact, answers={200: ContactItem, 507: "not_stored"})
    def change(item: str) -> Response: ...

What follows by rule is added by rule: a body can be no JSON, too large, of another type or of another form; a path
with a part that varies can be unknown; a guard refuses. Every refusal lists its codes, so that an answer which is not
promised is a breach of the contract, never a surprise.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from stubs.serving import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from werkzeug.routing import Rule

V = TypeVar("V")

OF_EVERY_PATH = frozenset({"HEAD", "OPTIONS"})
"""Methods that Flask answers by itself: HEAD comes with GET, and OPTIONS lists the others."""

_VARYING = re.compile(r"<(?:[^:<>]*:)?([^<>]+)>")


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of an endpoint.

    Attributes:
        body: the type of its JSON body.
        codes: or the codes of a refusal.
        media: or the media types of what is no JSON; with none of the three there is no body.
        headers: the headers that always come with it, with the type of each.
        links: OpenAPI links, by name.
    """

    body: Any = None
    codes: tuple[Code, ...] = ()
    media: tuple[str, ...] = ()
    headers: dict[str, Any] = {}
    links: dict[str, Any] = {}

    def beside(self, other: Reply) -> Reply:
        """This or the other refusal under one status; only headers of both are sure to come."""
        shared = {name: kind for name, kind in self.headers.items() if name in other.headers}
        return Reply(codes=tuple(dict.fromkeys((*self.codes, *other.codes))), headers=shared)


Said = Any
"""What may stand for a reply: itself, the type of a JSON body, one code or a tuple of codes; `None`: no body."""


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before a view and may refuse for it.

    Attributes:
        answers: its refusals by status.
        name: of its security scheme, if it asks who calls.
        scheme: OpenAPI's security scheme object.
    """

    answers: dict[int, Said]
    name: str = ""
    scheme: dict[str, str] = {}


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """All that was said of a view; `documented` has the words."""

    summary: str
    answers: dict[int, Said]
    guards: tuple[Guard, ...]
    body: Any
    path: dict[str, Any]
    query: dict[str, Any]
    headers: dict[str, Any]


_WITH_A_BODY: dict[int, Said] = {
    HTTPStatus.BAD_REQUEST: "invalid_json",
    HTTPStatus.REQUEST_TIMEOUT: "request_timeout",
    HTTPStatus.LENGTH_REQUIRED: "length_required",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid_body",
}
_WITH_A_VARYING_PATH: dict[int, Said] = {HTTPStatus.NOT_FOUND: "not_found"}

EVERYWHERE: dict[int, Reply] = {
    HTTPStatus.NOT_FOUND: Reply(codes=("not_found",)),
    HTTPStatus.METHOD_NOT_ALLOWED: Reply(codes=("method_not_allowed",), headers={"Allow": str}),
}
"""The answers to paths and methods that nobody offers."""


def documented(  # noqa: PLR0913 - all that can be said of an endpoint
    summary: str,
    *,
    answers: dict[int, Said],
    guards: tuple[Guard, ...] = (),
    body: Any = None,
    path: dict[str, Any] | None = None,
    query: dict[str, Any] | None = None,
    headers: dict[str, Any] | None = None,
) -> Callable[[V], V]:
    """Say what a view promises; stands below its route.

    Args:
        summary: one sentence.
        answers: by status, beside those that follow by rule.
        guards: what may refuse before it.
        body: the form of its JSON body.
        path: the type of each part of the path that varies; any text if not named.
        query: the type of each parameter of the query, all of them optional.
        headers: the type of each header that must be sent.
    """
    said = Contract(
        summary=summary,
        answers=answers,
        guards=guards,
        body=body,
        path=path or {},
        query=query or {},
        headers=headers or {},
    )

    def keep(view: V) -> V:
        vars(view)["contract"] = said
        return view

    return keep


def moved() -> Reply:
    """An empty answer that names another place."""
    return Reply(headers={"Location": str})


def cookie(name: str) -> dict[str, str]:
    """The security scheme of a session that a cookie stands for."""
    return {"type": "apiKey", "in": "cookie", "name": name}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    Attributes:
        method: in capitals.
        path: as OpenAPI writes it.
        varying: the parts of the path that vary, in their order.
        name: unique in its application.
        contract: what was said of it; `None`: nothing.
    """

    method: str
    path: str
    varying: tuple[str, ...]
    name: str
    contract: Contract | None


def endpoints(app: Flask) -> Iterator[Endpoint]:
    """Every endpoint of an application, documented or not."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - OF_EVERY_PATH):
            yield _endpoint(app, method, rule)


def _endpoint(app: Flask, method: str, rule: Rule) -> Endpoint:
    return Endpoint(
        method=method,
        path=_VARYING.sub(r"{\1}", rule.rule),
        varying=tuple(_VARYING.findall(rule.rule)),
        name=rule.endpoint,
        contract=vars(app.view_functions[rule.endpoint]).get("contract"),
    )


def replies(endpoint: Endpoint, contract: Contract) -> dict[int, Reply]:
    """Every answer of an endpoint by status, those that follow by rule included."""
    said = [
        contract.answers,
        *(guard.answers for guard in contract.guards),
        _WITH_A_BODY if contract.body is not None else {},
        _WITH_A_VARYING_PATH if endpoint.varying else {},
    ]
    merged: dict[int, Reply] = {}
    for status, reply in ((status, _reply(each)) for group in said for status, each in group.items()):
        merged[status] = merged[status].beside(reply) if status in merged else reply
    return dict(sorted(merged.items()))


def _reply(said: Said) -> Reply:
    match said:
        case Reply():
            return said
        case None:
            return Reply()
        case str():
            return Reply(codes=(said,))  # type: ignore[arg-type] # mypy takes the literal for any text
        case tuple():
            return Reply(codes=said)
        case _:
            return Reply(body=said)
