"""The platform view: what the services of this server said of themselves, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from flask import Flask, Response, render_template

from stubs import openapi
from stubs.contract import documented, page
from stubs.serving import answer, make_app
from stubs.watchdog import Shown
from stubs.wire import Site

if TYPE_CHECKING:
    from stubs.installation import Installation
    from stubs.signs import SignBoard

SERVICES = ("core", "portal")
TITLES = {"core": "IP Office", "portal": "one-X Portal"}

_PAGE = page("Content-Security-Policy", "Refresh")


class Rows(msgspec.Struct):
    """The rows of the view."""

    core: Shown
    portal: Shown


class View(msgspec.Struct):
    """The services of this server."""

    server: Site
    services: Rows


def build(installed: Installation, signs: SignBoard) -> Flask:
    """The application of one platform view; it answers whether core and portal run or not (VIEW-3)."""
    app = make_app(__name__)
    openapi.publish(app, title="Stub of a platform view", about="What the services of this server said of themselves.")

    @app.get("/")
    @documented("The view for people.", answers={200: _PAGE})
    def root() -> Response:
        text = render_template("platform_view.html", installed=installed, services=signs.services(), titles=TITLES)
        response = Response(text, mimetype="text/html")
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        response.headers["Refresh"] = "2"
        return response

    @app.get("/api/v1/services")
    @documented("The view as JSON.", answers={200: View})
    def services() -> Response:
        return answer({"server": installed.site, "services": signs.services()})

    return app
