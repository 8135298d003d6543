"""A stream of packets that keeps a link busy, and how fast the link is meanwhile. Sends and measures; judges nothing.

Who else sends over the link slows the stream down, but not the link: what the kernel counts of all senders tells the
rate whether the stream gets through or waits behind others. The standard library alone, to start fast.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from typing import TYPE_CHECKING, NamedTuple

from stubs import ports
from stubs.server import probes
from stubs.server.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

_TURN_S = 0.002
"""How long a packet waits for room until the count is looked at again."""

_LOOK_S = 0.0005
"""How long the count is not looked at again."""

_SHARED_S = 1.0
"""How long a link is watched that others keep busy."""

_PATIENCE_S = 10.0
"""How long a link may stand still: at the slowest rate a packet that is yet to be cut up takes 8 s."""


class Stream(NamedTuple):
    """The measures of a stream.

    Attributes:
        address: to whom.
        port: to which port.
        size: bytes of each packet as a link counts them, Ethernet and IP headers included.
        packets: how many at most.
        skip: how many to let pass before the measurement begins, for what a link takes at once; fewer where the link
            makes the sender wait before.
        room: of the sender's buffer in bytes; when it is full the sender waits, so that no packet is lost.
        carried: how many bytes the link has carried by now, of whatever sender; None where nobody counts them.
    """

    address: str
    port: int
    size: int
    packets: int
    skip: int
    room: int
    carried: Callable[[], int | None]


class Pace:
    """How fast a count grows on a link that is never idle: from one packet of it to another.

    A packet that the link has taken keeps it busy for as long as the rate says. So what it took from one moment at
    which the count grew until just before another went in exactly the time between.

    Attributes:
        carried: so many bytes.
        lasted_s: in so many seconds; nought while the count has not grown twice.
        moved_at: when the count grew last, on the monotonic clock in seconds.
    """

    def __init__(self, count: Callable[[], int | None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.carried, self.lasted_s, self.moved_at = 0, 0.0, clock()
        self._count, self._clock = count, clock
        self._last = count()
        self._first: tuple[float, int] | None = None

    def look(self) -> None:
        """Look whether it has grown."""
        counted, at = self._count(), self._clock()
        if counted is None or self._last is None or counted == self._last:
            return
        if self._first is None:
            self._first = (at, self._last)
        else:
            began_at, before = self._first
            self.carried, self.lasted_s = self._last - before, at - began_at
        self._last, self.moved_at = counted, at


def stream(wanted: Stream, *, over: Callable[[], bool]) -> dict[str, float]:
    """Send UDP packets as fast as the link takes them, and measure how fast the link is.

    Args:
        wanted: its measures.
        over: whether it is broken off.

    Returns:
        `sent` packets in `lasted_ms`, and `carried` bytes of all senders in `carried_ms`, which are nought where
        nobody counts them. Milliseconds of the monotonic clock.

    Raises:
        RefusedError: as `probes.send_probes`, and when the link stands still, or the stream is broken off.
    """
    with probes.explained(wanted.address, "udp", wanted.port), probes.marked("udp", dscp=ports.STREAM_DSCP) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wanted.room)
        # Not a time-out of Python's, which would wait for half the buffer to drain and so let the link stand idle.
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("=qq", 0, int(_TURN_S * 1_000_000)))
        # Without this a packet for which a queue has no room would count as sent.
        sender.setsockopt(socket.IPPROTO_IP, probes.IP_RECVERR, 1)
        sender.connect((wanted.address, wanted.port))
        offer = _Offer(sender, bytes(wanted.size - 42), over)  # Ethernet 14, IP 20, UDP 8
        for _ in range(wanted.skip):
            if not offer.is_taken():
                break
        return _measured(wanted, offer)


class _Offer:
    """Packets of one size, offered to a link one by one."""

    def __init__(self, sender: socket.socket, payload: bytes, over: Callable[[], bool]) -> None:
        self._sender, self._payload, self._over = sender, payload, over

    def is_taken(self) -> bool:
        """Whether there was room for one more within a turn."""
        if self._over():
            raise RefusedError("probe", f"a stream to {self._sender.getpeername()[0]} was broken off")
        try:
            self._sender.send(self._payload)
        except BlockingIOError:  # packets of its own wait, so the link is busy
            return False
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            time.sleep(_TURN_S)  # the queue is full of others' packets, so the link is busy
            return False
        return True


def _measured(wanted: Stream, offer: _Offer) -> dict[str, float]:
    sent, pace = 0, Pace(wanted.carried)
    began_at = looked_at = taken_at = time.monotonic()
    while True:
        is_taken = offer.is_taken()
        now = time.monotonic()
        if is_taken:
            sent, taken_at = sent + 1, now
        if now - looked_at >= _LOOK_S:
            pace.look()
            looked_at = now
        is_shared = now - began_at >= _SHARED_S and pace.lasted_s >= _SHARED_S / 2
        if sent >= wanted.packets - wanted.skip or is_shared:
            break
        if now - max(taken_at, pace.moved_at) > _PATIENCE_S:
            raise RefusedError("probe", f"a link to {wanted.address} has taken nothing for {_PATIENCE_S:g} s")
    lasted_ms, carried_ms = (now - began_at) * 1000, pace.lasted_s * 1000
    return {"sent": sent, "lasted_ms": lasted_ms, "carried": pace.carried, "carried_ms": carried_ms}
