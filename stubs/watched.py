"""An HTTPS port whose witness can be read: what it saw of handshakes and requests, as JSON, for the administrator.

The same two addresses stand on every TLS port of a server. `?after=N` leaves out what has a number up to N. `last` is
the N to ask with next time. Who asked with N and gets another `boot` than before, or a first number that is not N + 1,
has missed some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, Flask, Response

from stubs import basic
from stubs.contract import documented
from stubs.queries import Number, number, query
from stubs.serving import HttpsServer, answer
from stubs.witness import Handshake, Request, Witness

if TYPE_CHECKING:
    from stubs.installation import Login
    from stubs.witness import Record

_GUARDS = (basic.ADMINISTRATOR,)
_AFTER = {"after": Number}


class Handshakes(msgspec.Struct):
    """What a port saw of TLS handshakes, the latest last."""

    boot: int
    last: int
    handshakes: list[Handshake]


class Requests(msgspec.Struct):
    """What a port was asked, the latest last."""

    boot: int
    last: int
    requests: list[Request]


_HANDSHAKES = {200: Handshakes, 400: "bad_request"}
_REQUESTS = {200: Requests, 400: "bad_request"}


def watched(app: Flask, port: int, *, administrator: Login, threads: int) -> HttpsServer:
    """An HTTPS port that the administrator can ask what it saw of its clients (CERT-6, CLIENT-4)."""
    witness = Witness()
    app.register_blueprint(pages(witness, administrator))
    return HttpsServer(app, port, threads=threads, witness=witness)


def pages(witness: Witness, administrator: Login) -> Blueprint:
    """What a witness tells the administrator, and nobody else."""
    blueprint = Blueprint("witness", __name__, url_prefix="/api/v1")

    @blueprint.get("/handshakes")
    @documented("What this port saw of each handshake.", guards=_GUARDS, query=_AFTER, answers=_HANDSHAKES)
    def handshakes() -> Response:
        """What this port saw of each TLS handshake (CERT-6)."""
        basic.administrator(administrator, realm="what this port saw")
        return _told(witness, "handshakes", witness.handshakes)

    @blueprint.get("/requests")
    @documented("Every request that this port answered.", guards=_GUARDS, query=_AFTER, answers=_REQUESTS)
    def requests() -> Response:
        """Every request that this port answered (CLIENT-4)."""
        basic.administrator(administrator, realm="what this port saw")
        return _told(witness, "requests", witness.requests)

    return blueprint


def _told(witness: Witness, name: str, record: Record[Handshake] | Record[Request]) -> Response:
    seen, last = record.after(number("after", query(after="0")["after"]))
    return answer({"boot": witness.boot, "last": last, name: seen})
