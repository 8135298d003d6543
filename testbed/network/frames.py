"""The engine's hijacked connection, put together into lines. Reads; knows nothing of what they say."""

from __future__ import annotations

import struct
import time
from typing import Protocol

_HEADER = struct.Struct(">BxxxL")  # stream number, three zero bytes, length of what follows
_STDOUT = 1
_CHUNK = 65536


class Stream(Protocol):
    """What the engine's hijacked connection must be able to do, whichever transport it came over."""

    def recv(self, most: int, /) -> bytes:
        """Some bytes; none at the end."""

    def sendall(self, data: bytes, /) -> object:
        """Write all of it."""

    def settimeout(self, seconds: float | None, /) -> None:
        """Bound each later call."""

    def close(self) -> None:
        """End it."""


class Frames:
    """Lines out of the engine's multiplexed stream; what came on stderr is kept aside for error messages.

    Bytes that came before a time-out stay, so that a later call goes on where it stopped.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._raw = bytearray()
        self._out = bytearray()
        self.stderr = bytearray()

    def line(self, deadline: float) -> bytes:
        """Return the next line of stdout.

        Args:
            deadline: in seconds of the monotonic clock.

        Raises:
            TimeoutError: it did not come by then.
            EOFError: the far end has ended.
        """
        while (end := self._out.find(b"\n")) < 0:
            self._read_more(deadline)
        line = bytes(self._out[:end])
        del self._out[: end + 1]
        return line

    def _read_more(self, deadline: float) -> None:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._stream.settimeout(left_s)
        data = self._stream.recv(_CHUNK)
        if not data:
            raise EOFError
        self._raw += data
        while len(self._raw) >= _HEADER.size:
            number, length = _HEADER.unpack_from(self._raw)
            if len(self._raw) < _HEADER.size + length:
                return
            content = self._raw[_HEADER.size : _HEADER.size + length]
            (self._out if number == _STDOUT else self.stderr).extend(content)
            del self._raw[: _HEADER.size + length]
