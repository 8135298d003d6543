"""The users' JSON API of the portal: session, contacts, settings, meetings. Flask over store and scheduler."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from flask import Blueprint, Response, request

from stubs import clock
from stubs.contract import documented
from stubs.portal import access, bodies, forms
from stubs.portal.access import while_serving
from stubs.portal.changes import ConflictError
from stubs.portal.meetings import PastError
from stubs.portal.scheduler import COLLECTION as MEETINGS
from stubs.portal.sessions import Session
from stubs.serving import Refusal, answer, read_body
from stubs.witness import ASKER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stubs.portal.runtime import Portal


class Collection(NamedTuple):
    """A collection of a user.

    Attributes:
        form: of an item.
        unique: the field that no two items may share.
        of_core: the home core keeps it too, so that nothing in it is updated or deleted without that core (CONT-1).
    """

    form: type[forms.Form]
    unique: str | None = None
    of_core: bool = False


COLLECTIONS = {
    "contacts": Collection(forms.Contact, of_core=True),
    "settings": Collection(forms.Setting, unique="key"),
}
"""The plain collections of a user; meetings have a life of their own."""

DIRECTORY = "directory"
"""The system directory's collection."""

SHARED = ""
"""The owner of what all users share."""


def build(portal: Portal) -> Blueprint:
    """The users' API under /api/v1."""
    blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
    _add_session(blueprint, portal)
    for name in COLLECTIONS:
        _add_collection(blueprint, portal, name)
    _add_meetings(blueprint, portal)

    @blueprint.get("/directory")
    @documented("The system directory.", guards=(access.USER,), answers={200: bodies.Contacts})
    def directory() -> Response:
        """The system directory, as every user sees it; administrators keep it."""
        access.session(portal)
        return answer({"items": portal.store.items(DIRECTORY, SHARED)})

    return blueprint


def _add_session(blueprint: Blueprint, portal: Portal) -> None:
    @blueprint.post("/session")
    @documented(
        "Log a user in; the cookie is the session.",
        guards=(access.SERVING,),
        body=forms.LogIn,
        answers={201: bodies.LOGGED_IN, 401: "invalid_credentials"},
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
        request.environ[ASKER] = session.user
        response = answer({"user": session.user, "server": portal.site}, 201)
        response.set_cookie(access.COOKIE, token, secure=True, httponly=True, samesite="Strict")
        return response

    @blueprint.get("/session")
    @documented("Who is logged in.", guards=(access.USER,), answers={200: bodies.Who})
    def who() -> Response:
        """Who is logged in; what the page asks at every poll."""
        session = access.session(portal)
        return answer({"user": session.user, "server": portal.site})

    @blueprint.delete("/session")
    @documented("Log out.", answers={204: bodies.LOGGED_OUT})
    def log_out() -> Response:
        """End the session; it does no harm to end it twice."""
        portal.sessions.end(request.cookies.get(access.COOKIE))
        response = Response(status=204)
        response.delete_cookie(access.COOKIE, secure=True, httponly=True, samesite="Strict")
        return response


def _add_collection(blueprint: Blueprint, portal: Portal, name: str) -> None:
    form, unique, of_core = COLLECTIONS[name]
    one, all_of_them = bodies.COLLECTIONS[name]
    guards, path = (access.USER,), {"item": bodies.Id}
    twin, core = ("conflict",) if unique else (), ("home_core_down",) if of_core else ()
    added, changed = _stored({201: one}, twin), _stored({200: one}, (*twin, *core))

    @documented(f"All {name} of the user.", guards=guards, answers={200: all_of_them})
    def read() -> Response:
        owner = access.session(portal).user
        return answer({"items": portal.store.items(name, owner)})

    @documented(f"Add one of the {name}.", guards=guards, body=form, answers=added)
    def add() -> Response:
        owner = access.session(portal).user
        return answer(
            put(portal, name, owner, None, read_body(form), unique=unique, within=access.as_user(portal)), 201
        )

    @documented(f"Change one of the {name}.", guards=guards, path=path, body=form, answers=changed)
    def change(item: str) -> Response:
        owner = access.session(portal).user
        body = read_body(form)
        if of_core:
            _home_core(portal, owner)
        return answer(put(portal, name, owner, item, body, unique=unique, within=access.as_user(portal)))

    @documented(f"Delete one of the {name}.", guards=guards, path=path, answers=_stored({204: None}, core))
    def remove(item: str) -> Response:
        owner = access.session(portal).user
        if of_core:
            _home_core(portal, owner)
        delete(portal, name, owner, item, within=access.as_user(portal))
        return Response(status=204)

    _add_rules(blueprint, name, read, add, change, remove)


def _stored(done: dict[int, Any], codes: tuple[str, ...] = ()) -> dict[int, Any]:
    """What a change is answered with: done, in conflict with what is there, or not taken by the disk."""
    return {**done, 507: "not_stored", **({409: codes} if codes else {})}


def _add_meetings(blueprint: Blueprint, portal: Portal) -> None:
    guards, path = (access.USER,), {"item": bodies.Id}
    one, all_of_them = bodies.COLLECTIONS[MEETINGS]

    @documented("All meetings of the user.", guards=guards, answers={200: all_of_them})
    def read() -> Response:
        owner = access.session(portal).user
        return answer({"items": portal.meetings.items(owner)})

    @documented("Schedule a meeting.", guards=guards, body=forms.Meeting, answers=_stored({201: one}))
    def add() -> Response:
        owner = access.session(portal).user
        form = read_body(forms.Meeting)
        with access.as_user(portal), _past_refused():
            return answer(portal.meetings.add(owner, form), 201)

    @documented("Change a meeting.", guards=guards, path=path, body=forms.Meeting, answers=_stored({200: one}))
    def change(item: str) -> Response:
        owner = access.session(portal).user
        form = read_body(forms.Meeting)
        with access.as_user(portal), _past_refused():
            changed = portal.meetings.change(owner, item, form)
        if changed is None:
            raise _no_such_item(MEETINGS)
        return answer(changed)

    @documented("Delete a meeting.", guards=guards, path=path, answers=_stored({204: None}))
    def remove(item: str) -> Response:
        owner = access.session(portal).user
        delete(portal, MEETINGS, owner, item, within=access.as_user(portal))
        return Response(status=204)

    _add_rules(blueprint, MEETINGS, read, add, change, remove)


def _add_rules(blueprint: Blueprint, name: str, *views: Callable[..., Response]) -> None:
    """The four ways to a collection: read, add, change, remove."""
    ways = (("GET", ""), ("POST", ""), ("PUT", "/<item>"), ("DELETE", "/<item>"))
    for (method, item), view in zip(ways, views, strict=True):
        blueprint.add_url_rule(f"/{name}{item}", f"{name}_{view.__name__}", view, methods=[method])


def _home_core(portal: Portal, user: str) -> None:
    """Go on only if a user's home core is up; other cores and other users do not matter (CONT-1, CONT-2, CONT-3).

    Raises:
        Refusal: 409; not 503, which everywhere here means that this portal does not serve.
    """
    home = portal.store.accounts.homes().get(user)
    if home is None or not portal.cores.is_up(home.value):
        core = f"The home core of {user}" + ("" if home is None else f", the {home.value}'s,")
        message = f"{core} is down: contacts can be read and added, but not updated or deleted until it is back."
        raise Refusal(409, "home_core_down", message)


@contextmanager
def _past_refused() -> Iterator[None]:
    try:
        yield
    except PastError as error:
        raise Refusal(422, "invalid_body", str(error)) from error


def put(  # noqa: PLR0913 - an item's particulars
    portal: Portal,
    collection: str,
    owner: str,
    item: str | None,
    form: forms.Form,
    *,
    unique: str | None,
    within: while_serving,
) -> dict[str, Any]:
    """Store an item while this portal serves whoever asks; what is stored (SYNC-6, SYNC-8).

    Raises:
        Refusal: 503 if it ceased to serve, 401 if who asks is not logged in any more, 404 if there is no such item, 409
            if its key is taken.
    """
    body: dict[str, Any] = msgspec.to_builtins(form)
    try:
        with within:
            name = portal.store.put(collection, owner, item, body, unique=unique)
    except ConflictError as error:
        raise Refusal(409, "conflict", str(error)) from error
    if name is None:
        raise _no_such_item(collection)
    return {"id": name, **body}


def delete(portal: Portal, collection: str, owner: str, item: str, *, within: while_serving) -> None:
    """Delete an item while this portal serves whoever asks.

    Raises:
        Refusal: 503 if it ceased to serve, 401 if who asks is not logged in any more, 404 if there is no such item.
    """
    with within:
        found = portal.store.delete(collection, owner, item)
    if not found:
        raise _no_such_item(collection)


def _no_such_item(collection: str) -> Refusal:
    return Refusal(404, "not_found", f"There is no such item in {collection}.")
