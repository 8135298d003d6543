"""How late packets arrive: an ear at one server, and at another a sender that writes into each packet when it left.

The kernel stamps what arrives, so that nobody has to be awake for it; all containers of a machine share its clock.
These packets are like everybody else's, no marked probes: those are counted and dropped before anybody hears them.

The standard library alone, to start fast.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING

from stubs.server.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKET = struct.Struct("!IQ")  # its number, and when it left in nanoseconds of the monotonic clock
_STAMP = struct.Struct("=qq")  # timespec
_TIMESTAMP_NS = 35  # SO_TIMESTAMPNS, and the type of the message that brings it
_BUFFER_FORCE = 33  # SO_RCVBUFFORCE: Python's socket has no names for these two
_BUFFER = 16 * 1024 * 1024
_PATIENCE_S = 1.0
"""How long the kernel may take until it stamps."""


class Ear:
    """Hears timed packets, from `begin` to `end`."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def begin(self) -> int:
        """Listen on a port that is free, and say which; the kernel stamps from now on. One begun before is ended.

        Raises:
            RefusedError: of kind "probe": there is no such port, or the kernel does not stamp.
        """
        self.end()
        try:
            self._socket = ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            ear.setsockopt(socket.SOL_SOCKET, _BUFFER_FORCE, _BUFFER)
            ear.setsockopt(socket.SOL_SOCKET, _TIMESTAMP_NS, 1)
            ear.settimeout(_PATIENCE_S)
            ear.bind(("", 0))
            port = int(ear.getsockname()[1])
            _await_stamps(ear, port)
            ear.setblocking(False)  # noqa: FBT003 - the name of the call says it
        except OSError as error:
            raise RefusedError("probe", f"cannot listen for timed packets: {error}") from error
        return port

    def look(self) -> list[tuple[int, int]]:
        """What has arrived since the last look: number, and how late in microseconds. Nothing before `begin`."""
        if self._socket is None:
            return []
        ahead_ns = _ahead_ns()
        return [(number, (stamp - ahead_ns - left) // 1000) for number, left, stamp in _drained(self._socket)]

    def end(self) -> None:
        """Listen no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def send_timed(address: str, *, port: int, count: int) -> dict[str, int]:
    """Send packets, numbered from 0, with the time in each.

    Raises:
        RefusedError: of kind "probe": they could not be sent.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect((address, port))
            for number in range(count):
                sender.send(_PACKET.pack(number, time.monotonic_ns()))
    except OSError as error:
        raise RefusedError("probe", f"timed packets to {address} port {port}: {error}") from error
    return {"sent": count}


def _await_stamps(ear: socket.socket, port: int) -> None:
    """Packets that come before the kernel stamps get the time at which they are read: some of our own show it."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        ear.sendto(b"", ("127.0.0.1", port))
        sent_ns = time.time_ns()
        if _received(ear)[1] <= sent_ns:
            return
    raise RefusedError("probe", f"the kernel has not stamped arriving packets for {_PATIENCE_S:g} s")


def _drained(ear: socket.socket) -> Iterator[tuple[int, int, int]]:
    """Every timed packet that is there: number, when it left, and when it came by the clock of the stamps."""
    with contextlib.suppress(BlockingIOError):
        while True:
            content, stamp = _received(ear)
            if len(content) == _PACKET.size:
                number, left = _PACKET.unpack(content)
                yield number, left, stamp


def _received(ear: socket.socket) -> tuple[bytes, int]:
    content, messages, _, _ = ear.recvmsg(64, socket.CMSG_SPACE(_STAMP.size))
    for level, kind, stamp in messages:
        if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMP_NS):
            seconds, rest = _STAMP.unpack(stamp)
            return content, seconds * 1_000_000_000 + rest
    raise OSError("a packet without a stamp")


def _ahead_ns() -> int:
    """By how much the clock of the stamps is ahead of the monotonic one; the least disturbed of some looks."""

    def look() -> tuple[int, int]:
        before, wall, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        return after - before, wall - (before + after) // 2

    return min(look() for _ in range(5))[1]
