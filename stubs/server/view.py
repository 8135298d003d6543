"""The platform view: what the services of this server said of themselves, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, render_template

from stubs.basic import administrator
from stubs.serving import Refusal, answer, make_app
from stubs.watchdog import STOPPED

if TYPE_CHECKING:
    from stubs.installation import Installation
    from stubs.signs import SignBoard

SERVICES = ("core", "portal")
NO_PROCESS = "Its container does not run, and nothing in here can start that: testbed fault start does."
TITLES = {"core": "IP Office", "portal": "one-X Portal"}


def build(installed: Installation, signs: SignBoard) -> Flask:
    """The application of one platform view; it answers whether core and portal run or not (VIEW-3)."""
    app = make_app(__name__)

    @app.get("/")
    def page() -> Response:
        text = render_template("platform_view.html", installed=installed, services=signs.services(), titles=TITLES)
        response = Response(text, mimetype="text/html")
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        response.headers["Refresh"] = "2"
        return response

    @app.post("/api/v1/services/<service>/start")
    def start(service: str) -> Response:
        """Start by hand: nothing to do for one that runs, refused for one that stopped by itself (CFG-11)."""
        administrator(installed.administrator, realm="Platform view")
        if service not in SERVICES:
            raise Refusal(404, "not_found", f"There is no such service; there are {' and '.join(SERVICES)}.")
        view = signs.services()[service]
        if view.dormant:
            raise Refusal(409, "not_ready", view.detail)
        if view.state == STOPPED.state:
            raise Refusal(409, "not_running", NO_PROCESS)
        return answer({"service": service, "state": view.state})

    @app.get("/api/v1/services")
    def services() -> Response:
        return answer({"server": installed.site, "services": signs.services()})

    return app
