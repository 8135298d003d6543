"""Between a program and the engine: a way through that fails requests, one or from one on, in three ways."""

from __future__ import annotations

import contextlib
import enum
import os
import re
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINE = Path(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://"))
_CHUNK = 65536
_SAYS = b'{"message":"made-up failure"}'
REFUSAL = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_SAYS), _SAYS)
)
_REQUEST = re.compile(rb"(GET|HEAD|POST|PUT|DELETE) /\S* HTTP/1\.1\r\n")


class Failure(enum.Enum):
    """How a request fails."""

    REFUSED = "refused"
    """The engine answers with an error."""
    UNSENT = "unsent"
    """The connection breaks before the engine has the request."""
    UNANSWERED = "unanswered"
    """The engine carries it out, and the connection breaks before it says so."""


EVERY_WAY = [(how, lasting) for how in Failure for lasting in (False, True)]
"""In which way a request fails, and whether all that follow do too."""


@dataclass
class Way:
    """Passes everything on, but for the requests that are to fail.

    Attributes:
        pattern: what the first line of a request to fail begins with; a regular expression.
        after: how many of that kind pass before the first that fails; none fails where it is `None`.
        how: the way they fail.
        lasting: whether all of that kind fail from the first on; else it alone does.
        seen: the first line of every request that came.
        failed: how many failed.
    """

    pattern: str = ""
    after: int | None = None
    how: Failure = Failure.REFUSED
    lasting: bool = False
    seen: list[str] = field(default_factory=list)
    failed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _met: int = 0

    def begin(self, after: int, how: Failure, lasting: bool) -> None:  # noqa: FBT001 - as the attributes are
        """Count anew from here."""
        with self._lock:
            self.after, self.how, self.lasting = after, how, lasting
            self.failed = self._met = 0

    @property
    def has_failed(self) -> bool:
        """Whether a request failed."""
        return self.failed > 0

    def fails(self, chunk: bytes) -> bool:
        """Whether this is a request that fails."""
        with self._lock:
            if not _REQUEST.match(chunk):
                return False
            self.seen.append(chunk.split(b"\r\n", 1)[0].decode())
            if self.after is None or not re.match(self.pattern.encode(), chunk):
                return False
            self._met += 1
            fails = self._met > self.after if self.lasting else self._met == self.after + 1
            self.failed += fails
            return fails

    def serve(self, near: socket.socket, engine: Path) -> None:
        """Pass on one connection, until either side ends it."""
        deaf = threading.Event()
        with contextlib.suppress(OSError), near, socket.socket(socket.AF_UNIX) as far:
            far.connect(str(engine))
            back = threading.Thread(target=_pass, args=(far, near, deaf), daemon=True)
            back.start()
            while chunk := near.recv(_CHUNK):
                if self.fails(chunk):
                    match self.how:
                        case Failure.REFUSED:
                            near.sendall(REFUSAL)
                            return
                        case Failure.UNSENT:
                            near.shutdown(socket.SHUT_RDWR)
                            return
                        case Failure.UNANSWERED:
                            deaf.set()
                far.sendall(chunk)
            far.shutdown(socket.SHUT_WR)
            back.join()


def _pass(source: socket.socket, target: socket.socket, deaf: threading.Event) -> None:
    """Pass on until the end, or until the first that comes once nobody is to hear it."""
    with contextlib.suppress(OSError):
        while (chunk := source.recv(_CHUNK)) and not deaf.is_set():
            target.sendall(chunk)
        target.shutdown(socket.SHUT_RDWR if deaf.is_set() else socket.SHUT_WR)


@contextlib.contextmanager
def broken(folder: Path, way: Way, *, engine: Path = ENGINE) -> Iterator[str]:
    """An engine that is reached by this way: its DOCKER_HOST."""
    path = folder / "engine.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = listener.accept()
                    threading.Thread(target=way.serve, args=(near, engine), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"unix://{path}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            path.unlink()
