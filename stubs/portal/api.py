"""The users' JSON API of the portal: session, contacts, settings, meetings. Flask over the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from flask import Blueprint, Response, request

from stubs import clock
from stubs.contract import documented
from stubs.portal import access, answers, forms
from stubs.portal.gate import ShutError
from stubs.portal.sessions import Session
from stubs.portal.store import ConflictError
from stubs.serving import Refusal, answer, read_body

if TYPE_CHECKING:
    from stubs.portal.runtime import Portal

COLLECTIONS: dict[str, tuple[type[forms.Form], str | None]] = {
    "contacts": (forms.Contact, None),
    "settings": (forms.Setting, "key"),
    "meetings": (forms.Meeting, None),
}
"""The collections of a user: the form of an item, and the field that no two items may share."""


def build(portal: Portal) -> Blueprint:
    """The users' API under /api/v1."""
    blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
    _add_session(blueprint, portal)
    for name in COLLECTIONS:
        _add_collection(blueprint, portal, name)
    return blueprint


def _add_session(blueprint: Blueprint, portal: Portal) -> None:
    @blueprint.post("/session")
    @documented(
        "Log a user in; the cookie is the session.",
        guards=(access.SERVING,),
        body=forms.LogIn,
        answers={201: answers.LOGGED_IN, 401: "invalid_credentials"},
    )
    def log_in() -> Response:
        """Log a user in (REDIR-1 to REDIR-5 decide where)."""
        access.serving(portal)
        form = read_body(forms.LogIn)
        if not portal.store.accounts.check_password(form.user, form.password):
            raise Refusal(401, "invalid_credentials", "Invalid user credentials")
        session = Session(user=form.user, client=request.remote_addr or "", since=clock.utc_now())
        with while_serving(portal):
            token = portal.sessions.begin(session)
        response = answer({"user": session.user, "server": portal.site}, 201)
        response.set_cookie(access.COOKIE, token, secure=True, httponly=True, samesite="Strict")
        return response

    @blueprint.get("/session")
    @documented("Who is logged in.", guards=(access.USER,), answers={200: answers.Who})
    def who() -> Response:
        """Who is logged in; what the page asks at every poll."""
        session = access.session(portal)
        return answer({"user": session.user, "server": portal.site})

    @blueprint.delete("/session")
    @documented("Log out.", answers={204: answers.LOGGED_OUT})
    def log_out() -> Response:
        """End the session; it does no harm to end it twice."""
        portal.sessions.end(request.cookies.get(access.COOKIE))
        response = Response(status=204)
        response.delete_cookie(access.COOKIE, secure=True, httponly=True, samesite="Strict")
        return response


def _add_collection(blueprint: Blueprint, portal: Portal, name: str) -> None:
    form, unique = COLLECTIONS[name]
    item_answer, all_answer = answers.COLLECTIONS[name]
    guards, path = (access.USER,), {"item": answers.Id}
    refused: dict[int, Any] = {507: "not_stored", **({409: "conflict"} if unique else {})}

    @documented(f"All {name} of the user.", guards=guards, answers={200: all_answer})
    def read() -> Response:
        owner = access.session(portal).user
        return answer({"items": portal.store.items(name, owner)})

    @documented(f"Add one of {name}.", guards=guards, body=form, answers={201: item_answer, **refused})
    def add() -> Response:
        owner = access.session(portal).user
        return answer(put(portal, name, owner, None, read_body(form), unique=unique), 201)

    @documented(f"Change one of {name}.", guards=guards, path=path, body=form, answers={200: item_answer, **refused})
    def change(item: str) -> Response:
        owner = access.session(portal).user
        return answer(put(portal, name, owner, item, read_body(form), unique=unique))

    @documented(f"Delete one of {name}.", guards=guards, path=path, answers={204: None, 507: "not_stored"})
    def remove(item: str) -> Response:
        owner = access.session(portal).user
        delete(portal, name, owner, item)
        return Response(status=204)

    blueprint.add_url_rule(f"/{name}", f"{name}_read", read, methods=["GET"])
    blueprint.add_url_rule(f"/{name}", f"{name}_add", add, methods=["POST"])
    blueprint.add_url_rule(f"/{name}/<item>", f"{name}_change", change, methods=["PUT"])
    blueprint.add_url_rule(f"/{name}/<item>", f"{name}_remove", remove, methods=["DELETE"])


def put(  # noqa: PLR0913 - an item's particulars
    portal: Portal, collection: str, owner: str, item: str | None, form: forms.Form, *, unique: str | None
) -> dict[str, Any]:
    """Store an item while this portal serves; what is stored (SYNC-6, SYNC-8).

    Raises:
        Refusal: 503 if it ceased to serve, 404 if there is no such item, 409 if its key is taken.
    """
    body: dict[str, Any] = msgspec.to_builtins(form)
    try:
        with while_serving(portal):
            name = portal.store.put(collection, owner, item, body, unique=unique)
    except ConflictError as error:
        raise Refusal(409, "conflict", str(error)) from error
    if name is None:
        raise Refusal(404, "not_found", f"There is no such item in {collection}.")
    return {"id": name, **body}


def delete(portal: Portal, collection: str, owner: str, item: str) -> None:
    """Delete an item while this portal serves.

    Raises:
        Refusal: 503 if it ceased to serve, 404 if there is no such item.
    """
    with while_serving(portal):
        found = portal.store.delete(collection, owner, item)
    if not found:
        raise Refusal(404, "not_found", f"There is no such item in {collection}.")


class while_serving:  # noqa: N801 - reads as the word it is in a with statement
    """Inside, this portal serves and will not cease to before the block is left.

    Raises:
        Refusal: 503, it does not serve (any more); nothing was done.
    """

    def __init__(self, portal: Portal) -> None:
        self._passing = portal.writes.passing()

    def __enter__(self) -> None:
        try:
            self._passing.__enter__()
        except ShutError as error:
            raise Refusal(503, "not_serving", access.NOT_SERVING) from error

    def __exit__(self, *raised: object) -> None:
        self._passing.__exit__(*raised)  # type: ignore[arg-type]
