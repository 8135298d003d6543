"""Datagrams between services: short, unacknowledged, replaced by the next one. Sockets, no decisions.

A datagram counts only if it comes from the address it should and decodes strictly; anything else is dropped without
an answer, so that no stranger's packet can change a role.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from stubs.decoding import decode

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_DATAGRAM = 8192


class Gossip(Generic[T]):
    """One UDP socket that speaks to one neighbour and hears only that one.

    Args:
        kind: type of the messages.
        bind: own address and port.
        neighbour: the other's address and port.
        heard: called in the receiving thread with each message.

    Before it is started nothing is open, and what it says is lost.
    """

    def __init__(
        self, kind: type[T], *, bind: tuple[str, int], neighbour: tuple[str, int], heard: Callable[[T], None]
    ) -> None:
        self._kind = kind
        self._bind = bind
        self._neighbour = neighbour
        self._heard = heard
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Open the socket, and receive in a thread of its own until it is closed.

        Raises:
            OSError: the address is not ours, or the port is taken.
        """
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.bind(self._bind)
        except OSError:
            opened.close()
            raise
        self._socket = opened
        threading.Thread(target=self._receive, args=(opened,), name="gossip", daemon=True).start()

    def close(self) -> None:
        """Say and hear nothing any more."""
        closing, self._socket = self._socket, None
        if closing is not None:
            with contextlib.suppress(OSError):
                closing.shutdown(socket.SHUT_RDWR)  # wakes the thread that receives
            closing.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, once it was started."""
        if self._socket is None:
            return self._bind
        host, port = self._socket.getsockname()
        return host, port

    def say(self, message: T) -> None:
        """Send; a neighbour that cannot be reached is nothing to report here: it shows by its silence."""
        if self._socket is None:
            return
        with contextlib.suppress(OSError):
            self._socket.sendto(msgspec.json.encode(message), self._neighbour)

    def _receive(self, opened: socket.socket) -> None:
        while self._socket is opened:
            try:
                data, source = opened.recvfrom(MAX_DATAGRAM)
                if self._socket is not opened or source[0] != self._neighbour[0]:
                    continue
                message = decode(data, self._kind)
            except (OSError, msgspec.MsgspecError):
                continue
            self._heard(message)
