"""The portal on HTTPS 9443: pages, their files, the resilience status, and the two APIs. Flask, no decisions."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flask import Blueprint, Flask, Response, render_template

from stubs import openapi, ports, readiness
from stubs.contract import Reply, documented, moved, page
from stubs.portal import access, admin, api, bodies
from stubs.portal.database import NotStoredError
from stubs.resilience import Role, hears_peer
from stubs.serving import Refusal, answer, make_app
from stubs.wire import Site

if TYPE_CHECKING:
    from stubs.portal.runtime import Portal

log = logging.getLogger(__name__)

POLL_S = 20
"""How often a page asks whether its session is alive, in real seconds."""

_FILES = {"portal.js": "text/javascript", "admin.js": "text/javascript", "portal.css": "text/css"}
_PAGES = Path(__file__).parent / "pages"
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    f"base-uri 'none'; frame-ancestors 'none'; connect-src 'self' https://*:{ports.CORE_SERVICES}"
)
_PAGE = page("Content-Security-Policy", "Referrer-Policy")
_FILE = Reply(media=tuple(sorted(set(_FILES.values()))))


def build(portal: Portal) -> Flask:
    """The application of one portal."""
    app = make_app(__name__)
    app.register_error_handler(NotStoredError, _not_stored)
    digest = _DigestOfRevision(portal)
    app.register_blueprint(api.build(portal))
    app.register_blueprint(admin.build(portal))
    app.register_blueprint(_pages(portal))
    openapi.publish(app, title="Stub of a one-X Portal", about="Pages for people and the JSON API below /api/v1.")

    @app.get("/api/v1/resilience")
    @documented("Role, peer, synchronisation, and what is unmet.", answers={200: bodies.Resilience})
    def resilience() -> Response:
        """Role, peer, synchronisation and what is unmet; without log-in (CFG-13, SYNC-4, SYNC-7)."""
        return answer(_resilience(portal, digest()))

    return app


def _not_stored(error: NotStoredError) -> Response:
    """The one refusal that is the disk's fault; what was asked did not happen (SYNC-8)."""
    log.error("not stored: %s", error)
    message = "The portal's disk did not take this change; nothing of it is stored."
    return answer({"error": "not_stored", "message": message}, 507)


def _pages(portal: Portal) -> Blueprint:
    blueprint = Blueprint("pages", __name__)

    @blueprint.get("/")
    @documented("The way to the user page.", answers={302: moved()})
    def root() -> Response:
        return Response(status=302, headers={"Location": "/onexportal.html"})

    @blueprint.get("/onexportal.html")
    @documented("The user page, where users are served.", answers={200: _PAGE, 302: moved(), 503: _PAGE})
    def user_page() -> Response:
        """The user page where this portal serves; a redirect or an explanation elsewhere (REDIR-3, REDIR-5)."""
        elsewhere = portal.redirects_to()
        if elsewhere is not None:
            there = f"https://{elsewhere}:{ports.PORTAL_HTTPS}/onexportal.html"
            return Response(status=302, headers={"Location": there})
        serving = portal.serving
        return _page(portal, "onexportal.html" if serving else "not_serving.html", 200 if serving else 503)

    @blueprint.get("/onexportal-admin.html")
    @documented("The administrator page.", answers={200: _PAGE})
    def admin_page() -> Response:
        """The administrator page, on any portal that runs."""
        return _page(portal, "onexportal-admin.html", 200)

    @blueprint.get("/static/<name>")
    @documented("A file of a page.", path={"name": Literal[tuple(_FILES)]}, answers={200: _FILE})
    def file(name: str) -> Response:
        if name not in _FILES:
            raise Refusal(404, "not_found", "There is no such file.")
        return Response((_PAGES / name).read_bytes(), mimetype=_FILES[name])

    return blueprint


def _page(portal: Portal, template: str, status: int) -> Response:
    text = render_template(
        template,
        server=portal.installed.hostname,
        site=portal.site.value,
        poll_ms=portal.timing.ms(POLL_S),
        core_host=portal.core_host,
        core_port=ports.CORE_SERVICES,
        explanation=access.NOT_SERVING,
    )
    response = Response(text, status=status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _CSP
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _resilience(portal: Portal, digest: str) -> dict[str, Any]:
    moment = portal.moment
    state = moment.state
    peer = state.peer
    serves = Role.AVAILABLE if portal.serving else Role.STARTING
    in_force = serves is (Role.AVAILABLE if portal.site is Site.SECONDARY else Role.STARTING)
    return {
        "server": portal.site,
        "topology": portal.installed.topology,
        "version": portal.installed.baseline.portal_version,
        "boot": moment.boot,
        "role": serves,
        "why": moment.why,
        "core": "up" if state.core_up else "down",
        "resilience": "not ready" if moment.unmet else "in force" if in_force else "normal",
        "primary_configuration": portal.knowledge.primary_configuration,
        "unmet": moment.unmet,
        "unmet_why": readiness.needs(moment.unmet),
        "peer": None
        if peer is None
        else {
            "server": portal.site.other,
            "heard": hears_peer(state),
            "serving": portal.serving_peer() is not None,
            "version": peer.status.facts.version,
            "head": peer.status.head,
        },
        "restart_pending": portal.settings.restart_pending,
        "sync": {
            "state": portal.sync_state(),
            "head": portal.store.head(),
            "digest": digest,
            "discarded": len(portal.store.discarded()),
        },
    }


class _DigestOfRevision:
    """The digest of the data, worked out once for each revision."""

    def __init__(self, portal: Portal) -> None:
        self._store = portal.store
        self._known = (-1, "")

    def __call__(self) -> str:
        revision, digest = self._known
        now = self._store.revision
        if revision != now:
            digest = self._store.digest()
            self._known = (now, digest)
        return digest
