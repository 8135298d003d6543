"""Messages over TCP, one JSON document a line. Sockets, no decisions.

Both invented links (CTI, portal link) speak like this: the caller says who it is first, then either side talks.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from typing import TYPE_CHECKING, TypeVar

import msgspec

from stubs.decoding import decode

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_LINE = 4 * 1024 * 1024
"""Longest accepted line in bytes."""


MOST_CALLERS = 64
"""Conversations that one listener has at a time; the services of a topology need a few."""


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a caller says first: a log-in, and the site of the server that it runs on."""

    name: str
    password: str
    site: str

    def is_from(self, name: str, password: str) -> bool:
        """Whether the caller may come in."""
        return secrets.compare_digest(self.password.encode(), password.encode()) and self.name == name


class LineConnection:
    """One connection; one thread sends, one receives.

    Args:
        connected: a connected socket; owned from here on.
        silence_s: how long the other side may be silent, in seconds.
    """

    def __init__(self, connected: socket.socket, *, silence_s: float) -> None:
        connected.settimeout(silence_s)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        self._reader = connected.makefile("rb")

    @classmethod
    def call(cls, address: str, port: int, *, hello: Hello, silence_s: float) -> LineConnection:
        """Connect and say who calls.

        Raises:
            OSError: refused, timed out, or unreachable.
        """
        connection = cls(socket.create_connection((address, port), silence_s), silence_s=silence_s)
        connection.send(hello)
        return connection

    def send(self, message: object) -> None:
        """Send one message.

        Raises:
            OSError: the connection is gone.
        """
        self._socket.sendall(msgspec.json.encode(message) + b"\n")

    def receive(self, kind: type[T]) -> T:
        """Wait for one message of a type.

        Raises:
            OSError: silent for too long, or the connection is gone.
            msgspec.MsgspecError: not such a message.
        """
        try:
            line = self._reader.readline(MAX_LINE)
        except ValueError as error:
            raise ConnectionError("the connection was closed here") from error
        if not line.endswith(b"\n"):
            raise ConnectionError("the other side closed the connection")
        return decode(line, kind)

    def close(self) -> None:
        """End the connection; also wakes a thread that waits in `receive`."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        # The reader keeps the descriptor; who waits in it was woken by the shutdown.
        with contextlib.suppress(OSError):
            self._reader.close()


BROKEN = (OSError, msgspec.MsgspecError)
"""How a conversation ends: gone, silent, or senseless. Either way it is called anew."""


def listen(
    port: int,
    converse: Callable[[LineConnection, str], None],
    *,
    silence_s: float,
    address: str = "0.0.0.0",  # noqa: S104 - of the server's own namespace
) -> None:
    """Accept callers in threads of their own until the process ends; whoever is one too many is hung up on.

    Args:
        port: TCP port.
        converse: talks with one caller, given its address; the connection is closed when it returns or breaks.
        silence_s: how long a caller may be silent, in seconds.
        address: where to listen; by default on all addresses of the server's namespace.
    """
    listener = socket.create_server((address, port), backlog=32)
    room = threading.Semaphore(MOST_CALLERS)

    def talk(connected: socket.socket, caller: str) -> None:
        connection = LineConnection(connected, silence_s=silence_s)
        try:
            with contextlib.suppress(*BROKEN):
                converse(connection, caller)
        finally:
            connection.close()
            room.release()

    def accept() -> None:
        while True:
            with contextlib.suppress(OSError):
                connected, (caller, _port) = listener.accept()
                if not room.acquire(blocking=False):
                    connected.close()
                    continue
                threading.Thread(target=talk, args=(connected, caller), daemon=True).start()

    threading.Thread(target=accept, name=f"listen-{port}", daemon=True).start()
