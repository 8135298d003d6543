"""Small servers on loopback that speak the contract over real TLS, and write down what they saw."""

from __future__ import annotations

import json
import secrets
import socket
import socketserver
import ssl
import tempfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbed.certificates import ServerCertificate

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Request:
    """One request as a fake saw it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """What a fake answers. A `raw` one replaces everything; None of it means never answering."""

    status: int
    json: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None


@dataclass
class Seen:
    """What a service saw: names asked for, handshakes completed or refused, requests."""

    names: list[str | None] = field(default_factory=list)
    handshakes: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """The requests, shortly."""
        return [f"{request.method} {request.path}" for request in self.requests]


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    block_on_close = True
    service: Service

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.service.serve(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of the fake."""


class Service:
    """One TLS port of a fake server."""

    def __init__(self, certificate: ServerCertificate, respond: Callable[[Request], Reply | None]) -> None:
        self.seen = Seen()
        self.respond = respond
        self.released = threading.Event()
        self.install(certificate)
        # Bound for the service's whole life, never listening: nobody else gets the port while it is stopped.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind((LOOPBACK, 0))
        self.port: int = self._reserved.getsockname()[1]
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    def install(self, certificate: ServerCertificate) -> None:
        """Serve this certificate from the next handshake on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(certificate.key + certificate.chain)
            pem.flush()
            context.load_cert_chain(pem.name)
        context.sni_callback = lambda _tls, name, _context: self.seen.names.append(name)
        self._context = context

    def start(self) -> None:
        """Listen."""
        self.released.clear()
        listener = _Listener((LOOPBACK, self.port), BaseHTTPRequestHandler)
        listener.service = self
        self._listener = listener
        self._thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.005})
        self._thread.start()

    def stop(self) -> None:
        """Stop listening: the next connection is refused."""
        if self._listener is not None and self._thread is not None:
            self.released.set()
            self._listener.shutdown()
            self._listener.server_close()
            self._thread.join()
            self._listener = None

    def close(self) -> None:
        """Stop, and give the port back."""
        self.stop()
        self._reserved.close()

    def serve(self, plain: socket.socket, client_address: Any) -> None:
        """Shake hands and answer, in the connection's own thread."""
        try:
            tls = self._context.wrap_socket(plain, server_side=True)
        except OSError as error:
            self.seen.handshakes.append(getattr(error, "reason", None) or type(error).__name__)
            return
        self.seen.handshakes.append("completed")
        with tls:
            handler = type("Handler", (_Handler,), {"service": self})
            handler(tls, client_address, self._listener)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: ClassVar[Service]

    def parse_request(self) -> bool:
        """Answer every method in the same way."""
        if not super().parse_request():
            return False
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        request = Request(self.command, self.path, dict(self.headers), body)
        self.service.seen.requests.append(request)
        reply = self.service.respond(request)
        self.close_connection = True
        if reply is None:
            self.service.released.wait(timeout=30)
        elif reply.raw is not None:
            self.wfile.write(reply.raw)
        else:
            self._send(reply)
        return False

    def _send(self, reply: Reply) -> None:
        content = b"" if reply.json is None else json.dumps(reply.json).encode()
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


class FakeServer:
    """A portal and a core with one certificate: `testbed.clients.world.ServerLike`, plus levers."""

    def __init__(self, name: str, certificate: ServerCertificate, hostname: str) -> None:
        self.name = name
        self.hostname = hostname
        self.address = LOOPBACK
        self.certificate = certificate
        self.role = "serving"
        self.sends_to: str | None = None
        self.core_names: str | None = None
        self.sessions: dict[str, str] = {}
        self.items: dict[str, dict[str, Any]] = {}
        self.portal = Service(certificate, self._portal)
        self.core = Service(certificate, lambda _: Reply(200, {"portal": self.core_names}))

    @property
    def portal_url(self) -> str:
        """The portal's page."""
        return f"https://{self.hostname}:{self.portal.port}/onexportal.html"

    @property
    def api_url(self) -> str:
        """The portal's API."""
        return f"https://{self.hostname}:{self.portal.port}/api/v1"

    @property
    def core_url(self) -> str:
        """The core's services."""
        return f"https://{self.hostname}:{self.core.port}"

    def start(self) -> None:
        """Start both services."""
        self.portal.start()
        self.core.start()

    def close(self) -> None:
        """Stop both services for good."""
        self.portal.close()
        self.core.close()

    def install(self, certificate: ServerCertificate) -> None:
        """Change the certificate of both services."""
        self.certificate = certificate
        self.portal.install(certificate)
        self.core.install(certificate)

    def serves(self) -> None:
        """This portal is Available."""
        self.role, self.sends_to = "serving", None

    def waits(self, *, sends_to: FakeServer | None = None) -> None:
        """This portal is Starting; it redirects, if told where to."""
        self.role, self.sends_to = "waiting", sends_to.portal_url if sends_to else None
        self.sessions.clear()

    def _portal(self, request: Request) -> Reply:
        page = request.path == "/onexportal.html"
        if self.role == "waiting":
            if self.sends_to is None:
                return Reply(503, {"error": "not_serving", "message": "not serving"})
            target = self.sends_to if page else self.sends_to.replace("/onexportal.html", request.path)
            return Reply(302 if page else 307, headers=(("Location", target),))
        if page:
            return Reply(200)
        if request.path == "/api/v1/session":
            return self._session(request)
        return self._collection(request)

    def _session(self, request: Request) -> Reply:
        if request.method == "POST":
            if request.body["password"] != "right":
                return Reply(401, {"error": "invalid_credentials", "message": "Invalid user credentials"})
            token = secrets.token_hex(8)
            self.sessions[token] = request.body["user"]
            cookie = ("Set-Cookie", f"onex_session={token}; Secure; HttpOnly; Path=/")
            return Reply(201, {"user": request.body["user"], "server": self.name}, headers=(cookie,))
        user = self._user(request)
        if user is None:
            return Reply(401, {"error": "not_logged_in", "message": "log in first"})
        return Reply(200, {"user": user, "server": self.name})

    def _collection(self, request: Request) -> Reply:
        if self._user(request) is None:
            return Reply(401, {"error": "not_logged_in", "message": "log in first"})
        key = request.path.rsplit("/", 1)[-1]
        match request.method:
            case "GET":
                return Reply(200, {"items": list(self.items.values())})
            case "POST":
                key = str(len(self.items) + 1)
                self.items[key] = {**request.body, "id": key}
                return Reply(201, self.items[key])
            case "PUT":
                self.items[key] = {**request.body, "id": key}
                return Reply(200, self.items[key])
            case _:
                del self.items[key]
                return Reply(204)

    def _user(self, request: Request) -> str | None:
        cookie = request.headers.get("Cookie", "")
        return self.sessions.get(cookie.removeprefix("onex_session="))
