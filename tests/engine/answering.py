"""The engine in memory behind a socket, which fails the requests that a way is told to fail, as `broken` would.

No thread and no copy in between, so that thousands of requests cost seconds.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import re
import socketserver
import struct
import termios
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from testbed.waiting import wait_until
from tests.engine.breaking import REFUSAL, Failure, Way
from tests.engine.inside import Archive, FarEnd
from tests.engine.lives import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engine.double import Double

_STREAM = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nUpgrade: tcp\r\n\r\n"
_JSON = "Content-Type: application/json\r\n"


class _Connection(socketserver.StreamRequestHandler):
    """One connection; one that breaks ends quietly."""

    server: _Server

    def handle(self) -> None:
        """Request by request."""
        with contextlib.suppress(OSError):
            while (first := self.rfile.readline()) and self._request(first):
                pass

    def _request(self, first: bytes) -> bool:
        """Answer one; whether there can be another."""
        headers: dict[str, str] = {}
        while (line := self.rfile.readline().strip()) != b"":
            key, _, value = line.decode().partition(":")
            headers[key.lower()] = value.strip()
        raw = self.rfile.read(int(headers.get("content-length", 0)))
        body = json.loads(raw) if raw and "json" in headers.get("content-type", "") else raw
        fails = self.server.way.fails(first)
        how = self.server.way.how if fails else None
        if how is Failure.REFUSED:
            self.wfile.write(REFUSAL)
        if how in (Failure.REFUSED, Failure.UNSENT):
            return False
        code, said = self._answer(first.decode(), body)
        if code != 101:
            if how is None:
                self.wfile.write(_response(code, said))
            return how is None
        try:
            if how is None:
                self._stream(said)
        finally:
            if isinstance(said, FarEnd):
                self.server.double.end(said)
        return False

    def _answer(self, first: str, body: Any) -> tuple[int, Any]:
        method, target, _ = first.split(" ")
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        try:
            return self.server.double.answer(method, re.sub(r"^/v[0-9.]+", "", parts.path), query, body)
        except RefusedError as refused:
            return refused.args[0], {"message": refused.args[1]}

    def _stream(self, said: Any) -> None:
        """What a program says, in the engine's frames; the other side must have read the header before it says a word.

        For docker-py reads on below the buffer that it read the header into.
        """
        self.wfile.write(_STREAM)
        wait_until(self._unread, lambda left: left == 0, within_s=10, what="the header to be read", every_s=0.001)
        if not isinstance(said, FarEnd):
            self._say(said)
            return
        self._say(b'{"ready":true}\n')
        for line in self.rfile:
            self._say(json.dumps({"id": json.loads(line)["id"], **self.server.double.says}).encode() + b"\n")

    def _unread(self) -> int:
        """How many bytes the other side has not taken yet."""
        count: int = struct.unpack("i", fcntl.ioctl(self.connection, termios.TIOCOUTQ, bytes(4)))[0]
        return count

    def _say(self, words: bytes) -> None:
        self.wfile.write(struct.pack(">BxxxL", 1, len(words)) + words)


def _response(code: int, said: Any) -> bytes:
    """A whole answer, as it goes over the wire."""
    kind, text = _JSON, b""
    if isinstance(said, Archive):
        stat = base64.b64encode(json.dumps({"name": said.name, "size": len(said.tar)}).encode()).decode()
        kind, text = f"Content-Type: application/x-tar\r\nX-Docker-Container-Path-Stat: {stat}\r\n", said.tar
    elif said is not None:
        text = json.dumps(said).encode()
    return f"HTTP/1.1 {code} Said\r\n{kind}Content-Length: {len(text)}\r\n\r\n".encode() + text


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path, double: Double, way: Way) -> None:
        self.double, self.way = double, way
        super().__init__(str(path), _Connection)


@contextlib.contextmanager
def served(folder: Path, double: Double, way: Way) -> Iterator[str]:
    """An engine in memory that is reached by this way: its DOCKER_HOST."""
    path = folder / "double.sock"
    with _Server(path, double, way) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"unix://{path}"
        finally:
            server.shutdown()
