"""The portal on HTTPS 9443: pages, their files, the resilience status, and the two APIs. Flask, no decisions."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response

from stubs import openapi, pages, ports, readiness
from stubs.contract import documented, moved
from stubs.portal import access, admin, api, bodies
from stubs.portal.database import NotStoredError
from stubs.portal.events_record import ROLES
from stubs.resilience import Role, hears_peer
from stubs.serving import answer, make_app
from stubs.wire import Site

if TYPE_CHECKING:
    from stubs.portal.runtime import Portal

log = logging.getLogger(__name__)

ROLE_CHANGES = 10
"""How many of the last changes of role the resilience status tells."""

POLL_S = 20
"""How often a page asks whether its session is alive, in real seconds."""


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
    @documented("The user page, where users are served.", answers={200: pages.PAGE, 302: moved(), 503: pages.PAGE})
    def user_page() -> Response:
        """The user page where this portal serves; a redirect or an explanation elsewhere (REDIR-3, REDIR-5)."""
        elsewhere = portal.redirects_to()
        if elsewhere is not None:
            there = f"https://{elsewhere}:{ports.PORTAL_HTTPS}/onexportal.html"
            return Response(status=302, headers={"Location": there})
        serving = portal.serving
        return _page(portal, "onexportal.html" if serving else "not_serving.html", 200 if serving else 503)

    @blueprint.get("/onexportal-admin.html")
    @documented("The administrator page.", answers={200: pages.PAGE})
    def admin_page() -> Response:
        """The administrator page, on any portal that runs."""
        return _page(portal, "onexportal-admin.html", 200)

    @blueprint.get("/onexportal-afa.html")
    @documented("The page of backup and restore.", answers={200: pages.PAGE})
    def afa_page() -> Response:
        """Backup and restore: the product has them here, this portal has not, and says so."""
        return _page(portal, "onexportal-afa.html", 200)

    pages.add_files(blueprint, Path(__file__).parent / "pages")
    return blueprint


def _page(portal: Portal, template: str, status: int) -> Response:
    return pages.page(
        template,
        status,
        connect=f"https://*:{ports.CORE_SERVICES}",
        server=portal.installed.hostname,
        site=portal.site.value,
        poll_ms=portal.timing.ms(POLL_S),
        core_host=portal.core_host,
        core_port=ports.CORE_SERVICES,
        explanation=access.NOT_SERVING,
    )


def _resilience(portal: Portal, digest: str) -> dict[str, Any]:
    moment = portal.moment
    state = moment.state
    serves, since_ms = _role(portal)
    # Whenever S serves, and not before (reading "otherwise normal").
    in_force = serves is Role.AVAILABLE if portal.site is Site.SECONDARY else portal.serving_peer() is not None
    return {
        "server": portal.site,
        "topology": portal.installed.topology,
        "version": portal.installed.baseline.portal_version,
        "boot": moment.boot,
        "role": serves,
        "role_since_ms": since_ms,
        "role_changes": [
            {"role": ROLES[event.what], "at_ms": event.at_ms, "why": event.why}
            for event in portal.record.roles(ROLE_CHANGES)
        ],
        "why": moment.why,
        "core": "up" if state.core_up else "down",
        "resilience": "not ready" if moment.unmet else "in force" if in_force else "normal",
        "primary_configuration": portal.knowledge.primary_configuration,
        "unmet": moment.unmet,
        "unmet_why": readiness.needs(moment.unmet),
        "peer": _peer(portal),
        "restart_pending": portal.settings.restart_pending,
        "sync": {
            "state": portal.sync_state(),
            "why": portal.sync_trouble(),
            "head": portal.store.head(),
            "digest": digest,
            "discarded": len(portal.store.discarded()),
        },
    }


def _role(portal: Portal) -> tuple[Role, int]:
    """The role, and since when by the host's monotonic clock; one that was frozen has none since then."""
    state = portal.moment.state
    serves = Role.AVAILABLE if portal.serving else Role.STARTING
    if serves is not state.role:
        return serves, state.now_ms + state.frozen_ms
    return serves, max(state.role_since_ms, state.started_at_ms)


def _peer(portal: Portal) -> dict[str, Any] | None:
    """What is known of the other portal; `None`: it was never heard."""
    peer = portal.moment.state.peer
    if peer is None:
        return None
    return {
        "server": portal.site.other,
        "heard": hears_peer(portal.moment.state),
        "serving": portal.serving_peer() is not None,
        "version": peer.status.facts.version,
        "head": peer.status.head,
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
