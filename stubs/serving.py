"""HTTPS for every service of a server: cheroot under Flask, handshakes on record, errors as JSON.

The TLS handshake happens in a worker thread, not while accepting: a client that connects and says nothing must not
hold up the others. Each handshake is put on record, completed or with the alert that ended it (CERT-6).
"""

from __future__ import annotations

import collections
import logging
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec
from cheroot.makefile import MakeFile
from cheroot.ssl import Adapter
from flask import Flask, Response, request
from werkzeug.exceptions import ClientDisconnected, HTTPException

from stubs import clock, patience
from stubs.decoding import decode
from stubs.installation import conf_path

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""Largest accepted body in bytes."""

HANDSHAKE_S = 5
"""How long a client may take for its handshake, and then for a request, in seconds."""

REMEMBERED_HANDSHAKES = 1000

HARDENING = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of every answer."""


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """What the server saw of one TLS handshake (CERT-6).

    Attributes:
        at: wall time, ISO 8601.
        client: address of the client.
        outcome: "completed", "alert" or "dropped".
        detail: the alert in OpenSSL's words; empty if completed.
    """

    at: str
    client: str
    outcome: str
    detail: str = ""


Code = Literal[
    "bad_request",
    "body_too_large",
    "conflict",
    "home_core_down",
    "internal",
    "invalid_body",
    "invalid_credentials",
    "invalid_json",
    "length_required",
    "method_not_allowed",
    "no_resiliency",
    "not_found",
    "not_logged_in",
    "not_ready",
    "not_running",
    "not_serving",
    "not_stored",
    "precondition_required",
    "request_timeout",
    "serves_elsewhere",
    "session_taken",
    "stale",
    "unsupported_media_type",
]
"""Every code that an error of the API can have."""


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of ours
    """An answer other than success, from the closed set of error codes of the API.

    Args:
        status: HTTP status.
        code: the machine's word.
        message: the people's words; names the field if one is at fault.
        headers: further headers.
    """

    def __init__(self, status: int, code: Code, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class _RecordingAdapter(Adapter):
    """Wraps sockets for TLS without shaking hands yet; a new certificate counts from the next connection on."""

    def __init__(self, certificate: str, private_key: str) -> None:
        self.certificate, self.private_key = certificate, private_key
        self.certificate_chain = self.ciphers = self.private_key_password = None
        self.context = self._make_context()

    def _make_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.private_key)
        context.sslsocket_class = patience.Socket
        return context

    def reload(self) -> None:
        self.context = self._make_context()

    def bind(self, sock: socket.socket) -> socket.socket:
        return sock

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, Any]]:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, Any]:
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, sock: socket.socket, mode: str = "r", bufsize: int = -1) -> Any:
        return MakeFile(sock, mode, bufsize)


class HttpsServer:
    """One HTTPS port of a server.

    Args:
        app: what answers there.
        port: TCP port, on all addresses of the server's namespace.
        threads: requests that are worked on at once; further ones wait.
    """

    def __init__(self, app: Flask, port: int, *, threads: int = 8) -> None:
        self.handshakes: collections.deque[Handshake] = collections.deque(maxlen=REMEMBERED_HANDSHAKES)
        self._server = patience.Server(
            ("0.0.0.0", port),  # noqa: S104 - of the server's own namespace
            app,
            numthreads=threads,
            request_queue_size=512,
            timeout=HANDSHAKE_S,
        )
        self._adapter = _RecordingAdapter(str(conf_path("certificate.pem")), str(conf_path("key.pem")))
        self._server.ssl_adapter = self._adapter
        self._server.ConnectionClass = _connection_class(self._record)
        self._server.error_log = _log_error  # type: ignore[method-assign] # cheroot's own way of logging

    def run(self) -> None:
        """Serve until the process ends."""
        self._server.start()

    def stop(self) -> None:
        """Accept nobody any more; `run` returns."""
        self._server.stop()

    def reload_certificate(self) -> None:
        """Use the files that are installed now."""
        self._adapter.reload()

    def _record(self, client: str, outcome: str, detail: str = "") -> None:
        seen = Handshake(at=clock.utc_now(), client=client, outcome=outcome, detail=detail)
        self.handshakes.append(seen)
        if outcome != "completed":
            log.info("handshake with %s: %s %s", client, outcome, detail)


def _connection_class(record: Callable[..., None]) -> type[patience.Connection]:
    class Connection(patience.Connection):
        """Shakes hands in the worker thread, once, on record."""

        shaken = False

        def communicate(self) -> bool:
            if not self.shaken:
                client = str(self.remote_addr)
                try:
                    self.socket.do_handshake()
                except ssl.SSLError as error:
                    outcome = "alert" if "ALERT" in (error.reason or "") else "dropped"
                    record(client, outcome, error.reason or str(error))
                    return False
                except OSError as error:
                    record(client, "dropped", str(error))
                    return False
                self.shaken = True
                record(client, "completed")
            return super().communicate()

    return Connection


def _log_error(msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:  # noqa: FBT001, FBT002
    log.log(level, "%s", msg, exc_info=traceback)


def make_app(package: str) -> Flask:
    """A Flask application whose every error is JSON of one form, and whose answers are never cached."""
    app = Flask(package, template_folder="pages", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.url_map.merge_slashes = False  # a path that is not ours is not found, never guessed at
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ClientDisconnected, _too_slow)
    app.register_error_handler(Exception, _unexpected)
    app.before_request(_whole)
    app.after_request(_harden)
    return app


def answer(body: Any, status: int = 200, **headers: str) -> Response:
    """A JSON answer; dataclasses and structs are encoded by their fields."""
    response = Response(msgspec.json.encode(body), status=status, mimetype="application/json")
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


def read_body(kind: type[T]) -> T:
    """The request's JSON body, checked against its form.

    Raises:
        Refusal: 415 for another content type, 413 for an over-long body, 400 for no JSON, 422 with the field named.
    """
    if request.mimetype != "application/json":
        raise Refusal(415, "unsupported_media_type", "Send JSON, with Content-Type: application/json.")
    try:
        return decode(request.get_data(), kind)
    except msgspec.ValidationError as error:
        raise Refusal(422, "invalid_body", str(error)) from error
    except msgspec.DecodeError as error:
        raise Refusal(400, "invalid_json", f"The body is not JSON: {error}") from error


def _whole() -> None:
    """Take no body in chunks: how long it is shall be known before it is read."""
    if "Transfer-Encoding" in request.headers:
        raise Refusal(411, "length_required", "Send the body in one piece, with Content-Length.")


def _refused(refusal: Refusal) -> Response:
    body = {"error": refusal.code, "message": refusal.message}
    return answer(body, refusal.status, **refusal.headers)


_CODES: dict[int, Code] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    code: Code = _CODES.get(status, "bad_request" if status < 500 else "internal")  # noqa: PLR2004 - HTTP's own border
    response = answer({"error": code, "message": error.description or error.name}, status)
    for name, value in error.get_headers():
        if name.lower() == "allow":
            response.headers[name] = value
    return response


def _too_slow(_error: ClientDisconnected) -> Response:
    """Whoever reads this is still there: it is the body that did not come."""
    return _refused(Refusal(408, "request_timeout", "The body did not come within its time."))


def _unexpected(error: Exception) -> Response:
    log.error("request %s %s failed", request.method, request.path, exc_info=error)
    return answer({"error": "internal", "message": "The service failed; its log says why."}, 500)


def _harden(response: Response) -> Response:
    for name, value in HARDENING.items():
        response.headers.setdefault(name, value)
    return response
