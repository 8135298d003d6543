"""The near end of the fault channel: requests to the loop in a server container (`stubs.server.channel`).

One exec with stdin open, over the engine's own API, so that it works with a remote engine too. May hold the
pipe and its framing; what is asked through it is text of `testbed.network.nft`, and what it means is the
caller's.
"""

from __future__ import annotations

import contextlib
import json
import struct
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol, Self

from docker.errors import APIError, DockerException, NotFound

from stubs import ports
from testbed.errors import EngineError, FaultError

if TYPE_CHECKING:
    from ipaddress import IPv4Address
    from types import TracebackType

    import docker

COMMAND = ("python3", "-m", "stubs.server.channel")
DEADLINE_S = 5.0
_HEADER = struct.Struct(">BxxxL")  # stream number, three zero bytes, length of what follows
_STDOUT = 1
_CHUNK = 65536


class RefusedError(FaultError):
    """The far end refused a request; the pipe is as good as before.

    Attributes:
        kind: "request" (it made no sense), "nft" (the packet filter refused it) or "probe" (it could not be
            sent).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


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


class Channel:
    """A pipe into one server's network namespace. Made by `open`; a context manager that closes it.

    Thread-safe: a lock covers one request with its answer, because there is one pipe. It is the one lock of
    the testbed that is held during a call; the deadline bounds it.
    """

    def __init__(self, stream: Stream, *, container: str, keep: object = None) -> None:
        self._stream = stream
        self._keep = keep  # docker-py closes the connection when its response is collected
        self._frames = Frames(stream)
        self._lock = threading.Lock()
        self._last_id = 0
        self._closed = False
        self.container = container

    @classmethod
    def open(cls, client: docker.APIClient, container: str, *, deadline_s: float = DEADLINE_S) -> Self:
        """Start the far end in a running container, and wait until it is ready.

        Raises:
            EngineError: the container is gone, stopped or paused, or its image lacks the channel.
        """
        try:
            made = client.exec_create(container, list(COMMAND), stdin=True, user="0")
            keep = client.exec_start(made["Id"], socket=True)
        except NotFound as error:
            raise EngineError(f"no fault channel to {container}: there is no such container") from error
        except APIError as error:  # paused and stopped: the engine's explanation says which
            raise EngineError(f"no fault channel to {container}: {error.explanation}") from error
        except (DockerException, OSError) as error:
            raise EngineError(f"no fault channel to {container}: the engine does not answer: {error}") from error
        stream: Any = getattr(keep, "_sock", keep)  # what there is depends on the transport
        channel = cls(stream, container=container, keep=keep)
        try:
            channel._greet(time.monotonic() + deadline_s)
        except BaseException:
            channel.close()
            raise
        return channel

    def transact(self, text: str, *, deadline_s: float = DEADLINE_S) -> None:
        """Run nft text as one transaction: all of it or nothing. Raises as `request` does."""
        self.request({"do": "nft", "text": text}, deadline_s=deadline_s)

    def listing(self, text: str, *, deadline_s: float = DEADLINE_S) -> Any:
        """Run an nft `list` command; return its JSON. Raises as `request` does."""
        return self.request({"do": "list", "text": text}, deadline_s=deadline_s)["listing"]

    def probe(
        self,
        address: IPv4Address,
        *,
        protocol: str = "udp",
        port: int = ports.PROBE,
        count: int = 1,
        deadline_s: float = DEADLINE_S,
    ) -> int:
        """Send probes from this server; return how many left it. Its own packet filter refused the others.

        Raises as `request` does.
        """
        wanted = {"do": "probe", "address": str(address), "protocol": protocol, "port": port, "count": count}
        sent: int = self.request(wanted, deadline_s=deadline_s)["sent"]
        return sent

    def request(self, request: dict[str, Any], *, deadline_s: float = DEADLINE_S) -> dict[str, Any]:
        """Ask the far end; return its answer.

        An answer that comes after its deadline is dropped by the next request: the pipe stays usable.

        Raises:
            RefusedError: the far end refused it, in its own (or nft's) words.
            EngineError: the far end has ended (container killed, channel closed) or did not answer in time.
        """
        deadline = time.monotonic() + deadline_s
        # The bound holds for those who wait for their turn as well.
        if not self._lock.acquire(timeout=max(deadline_s, 0)):
            raise EngineError(f"fault channel to {self.container}: busy for {deadline_s:g} s")
        try:
            answer = self._exchange(request, deadline)
        except TimeoutError as error:
            raise EngineError(f"fault channel to {self.container}: no answer in {deadline_s:g} s") from error
        except (EOFError, OSError) as error:
            raise EngineError(f"fault channel to {self.container}: {self._ending()}") from error
        finally:
            self._lock.release()
        if not answer["ok"]:
            raise RefusedError(answer["kind"], f"{self.container}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the far end. Closing twice is fine."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._stream.close()
        close = getattr(self._keep, "close", None)
        if close is not None:
            with contextlib.suppress(OSError):
                close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _greet(self, deadline: float) -> None:
        try:
            line = self._frames.line(deadline)
        except TimeoutError as error:
            raise EngineError(f"fault channel to {self.container} did not get ready in time") from error
        except (EOFError, OSError) as error:
            raise EngineError(f"fault channel to {self.container}: {self._ending()}") from error
        hello = self._decode(line)
        if not hello.get("ready"):
            raise EngineError(f"fault channel to {self.container}: {hello.get('error', hello)}")

    def _exchange(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        if self._closed:
            raise EOFError
        self._last_id += 1
        self._stream.settimeout(max(deadline - time.monotonic(), 0.001))
        self._stream.sendall(json.dumps({**request, "id": self._last_id}).encode() + b"\n")
        while True:
            answer = self._decode(self._frames.line(deadline))
            if answer.get("id") == self._last_id:
                return answer

    def _decode(self, line: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(line)
        except ValueError as error:
            # The engine itself writes here when it cannot start the program.
            said = line.decode(errors="replace").strip()
            raise EngineError(f"fault channel to {self.container}: not an answer: {said}") from error
        if not isinstance(answer, dict):
            raise EngineError(f"fault channel to {self.container}: not an answer: {answer!r}")
        return answer

    def _ending(self) -> str:
        if self._closed:
            return "it is closed"
        said = self._frames.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
        return f"its far end has ended (container stopped?){': ' + said if said else ''}"
