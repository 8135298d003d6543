"""The platform view: what the services of this server said of themselves, for people and as JSON."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stubs import pages
from stubs.serving import answer, make_app
from stubs.watchdog import STOPPED

if TYPE_CHECKING:
    from flask import Flask, Response

    from stubs.installation import Installation
    from stubs.signs import SignBoard
    from stubs.watchdog import Shown

OUT_OF_USE = replace(STOPPED, detail="Out of use: an Application Server stands in for it.")
TITLES = {"core": "IP Office", "portal": "one-X Portal"}


def build(installed: Installation, signs: SignBoard) -> Flask:
    """The application of one platform view; it answers whether core and portal run or not (VIEW-3)."""
    app = make_app(__name__)

    def rows() -> dict[str, Shown]:
        """The services of this server; an embedded portal that is replaced is still listed (CFG-10)."""
        replaced = "core" in installed.services and installed.half in installed.portals
        absent = {"portal": OUT_OF_USE} if replaced and "portal" not in installed.services else {}
        return signs.services() | absent

    @app.get("/")
    def page() -> Response:
        """The page, which then looks for itself."""
        return pages.page("platform_view.html", installed=installed, services=rows(), titles=TITLES)

    pages.add_files(app, Path(__file__).parent / "pages")

    @app.get("/api/v1/services")
    def services() -> Response:
        return answer({"server": installed.server, "services": rows()})

    return app
