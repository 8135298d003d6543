"""Between a program and the engine: a way through that fails one request, made up to fit."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINE = Path(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://"))
_CHUNK = 65536
_SAYS = b'{"message":"made-up failure"}'
_REFUSAL = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_SAYS), _SAYS)
)


class Way:
    """Passes everything on, but for one request.

    Args:
        pattern: what the first line of the request to fail begins with; a regular expression.
        after: how many of that kind pass before it.
    """

    def __init__(self, pattern: str, *, after: int) -> None:
        self._pattern = re.compile(pattern.encode())
        self._left = after
        self._lock = threading.Lock()
        self.has_failed = False

    def fails(self, chunk: bytes) -> bool:
        """Whether this request is the one."""
        with self._lock:
            if self.has_failed or not self._pattern.match(chunk):
                return False
            self._left -= 1
            self.has_failed = self._left < 0
            return self.has_failed

    def serve(self, near: socket.socket) -> None:
        """Pass on one connection, until either side ends it."""
        with contextlib.suppress(OSError), near, socket.socket(socket.AF_UNIX) as far:
            far.connect(str(ENGINE))
            threading.Thread(target=_pass, args=(far, near), daemon=True).start()
            while chunk := near.recv(_CHUNK):
                if self.fails(chunk):
                    near.sendall(_REFUSAL)
                    return
                far.sendall(chunk)
            far.shutdown(socket.SHUT_WR)


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def broken(folder: Path, pattern: str, *, after: int = 0) -> Iterator[tuple[str, Way]]:
    """An engine that fails one request: its DOCKER_HOST, and the way to it."""
    way = Way(pattern, after=after)
    path = folder / "engine.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = listener.accept()
                    threading.Thread(target=way.serve, args=(near,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"unix://{path}", way
        listener.shutdown(socket.SHUT_RDWR)
