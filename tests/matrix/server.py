"""A TLS server on this machine, with a certificate for each name that it is asked for. Serves one page."""

from __future__ import annotations

import contextlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PAGE = b"<!doctype html><title>served</title><p>served"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_arguments: object) -> None:
        """Nothing: what the clients say is looked at."""


class _Server(ThreadingHTTPServer):
    """Shakes hands in the thread of each connection, so that a client that holds one back hinders no other."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._context = context

    def finish_request(self, request: object, client_address: object) -> None:
        plain: socket.socket = request  # type: ignore[assignment]  # mistyped: of TCP it is one
        plain.settimeout(10)
        with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as tls:
            super().finish_request(tls, client_address)


@contextlib.contextmanager
def serving(files: Mapping[str, Path]) -> Iterator[int]:
    """Serve names, each with the key and the chain of its file (PEM); yields the port on 127.0.0.1."""
    contexts: dict[str, ssl.SSLContext] = {}
    for name, path in files.items():
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(path)
    front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def choose(tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        if name not in contexts:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        tls.context = contexts[name]
        return None

    front.sni_callback = choose
    with _Server(front) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
