"""How long and how much a client may send: bounds on time and memory around cheroot, and no answer gets lost.

A client that drips its request, announces more than it sends, or sends more than anybody reads, costs one thread for a
few seconds and no memory, and can read what was wrong.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import weakref
from typing import Any

from cheroot import wsgi
from cheroot.makefile import MakeFile
from cheroot.server import HTTPConnection, HTTPRequest

from stubs import clock

REQUEST_S = 5
"""How long a whole request may take to arrive, in seconds."""

LINGER_S = 2
"""How long a client may go on sending after the last answer of its connection, in seconds."""

UNREAD = 64 * 1024
"""How much of a body that nobody read is taken in, in bytes, so that the connection can be used again."""

MOST_IDLE = 1024
"""Connections that are kept for a next request at a time; an answer beyond says that its connection ends. One costs
some 25 kB, and saves a handshake, which takes as long as a request itself."""

_PIECE = 64 * 1024


class Server(wsgi.Server):
    """With a bound on the request line and the headers together, in bytes, and on connections that are idle."""

    max_request_header_size = 64 * 1024
    keep_alive_conn_limit = MOST_IDLE

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._made: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._lock = threading.Lock()

    def made(self, connection: Connection) -> None:
        """Keep in mind that there is this connection."""
        with self._lock:
            self._made.add(connection)

    def end_former(self) -> None:
        """End every connection that there is: at once where it is idle, else once its request has been answered."""
        with self._lock:
            former, self._made = self._made, weakref.WeakSet()
        for connection in former:
            connection.end()


class Socket(ssl.SSLSocket):
    """Reads until a moment, however little comes at a time.

    Attributes:
        due_ms: when; `None`: each read has the socket's own time.
    """

    due_ms: int | None = None

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Read what is there, or wait for it.

        Raises:
            TimeoutError: nothing came in time.
        """
        if self.due_ms is None:
            return super().recv_into(buffer, nbytes, flags)
        whole_s = self.gettimeout()
        self.settimeout(max(self.due_ms - clock.monotonic_ms(), 1) / 1000)
        try:
            return super().recv_into(buffer, nbytes, flags)
        finally:
            self.settimeout(whole_s)


class _Request(HTTPRequest):
    """Knows what to do with a body that nobody read."""

    def read_request_headers(self) -> bool:
        if not super().read_request_headers():  # type: ignore[no-untyped-call] # cheroot's stubs leave it open
            return False
        # Python's own reading of a number takes signs, spaces and underscores as well.
        if not self.inheaders.get(b"Content-Length", b"0").isdigit():
            self.simple_response("400 Bad Request", "Malformed Content-Length Header.")
            return False
        return True

    def send_headers(self) -> None:
        if self.conn.is_former or not self._rest_is_read():
            self.close_connection = True
        super().send_headers()

    def _rest_is_read(self) -> bool:
        """Take in the rest of the body, if it is small and there; what comes later would pass for a request."""
        left = getattr(self.rfile, "remaining", 0)
        if self.chunked_read or left > UNREAD:
            return False
        self.conn.socket.due_ms = min(self.conn.socket.due_ms, clock.monotonic_ms() + 1000)
        try:
            return left == 0 or len(self.rfile.read(left)) == left
        except OSError:
            return False


class Connection(HTTPConnection):
    """Bounds the time of each request, and closes so that the last answer can be read.

    Attributes:
        is_former: no further request is to be answered.
        is_over: this side has ended it while it was idle.
    """

    RequestHandlerClass = _Request
    is_former = False
    is_over = False

    def __init__(self, server: Server, sock: socket.socket, makefile: Any = MakeFile) -> None:
        super().__init__(server, sock, makefile)
        self._busy = False
        self._turn = threading.Lock()
        server.made(self)

    def end(self) -> None:
        """End it at once if it is idle, else once what it is about has been done."""
        with self._turn:
            self.is_former = True
            self.is_over = not self._busy
        if self.is_over:
            with contextlib.suppress(OSError):
                # Not TLS's own, which takes the keys away from a thread that reads.
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def busy(self) -> bool:
        """Something is done with it from now on; not, if it is over."""
        with self._turn:
            self._busy = not self.is_over
            return self._busy

    def idle(self) -> bool:
        """Nothing is done with it from now on; whether anything may follow."""
        with self._turn:
            self._busy = False
            self.is_over = self.is_over or self.is_former
            return not self.is_over

    def communicate(self) -> bool:
        """Work on one request; whether the connection is kept."""
        if not self.busy():
            return False
        self.socket.due_ms = clock.monotonic_ms() + REQUEST_S * 1000
        kept = bool(super().communicate())  # type: ignore[no-untyped-call] # as above
        kept = self.idle() and kept
        if not kept:
            _linger(self.socket)
        return kept


def _linger(sock: socket.socket) -> None:
    """Say that no more will come, and let the client finish: whoever closes on it while it sends resets its answer."""
    due_ms = clock.monotonic_ms() + LINGER_S * 1000
    try:
        sock.shutdown(socket.SHUT_WR)
        while (left_ms := due_ms - clock.monotonic_ms()) > 0:
            sock.settimeout(left_ms / 1000)
            if not sock.recv(_PIECE):
                return
    except OSError:
        return
