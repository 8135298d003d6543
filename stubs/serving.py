"""HTTPS for every service of a server: cheroot under Flask, handshakes on record, errors as JSON."""

from __future__ import annotations

import logging
import socket
import ssl
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec
from cheroot.makefile import MakeFile
from cheroot.ssl import Adapter
from flask import Flask, Response, request
from werkzeug.exceptions import ClientDisconnected, HTTPException

from stubs import patience
from stubs.decoding import decode
from stubs.handshaking import on_record
from stubs.installation import CERTIFICATE, STAGED, conf_path
from stubs.witness import Witness

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""Largest accepted body in bytes."""

HANDSHAKE_S = 5
"""How long a client may take for its handshake, and then for a request, in seconds."""

HARDENING = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of every answer."""

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


class _Socket(patience.Socket):
    """Remembers the name that the client asked for."""

    server_name: str | None = None


class _Adapter(Adapter):
    """Wraps sockets for TLS without shaking hands yet; a new certificate counts from the next connection on."""

    def __init__(self, certificate: Path) -> None:
        self.certificate = self.private_key = str(certificate)
        self.certificate_chain = self.ciphers = self.private_key_password = None
        self.use(certificate)

    def use(self, certificate: Path) -> None:
        """Show this one. No session of the former can be resumed: the keys of its tickets go with its context.

        Raises:
            OSError: the file cannot be read (`ssl.SSLError`: makes no sense); the former stays.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.sslsocket_class = _Socket
        context.sni_callback = _remember
        self.context = context

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


def _remember(tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
    if isinstance(tls, _Socket):
        tls.server_name = name


class HttpsServer:
    """One HTTPS port of a server.

    Args:
        app: what answers there.
        port: TCP port, on all addresses of the server's namespace.
        threads: requests that are worked on at once; further ones wait.
        witness: keeps what is seen of clients.
    """

    def __init__(self, app: Flask, port: int, *, threads: int = 8, witness: Witness | None = None) -> None:
        self.witness = witness or Witness()
        self._server = patience.Server(
            ("0.0.0.0", port),  # noqa: S104 - of the server's own namespace
            self.witness.watching(app),
            numthreads=threads,
            request_queue_size=512,
            timeout=HANDSHAKE_S,
        )
        self._adapter = _Adapter(conf_path(CERTIFICATE))
        self._server.ssl_adapter = self._adapter
        self._server.ConnectionClass = on_record(self.witness)
        self._server.error_log = _log_error  # type: ignore[method-assign] # cheroot's own way of logging

    def run(self) -> None:
        """Serve until the process ends."""
        self._server.start()

    def stop(self) -> None:
        """Accept nobody any more; `run` returns."""
        self._server.stop()

    def reload_certificate(self) -> None:
        """Take in the certificate that was staged, if one was, and show what is installed now (CERT-5).

        Every service of a server is told to: the first installs the file in one step, so that nobody reads half of it.
        """
        staged, installed = conf_path(STAGED), conf_path(CERTIFICATE)
        try:
            try:
                self._adapter.use(staged)
                staged.replace(installed)
            except FileNotFoundError:  # nothing was staged, or another service of this server was faster
                self._adapter.use(installed)
            self._server.end_former()  # so that every client meets it
        except OSError:
            log.exception("the certificate stays as it was")


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


def read_body(kind: type[T], *, most: int = MAX_BODY) -> T:
    """The request's JSON body, checked against its form.

    Args:
        kind: the form.
        most: bytes that it may have.

    Raises:
        Refusal: 415 for another content type, 413 for an over-long body, 400 for no JSON, 422 with the field named.
    """
    if request.mimetype != "application/json":
        raise Refusal(415, "unsupported_media_type", "Send JSON, with Content-Type: application/json.")
    request.max_content_length = most
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
