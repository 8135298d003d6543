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

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_DATAGRAM = 8192


class Gossip(Generic[T]):
    """One UDP socket that speaks to one neighbour and hears only that one.

    Args:
        kind: type of the messages; strict in both directions.
        bind: own address and port.
        neighbour: the other's address and port.
        heard: called in the receiving thread with each message.
    """

    def __init__(
        self, kind: type[T], *, bind: tuple[str, int], neighbour: tuple[str, int], heard: Callable[[T], None]
    ) -> None:
        self._decoder = msgspec.json.Decoder(kind, strict=True)
        self._neighbour = neighbour
        self._heard = heard
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(bind)

    def start(self) -> None:
        """Receive in a thread of its own until the process ends."""
        threading.Thread(target=self._receive, name="gossip", daemon=True).start()

    def say(self, message: T) -> None:
        """Send; a neighbour that cannot be reached is nothing to report here: it shows by its silence."""
        with contextlib.suppress(OSError):
            self._socket.sendto(msgspec.json.encode(message), self._neighbour)

    def _receive(self) -> None:
        while True:
            try:
                data, source = self._socket.recvfrom(MAX_DATAGRAM)
                if source[0] != self._neighbour[0]:
                    continue
                message = self._decoder.decode(data)
            except (OSError, msgspec.MsgspecError):
                continue
            self._heard(message)
