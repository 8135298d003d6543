"""The platform view: what the services of this server said of themselves, for people and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stubs import pages
from stubs.serving import answer, make_app

if TYPE_CHECKING:
    from flask import Flask, Response

    from stubs.installation import Installation
    from stubs.signs import SignBoard

SERVICES = ("core", "portal")
TITLES = {"core": "IP Office", "portal": "one-X Portal"}


def build(installed: Installation, signs: SignBoard) -> Flask:
    """The application of one platform view; it answers whether core and portal run or not (VIEW-3)."""
    app = make_app(__name__)

    @app.get("/")
    def page() -> Response:
        """The page, which then looks for itself."""
        return pages.page("platform_view.html", installed=installed, services=signs.services(), titles=TITLES)

    pages.add_files(app, Path(__file__).parent / "pages")

    @app.get("/api/v1/services")
    def services() -> Response:
        return answer({"server": installed.site, "services": signs.services()})

    return app
