"""An HTTPS port whose witness can be read: what it saw of handshakes and requests, as JSON, for the administrator.

The same two addresses stand on every TLS port of a server. `?after=N` leaves out what has a number up to N. `last` is
the N to ask with next time. Who asked with N and gets another `boot` than before, or a first number that is not N + 1,
has missed some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, request

from stubs import basic
from stubs.serving import HttpsServer, Refusal, answer
from stubs.witness import Witness

if TYPE_CHECKING:
    from stubs.installation import Login
    from stubs.witness import Handshake, Record, Request


def watched(app: Flask, port: int, *, administrator: Login, threads: int) -> HttpsServer:
    """An HTTPS port that the administrator can ask what it saw of its clients (CERT-6, CLIENT-4)."""
    witness = Witness()
    app.register_blueprint(pages(witness, administrator))
    return HttpsServer(app, port, threads=threads, witness=witness)


def pages(witness: Witness, administrator: Login) -> Blueprint:
    """What a witness tells the administrator, and nobody else."""
    blueprint = Blueprint("witness", __name__, url_prefix="/api/v1")

    @blueprint.get("/handshakes")
    def handshakes() -> Response:
        """What this port saw of each TLS handshake (CERT-6)."""
        basic.administrator(administrator, realm="what this port saw")
        return _told(witness, "handshakes", witness.handshakes)

    @blueprint.get("/requests")
    def requests() -> Response:
        """Every request that this port answered (CLIENT-4)."""
        basic.administrator(administrator, realm="what this port saw")
        return _told(witness, "requests", witness.requests)

    return blueprint


def _told(witness: Witness, name: str, record: Record[Handshake] | Record[Request]) -> Response:
    seen, last = record.after(_cursor())
    return answer({"boot": witness.boot, "last": last, name: seen})


def _cursor() -> int:
    text = request.args.get("after", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 18):  # noqa: PLR2004 - fits any integer of ours
        raise Refusal(400, "bad_request", "after is the number of the last one that you have: 0 or more.")
    return int(text)
