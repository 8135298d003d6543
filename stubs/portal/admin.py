"""The administrators' JSON API of the portal: log-in, directory, users. Flask over the store.

An administrator logs in on any portal that runs, serving or not: settings must be reachable when something is wrong.
What users share (the directory) can be changed only where users are served, like users' own data.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from stubs import clock
from stubs.contract import documented
from stubs.portal import access, admin_log, api, bodies, configuration_pages, forms, health
from stubs.portal.sessions import Session, TakenError
from stubs.serving import Refusal, answer, read_body

if TYPE_CHECKING:
    from stubs.portal.runtime import Portal
    from stubs.portal.sessions import Sessions

_ADMINISTRATOR = (access.ADMINISTRATOR,)
_WHERE_SERVED = (access.ADMINISTRATOR, access.SERVING)

_ADDED = {201: bodies.ContactItem, 507: "not_stored"}
_CHANGED = {200: bodies.ContactItem, 507: "not_stored"}
_REMOVED = {204: None, 507: "not_stored"}


def build(portal: Portal) -> Blueprint:
    """The administrators' API under /api/v1/admin."""
    blueprint = Blueprint("admin", __name__, url_prefix="/api/v1/admin")
    sessions = portal.administrators
    _add_session(blueprint, portal, sessions)
    _add_directory(blueprint, portal, sessions)
    _add_users(blueprint, portal, sessions)
    configuration_pages.add(blueprint, portal, sessions)
    admin_log.add(blueprint, portal, sessions)
    health.add(blueprint, portal)
    return blueprint


def _add_session(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    known = portal.installed.administrator

    @blueprint.post("/session")
    @documented(
        "Log the administrator in; the cookie is the session.",
        body=forms.AdminLogIn,
        answers={201: bodies.LOGGED_IN, 401: "invalid_credentials", 409: "session_taken"},
    )
    def log_in() -> Response:
        """One administrator at a time; a second log-in is offered to end the first (`end_other`)."""
        form = read_body(forms.AdminLogIn)
        right = secrets.compare_digest(form.password.encode(), known.password.encode())
        if not (right and form.user == known.name):
            raise Refusal(401, "invalid_credentials", "Invalid user credentials")
        session = Session(user=form.user, client=request.remote_addr or "", since=clock.utc_now())
        try:
            token = sessions.begin_alone(session, end_other=form.end_other)
        except TakenError as taken:
            message = f"An administrator is logged in already, from {taken.other.client} since {taken.other.since}."
            raise Refusal(409, "session_taken", message) from taken
        response = answer({"user": session.user, "server": portal.site}, 201)
        response.set_cookie(access.ADMIN_COOKIE, token, secure=True, httponly=True, samesite="Strict")
        return response

    @blueprint.get("/session")
    @documented("Which administrator is logged in.", guards=_ADMINISTRATOR, answers={200: bodies.Who})
    def who() -> Response:
        session = access.administrator(sessions)
        return answer({"user": session.user, "server": portal.site})

    @blueprint.delete("/session")
    @documented("Log the administrator out.", answers={204: None})
    def log_out() -> Response:
        sessions.end(request.cookies.get(access.ADMIN_COOKIE))
        response = Response(status=204)
        response.delete_cookie(access.ADMIN_COOKIE, secure=True, httponly=True, samesite="Strict")
        return response


def _add_directory(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    path = {"item": bodies.Id}

    @blueprint.get("/directory")
    @documented("The system directory.", guards=_ADMINISTRATOR, answers={200: bodies.Contacts})
    def read() -> Response:
        access.administrator(sessions)
        return answer({"items": portal.store.items(api.DIRECTORY, api.SHARED)})

    @blueprint.post("/directory")
    @documented("Add an entry.", guards=_WHERE_SERVED, body=forms.Contact, answers=_ADDED)
    def add() -> Response:
        access.administrator(sessions)
        access.serving(portal)
        return answer(_put(portal, None, read_body(forms.Contact)), 201)

    @blueprint.put("/directory/<item>")
    @documented("Change an entry.", guards=_WHERE_SERVED, path=path, body=forms.Contact, answers=_CHANGED)
    def change(item: str) -> Response:
        access.administrator(sessions)
        access.serving(portal)
        return answer(_put(portal, item, read_body(forms.Contact)))

    @blueprint.delete("/directory/<item>")
    @documented("Delete an entry.", guards=_WHERE_SERVED, path=path, answers=_REMOVED)
    def remove(item: str) -> Response:
        access.administrator(sessions)
        access.serving(portal)
        api.delete(portal, api.DIRECTORY, api.SHARED, item, within=access.as_administrator(portal))
        return Response(status=204)


def _put(portal: Portal, item: str | None, entry: forms.Contact) -> dict[str, Any]:
    within = access.as_administrator(portal)
    return api.put(portal, api.DIRECTORY, api.SHARED, item, entry, unique=None, within=within)


def _add_users(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    @blueprint.get("/users")
    @documented("The users that the portal learnt.", guards=_ADMINISTRATOR, answers={200: bodies.KnownUsers})
    def users() -> Response:
        """The users that the portal learnt from the cores, with their home, and whether they are logged in here."""
        access.administrator(sessions)
        here = {session.user for session in portal.sessions.all()}
        known = sorted(portal.store.accounts.homes().items())
        return answer({"items": [{"name": name, "home": home, "logged_in": name in here} for name, home in known]})

    @blueprint.delete("/sessions")
    @documented("Clear Sessions of all users.", guards=_ADMINISTRATOR, answers={200: bodies.Ended})
    def clear_sessions() -> Response:
        """Clear Sessions: whoever was logged in has to log in again."""
        access.administrator(sessions)
        return answer({"ended": portal.sessions.clear()})

    @blueprint.delete("/sessions/<path:user>")
    @documented("Clear Sessions of one user.", guards=_ADMINISTRATOR, answers={200: bodies.Ended})
    def clear_sessions_of(user: str) -> Response:
        """Clear Sessions beside a user: the same for one."""
        access.administrator(sessions)
        if user not in portal.store.accounts.homes():
            raise Refusal(404, "not_found", "There is no such user.")
        return answer({"ended": portal.sessions.end_of(user)})
