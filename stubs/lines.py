"""Messages over TCP, one JSON document a line. Sockets, no decisions.

Both invented links (CTI, portal link) speak like this: the caller says who it is first, then either side talks.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

In = TypeVar("In")

MAX_LINE = 4 * 1024 * 1024
"""Longest accepted line in bytes."""


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a caller says first."""

    name: str
    password: str
    site: str


class LineConnection(Generic[In]):
    """One connection that sends anything and receives one type of message, strictly.

    Args:
        connected: a connected socket; owned from here on.
        kind: type of the messages received.
        silence_s: how long the other side may be silent, in seconds.
    """

    def __init__(self, connected: socket.socket, kind: type[In], *, silence_s: float) -> None:
        connected.settimeout(silence_s)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        self._reader = connected.makefile("rb")
        self._decoder = msgspec.json.Decoder(kind, strict=True)

    @classmethod
    def call(cls, address: str, port: int, kind: type[In], *, hello: Hello, silence_s: float) -> LineConnection[In]:
        """Connect and say who calls.

        Raises:
            OSError: refused, timed out, or unreachable.
        """
        connection = cls(socket.create_connection((address, port), silence_s), kind, silence_s=silence_s)
        connection.send(hello)
        return connection

    def send(self, message: object) -> None:
        """Send one message.

        Raises:
            OSError: the connection is gone.
        """
        self._socket.sendall(msgspec.json.encode(message) + b"\n")

    def receive(self) -> In:
        """Wait for one message.

        Raises:
            OSError: silent for too long, or the connection is gone.
            msgspec.MsgspecError: not such a message.
        """
        line = self._reader.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            raise ConnectionError("the other side closed the connection")
        return self._decoder.decode(line)

    def messages(self) -> Iterator[In]:
        """All messages until the connection ends, however it ends."""
        while True:
            try:
                yield self.receive()
            except (OSError, ValueError, msgspec.MsgspecError):
                return

    def close(self) -> None:
        """End the connection; also wakes a thread that waits in `receive`."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


def listen(port: int) -> socket.socket:
    """A listening socket on all addresses of the server's namespace."""
    return socket.create_server(("0.0.0.0", port), backlog=32)  # noqa: S104 - of the server's own namespace
