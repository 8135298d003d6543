"""The platform view: what the services of this server said of themselves, for people and as JSON."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from stubs import basic, openapi, pages
from stubs.basic import administrator
from stubs.contract import documented
from stubs.serving import Refusal, answer, make_app
from stubs.watchdog import STOPPED, Shown
from stubs.wire import ServerName

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response

    from stubs.installation import Installation
    from stubs.signs import SignBoard

NO_PROCESS = "Its container does not run, and nothing in here can start that: testbed fault start does."
OUT_OF_USE = replace(STOPPED, detail="Out of use: an Application Server stands in for it.")
TITLES = {"core": "IP Office", "portal": "one-X Portal"}


class Rows(msgspec.Struct):
    """The rows of the view; what is not installed is not there."""

    core: Shown | msgspec.UnsetType = msgspec.UNSET
    portal: Shown | msgspec.UnsetType = msgspec.UNSET


class View(msgspec.Struct):
    """The services of this server."""

    server: ServerName
    services: Rows


class Started(msgspec.Struct):
    """A service that runs, as it did before."""

    service: Literal["core", "portal"]
    state: Literal["Available", "Starting"]


def build(installed: Installation, signs: SignBoard) -> Flask:
    """The application of one platform view; it answers whether core and portal run or not (VIEW-3)."""
    app = make_app(__name__)
    openapi.publish(app, title="Stub of a platform view", about="What the services of this server said of themselves.")

    def rows() -> dict[str, Shown]:
        """The services of this server; an embedded portal that is replaced is still listed (CFG-10)."""
        replaced = "core" in installed.services and installed.half in installed.portals
        absent = {"portal": OUT_OF_USE} if replaced and "portal" not in installed.services else {}
        return signs.services() | absent

    @app.get("/")
    @documented("The view for people.", answers={200: pages.PAGE})
    def page() -> Response:
        """The page, which then looks for itself."""
        return pages.page("platform_view.html", installed=installed, services=rows(), titles=TITLES)

    pages.add_files(app, Path(__file__).parent / "pages")

    @app.get("/api/v1/services")
    @documented("The view as JSON.", answers={200: View})
    def services() -> Response:
        return answer({"server": installed.server, "services": rows()})

    _add_start(app, installed, rows)
    return app


def _add_start(app: Flask, installed: Installation, rows: Callable[[], dict[str, Shown]]) -> None:
    @app.post("/api/v1/services/<service>/start")
    @documented(
        "Start a service by hand.",
        guards=(basic.ADMINISTRATOR,),
        path={"service": Literal["core", "portal"]},
        answers={200: Started, 409: ("not_ready", "not_running")},
    )
    def start(service: str) -> Response:
        """Start by hand: nothing to do for one that runs, refused for one that stopped by itself (CFG-11)."""
        administrator(installed.administrator, realm="Platform view")
        view = rows().get(service)
        if view is None:
            raise Refusal(404, "not_found", f"There is no such service here; there is {' and '.join(rows())}.")
        if view.dormant or view is OUT_OF_USE:
            raise Refusal(409, "not_ready", view.detail)
        if view.state == STOPPED.state:
            raise Refusal(409, "not_running", NO_PROCESS)
        return answer({"service": service, "state": view.state})
