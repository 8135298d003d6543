"""The platform view: what the services of this server said of themselves, for people and as JSON."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from flask import Flask, Response, render_template

from stubs import clock
from stubs.gossip import Gossip
from stubs.ports import WATCHDOG
from stubs.serving import answer, make_app
from stubs.watchdog import Shown, Sign, shown

if TYPE_CHECKING:
    from stubs.installation import Installation

SERVICES = ("core", "portal")
TITLES = {"core": "IP Office", "portal": "one-X Portal"}
SILENT_HEARTBEATS = 10
"""After how many missed signs a service counts as stopped (ours)."""


class Watch:
    """Remembers the last sign of each service.

    Args:
        installed: whose services.
    """

    def __init__(self, installed: Installation) -> None:
        self._limit_ms = installed.timing.heartbeat_ms * SILENT_HEARTBEATS
        self._signs: dict[str, tuple[Sign, int]] = {}
        self._lock = threading.Lock()
        self._ear = Gossip(Sign, bind=("127.0.0.1", WATCHDOG), neighbour=("127.0.0.1", WATCHDOG), heard=self.hear)

    def start(self) -> None:
        """Listen until the process ends."""
        self._ear.start()

    def services(self) -> dict[str, Shown]:
        """How each service stands now (VIEW-1 to VIEW-3)."""
        now = clock.monotonic_ms()
        with self._lock:
            signs = dict(self._signs)
        view = {}
        for service in SERVICES:
            sign, at = signs.get(service, (None, now))
            view[service] = shown(sign, age_ms=now - at, limit_ms=self._limit_ms)
        return view

    def hear(self, sign: Sign) -> None:
        """A service told how it is."""
        with self._lock:
            self._signs[sign.service] = (sign, clock.monotonic_ms())


def build(installed: Installation, watch: Watch) -> Flask:
    """The application of one platform view; it answers whether core and portal run or not (VIEW-3)."""
    app = make_app(__name__)

    @app.get("/")
    def page() -> Response:
        text = render_template("platform_view.html", installed=installed, services=watch.services(), titles=TITLES)
        response = Response(text, mimetype="text/html")
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        response.headers["Refresh"] = "2"
        return response

    @app.get("/api/v1/services")
    def services() -> Response:
        return answer({"server": installed.site, "services": watch.services()})

    return app
