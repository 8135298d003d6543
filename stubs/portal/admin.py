"""The administrators' JSON API of the portal. Flask over the store and the settings.

An administrator logs in on any portal that runs, serving or not: settings must be reachable when something is wrong.
What users share (the directory) can be changed only where users are served, like users' own data.
"""

from __future__ import annotations

import os
import secrets
import signal
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Blueprint, Response, request

from stubs import clock
from stubs.contract import documented
from stubs.portal import access, answers, api, forms
from stubs.portal.sessions import Session, Sessions
from stubs.portal.settings import DetectionMinutes, Settings
from stubs.resilience import hears_peer
from stubs.serving import Refusal, answer, read_body
from stubs.wire import Failback, Site

if TYPE_CHECKING:
    from stubs.portal.runtime import Portal

DIRECTORY = "directory"
SHARED = ""
"""The owner of what all users share."""

_ADMINISTRATOR = (access.ADMINISTRATOR,)
_WHERE_SERVED = (access.ADMINISTRATOR, access.SERVING)

_ADDED = {201: answers.ContactItem, 507: "not_stored"}
_CHANGED = {200: answers.ContactItem, 507: "not_stored"}
_REMOVED = {204: None, 507: "not_stored"}


class Resiliency(forms.Form):
    """Page Resiliency Configuration (CFG-6)."""

    failover: bool
    failback: Failback
    detection_minutes: DetectionMinutes


def build(portal: Portal) -> Blueprint:
    """The administrators' API under /api/v1/admin."""
    blueprint = Blueprint("admin", __name__, url_prefix="/api/v1/admin")
    sessions = Sessions()
    _add_session(blueprint, portal, sessions)
    _add_directory(blueprint, portal, sessions)
    _add_settings(blueprint, portal, sessions)
    _add_acts(blueprint, portal, sessions)
    return blueprint


def _add_session(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    known = portal.installed.administrator

    @blueprint.post("/session")
    @documented(
        "Log the administrator in; the cookie is the session.",
        body=forms.AdminLogIn,
        answers={201: answers.LOGGED_IN, 401: "invalid_credentials", 409: "session_taken"},
    )
    def log_in() -> Response:
        """One administrator at a time; a second log-in is offered to end the first."""
        form = read_body(forms.AdminLogIn)
        right = secrets.compare_digest(form.password.encode(), known.password.encode())
        if not (right and form.user == known.name):
            raise Refusal(401, "invalid_credentials", "Invalid user credentials")
        if sessions.all() and not form.end_other:
            other = sessions.all()[0]
            message = f"An administrator is logged in since {other.since}. Send end_other to end that session."
            raise Refusal(409, "session_taken", message)
        sessions.clear()
        session = Session(user=form.user, client=request.remote_addr or "", since=clock.utc_now())
        response = answer({"user": session.user, "server": portal.site}, 201)
        token = sessions.begin(session)
        response.set_cookie(access.ADMIN_COOKIE, token, secure=True, httponly=True, samesite="Strict")
        return response

    @blueprint.get("/session")
    @documented("Which administrator is logged in.", guards=_ADMINISTRATOR, answers={200: answers.Who})
    def who() -> Response:
        session = access.administrator(sessions)
        return answer({"user": session.user, "server": portal.site})

    @blueprint.delete("/session")
    @documented("Log the administrator out.", answers={204: None})
    def log_out() -> Response:
        sessions.end(request.cookies.get(access.ADMIN_COOKIE))
        return Response(status=204)


def _add_directory(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    path = {"item": answers.Id}

    @blueprint.get("/directory")
    @documented("The system directory.", guards=_ADMINISTRATOR, answers={200: answers.Contacts})
    def read() -> Response:
        access.administrator(sessions)
        return answer({"items": portal.store.items(DIRECTORY, SHARED)})

    @blueprint.post("/directory")
    @documented("Add an entry.", guards=_WHERE_SERVED, body=forms.Contact, answers=_ADDED)
    def add() -> Response:
        access.administrator(sessions)
        access.serving(portal)
        return answer(api.put(portal, DIRECTORY, SHARED, None, read_body(forms.Contact), unique=None), 201)

    @blueprint.put("/directory/<item>")
    @documented("Change an entry.", guards=_WHERE_SERVED, path=path, body=forms.Contact, answers=_CHANGED)
    def change(item: str) -> Response:
        access.administrator(sessions)
        access.serving(portal)
        return answer(api.put(portal, DIRECTORY, SHARED, item, read_body(forms.Contact), unique=None))

    @blueprint.delete("/directory/<item>")
    @documented("Delete an entry.", guards=_WHERE_SERVED, path=path, answers=_REMOVED)
    def remove(item: str) -> Response:
        access.administrator(sessions)
        access.serving(portal)
        api.delete(portal, DIRECTORY, SHARED, item)
        return Response(status=204)


def _add_settings(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    _add_resiliency(blueprint, portal, sessions)

    @blueprint.get("/central-cti-link")
    @documented("Page Central CTI Link.", guards=_ADMINISTRATOR, answers={200: answers.CentralCtiLinkPage})
    def read_central() -> Response:
        access.administrator(sessions)
        return answer(_page(portal, "central_cti"))

    @blueprint.put("/central-cti-link")
    @documented(
        "Switch Central CTI Link; in effect after a restart.",
        guards=_ADMINISTRATOR,
        body=forms.CentralCtiLink,
        answers={200: answers.CentralCtiLinkPage, 507: "not_stored"},
    )
    def change_central() -> Response:
        access.administrator(sessions)
        _configure(portal, central_cti=read_body(forms.CentralCtiLink).enabled)
        return answer(_page(portal, "central_cti"))

    @blueprint.get("/host-domain-name")
    @documented("Page Host Domain Name.", guards=_ADMINISTRATOR, answers={200: answers.HostDomainNamePage})
    def read_name() -> Response:
        access.administrator(sessions)
        return answer(_page(portal, "host_domain_name"))

    @blueprint.put("/host-domain-name")
    @documented(
        "Change the Host Domain Name; in effect after a restart.",
        guards=_ADMINISTRATOR,
        body=forms.HostDomainName,
        answers={200: answers.HostDomainNamePage, 507: "not_stored"},
    )
    def change_name() -> Response:
        access.administrator(sessions)
        _configure(portal, host_domain_name=read_body(forms.HostDomainName).host_domain_name)
        return answer(_page(portal, "host_domain_name"))


def _add_resiliency(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    fields = ("failover", "failback", "detection_minutes")

    @blueprint.get("/resiliency")
    @documented("Page Resiliency Configuration.", guards=_ADMINISTRATOR, answers={200: answers.ResiliencyStatus})
    def read_resiliency() -> Response:
        access.administrator(sessions)
        discarded = portal.store.discarded()
        return answer(
            {
                **_page(portal, *fields),
                "unmet": portal.moment.unmet,
                "discarded": {"count": len(discarded), "changes": discarded},
            }
        )

    @blueprint.put("/resiliency")
    @documented(
        "Change the Resiliency Configuration; in effect after a restart.",
        guards=_ADMINISTRATOR,
        body=Resiliency,
        answers={200: answers.ResiliencyPage, 507: "not_stored"},
    )
    def change_resiliency() -> Response:
        access.administrator(sessions)
        form = read_body(Resiliency)
        _configure(portal, failover=form.failover, failback=form.failback, detection_minutes=form.detection_minutes)
        return answer(_page(portal, *fields))


def _page(portal: Portal, *fields: str) -> dict[str, Any]:
    """One page's part of the settings: configured, in effect, and whether a restart is pending (CFG-4)."""
    configured, effective = (_part(each, fields) for each in (portal.settings.configured, portal.settings.effective))
    return {"configured": configured, "effective": effective, "restart_pending": configured != effective}


def _configure(portal: Portal, **changes: Any) -> None:
    merged = {**msgspec.to_builtins(portal.settings.configured), **msgspec.to_builtins(changes)}
    try:
        portal.settings.configure(msgspec.convert(merged, Settings))
    except msgspec.ValidationError as error:
        raise Refusal(422, "invalid_body", str(error)) from error


def _add_acts(blueprint: Blueprint, portal: Portal, sessions: Sessions) -> None:
    @blueprint.get("/users")
    @documented("The users that the portal learnt.", guards=_ADMINISTRATOR, answers={200: answers.KnownUsers})
    def users() -> Response:
        """The users that the portal learnt from the cores, with their home."""
        access.administrator(sessions)
        known = sorted(portal.store.accounts.homes().items())
        return answer({"items": [{"name": name, "home": home} for name, home in known]})

    @blueprint.post("/failover-now")
    @documented("Failover Now.", guards=_ADMINISTRATOR, answers={202: answers.Accepted, 409: "not_ready"})
    def fail_over_now() -> Response:
        """Failover Now (CFG-6): only on the primary, while somebody is there to take over."""
        access.administrator(sessions)
        if portal.site is not Site.PRIMARY:
            raise Refusal(409, "not_ready", "Failover Now stands on the primary's portal only.")
        if portal.moment.unmet:
            raise Refusal(409, "not_ready", "Resilience is not ready: " + ", ".join(portal.moment.unmet) + ".")
        if not hears_peer(portal.moment.state):
            raise Refusal(409, "not_ready", "The secondary's portal does not answer; it could not take over.")
        portal.fail_over_now()
        return answer({"accepted": "failover-now"}, 202)

    @blueprint.post("/restart")
    @documented("Restart this portal.", guards=_ADMINISTRATOR, answers={202: answers.Accepted})
    def restart() -> Response:
        """Restart this portal; configured settings are in effect afterwards (CFG-4)."""
        access.administrator(sessions)
        response = answer({"accepted": "restart"}, 202)
        # Only once the answer is out: the restart takes this very process.
        response.call_on_close(lambda: os.kill(os.getpid(), signal.SIGHUP))
        return response


def _part(settings: Settings, pick: tuple[str, ...]) -> dict[str, Any]:
    everything = msgspec.to_builtins(settings)
    return {name: everything[name] for name in pick}
