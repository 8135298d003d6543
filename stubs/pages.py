"""Pages for people: rendered, with a policy under which nothing but our own files runs. Flask, no data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from flask import Response, render_template

from stubs.contract import Reply, documented
from stubs.serving import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Blueprint, Flask

_KINDS = {".js": "text/javascript", ".css": "text/css"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; connect-src 'self'"
)


PAGE = Reply(media=("text/html",), headers={"Content-Security-Policy": str, "Referrer-Policy": str})
"""What `page` answers."""


def page(template: str, status: int = 200, *, connect: str = "", **context: object) -> Response:
    """A page of ours.

    Args:
        template: its file in `pages`.
        status: HTTP status.
        connect: where its script may ask besides its own server.
        context: what the template shows.
    """
    response = Response(render_template(template, **context), status=status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = f"{_POLICY} {connect}".rstrip()
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def add_files(app: Flask | Blueprint, folder: Path) -> None:
    """Serve the scripts and styles of a folder, and none of its other files, under `/static`."""
    served = {path.name: _KINDS[path.suffix] for path in folder.iterdir() if path.suffix in _KINDS}

    kinds = Reply(media=tuple(sorted(set(served.values()))))

    @app.get("/static/<name>")
    @documented("A file of a page.", path={"name": Literal[tuple(sorted(served))]}, answers={200: kinds})
    def file(name: str) -> Response:
        """A script or a style sheet of the pages."""
        if name not in served:
            raise Refusal(404, "not_found", "There is no such file.")
        return Response((folder / name).read_bytes(), mimetype=served[name])
