"""The near end of the fault channel: requests to the loop in a server container (`stubs.server.channel`).

One exec with stdin open, over the engine's own API, so that it works with a remote engine too. May hold the
pipe; its framing is `testbed.network.frames`', what is asked through it comes from `testbed.network.nft` and
`testbed.network.tc`, and what it means is the caller's.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from docker.errors import APIError, DockerException, NotFound

from stubs import ports
from testbed.engine import execs
from testbed.errors import BedError, EngineError, FaultError
from testbed.network.frames import Frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from ipaddress import IPv4Address
    from types import TracebackType

    import docker

    from testbed.engine.execs import Pipe
    from testbed.network.frames import Stream

COMMAND = ("python3", "-m", "stubs.server.channel")
DEADLINE_S = 5.0

Request: TypeAlias = dict[str, Any]
Answer: TypeAlias = dict[str, Any]


class RefusedError(FaultError):
    """The far end refused a request; the pipe is as good as before.

    Attributes:
        kind: "request" (it made no sense), "nft" (the packet filter refused it), "route" (the kernel's traffic
            control did) or "probe" (it could not be sent).
        code: the kernel's error by its name, as ENOENT, where it named one.
    """

    def __init__(self, kind: str, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code


class Channel:
    """A pipe into one server's network namespace. Made by `open`; a context manager that closes it.

    Thread-safe: a lock covers one request with its answer, because there is one pipe. It is the one lock of
    the testbed that is held during a call; the deadline bounds it. Who needs several takes them in one order.
    """

    def __init__(
        self, stream: Stream, *, container: str, keep: object = None, connect: Callable[[], Pipe] | None = None
    ) -> None:
        self._pipe: Pipe = stream, keep
        self._connect = connect
        self._frames = Frames(stream)
        self._lock = threading.Lock()
        self._last_id = 0
        self._pid: int | None = None
        self._closed = False
        self.container = container

    @classmethod
    def open(cls, client: docker.APIClient, container: str, *, deadline_s: float = DEADLINE_S) -> Self:
        """Start the far end in a running container, and wait until it is ready.

        Raises:
            EngineError: the container is gone, stopped or paused, or its image lacks the channel.
        """

        def connect() -> Pipe:
            return _connected(client, container)

        stream, keep = connect()
        channel = cls(stream, container=container, keep=keep, connect=connect)
        try:
            channel._greet(time.monotonic() + deadline_s)
        except BaseException:
            channel.close()
            raise
        return channel

    def reopen(self, *, deadline_s: float = DEADLINE_S) -> None:
        """Start another far end in the place of one that is broken or deaf; what that has not done, it never does.

        Raises:
            EngineError: as `open`; or this was closed, or made over a stream.
        """
        deadline = time.monotonic() + deadline_s
        with self._turn(deadline, deadline_s), self._translated(deadline_s):
            if self._closed or self._connect is None:
                raise EOFError
            execs.hang_up(self._pipe)
            stream, _ = self._pipe = self._connect()
            self._frames = Frames(stream)
            before = self._pid
            self._greet(deadline)
            if before is not None:
                self._send({"do": "end", "pid": before}, deadline)
                try:
                    self._receive(deadline)
                except RefusedError as error:
                    raise EngineError(f"{error}; it may still do what it was asked to do") from error

    def transact(self, text: str, *, deadline_s: float = DEADLINE_S) -> float:
        """Run nft text as one transaction: all of it or nothing. Raises as `request` does.

        Returns:
            When it was done: milliseconds of the monotonic clock of the engine's machine.
        """
        at_ms: float = self.request({"do": "nft", "text": text}, deadline_s=deadline_s)["at_ms"]
        return at_ms

    def listing(self, text: str, *, deadline_s: float = DEADLINE_S) -> Any:
        """Run nft `list` commands, one a line; return their JSON. Raises as `request` does."""
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

    def request(self, request: Request, *, deadline_s: float = DEADLINE_S) -> Answer:
        """Ask the far end; return its answer.

        An answer that comes after its deadline is dropped by the next request: the pipe stays usable.

        Raises:
            RefusedError: the far end refused it, in its own (or nft's) words.
            EngineError: the far end has ended (container killed, channel closed) or did not answer in time.
        """
        outcome = at_once({self: request}, deadline_s=deadline_s)[self]
        if isinstance(outcome, BedError):
            raise outcome
        return outcome

    def close(self) -> None:
        """End the far end. Closing twice is fine."""
        self._closed = True
        execs.hang_up(self._pipe)

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
        self._pid = hello.get("pid")

    @contextlib.contextmanager
    def _turn(self, deadline: float, deadline_s: float) -> Iterator[None]:
        """Be the only one who asks. The bound holds for those who wait for their turn as well."""
        if not self._lock.acquire(timeout=max(deadline - time.monotonic(), 0)):
            raise EngineError(f"fault channel to {self.container}: busy for {deadline_s:g} s")
        try:
            yield
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def _translated(self, deadline_s: float) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise EngineError(f"fault channel to {self.container}: no answer in {deadline_s:g} s") from error
        except (EOFError, OSError) as error:
            raise EngineError(f"fault channel to {self.container}: {self._ending()}") from error

    def _send(self, request: Request, deadline: float) -> None:
        if self._closed:
            raise EOFError
        self._last_id += 1
        stream, _ = self._pipe
        stream.settimeout(max(deadline - time.monotonic(), 0.001))
        stream.sendall(json.dumps({**request, "id": self._last_id}).encode() + b"\n")

    def _receive(self, deadline: float) -> Answer:
        while True:
            answer = self._decode(self._frames.line(deadline))
            if answer.get("id") == self._last_id:
                break
        if not answer["ok"]:
            raise RefusedError(answer["kind"], f"{self.container}: {answer['error']}", code=answer["code"])
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


def _connected(client: docker.APIClient, container: str) -> Pipe:
    """Start a far end; raises EngineError."""
    try:
        return execs.opened(client, container, COMMAND, user="0")
    except NotFound as error:
        raise EngineError(f"no fault channel to {container}: there is no such container") from error
    except APIError as error:  # paused and stopped: the engine's explanation says which
        raise EngineError(f"no fault channel to {container}: {error.explanation}") from error
    except (DockerException, OSError) as error:
        raise EngineError(f"no fault channel to {container}: the engine does not answer: {error}") from error


def at_once(asked: Mapping[Channel, Request], *, deadline_s: float = DEADLINE_S) -> dict[Channel, Answer | BedError]:
    """Ask several far ends side by side: every request is on its way before the first answer is read.

    Returns:
        What became of each: its answer, or the error that `Channel.request` would have raised.
    """
    deadline = time.monotonic() + deadline_s
    failed: dict[Channel, Answer | BedError] = {}
    answers: dict[Channel, Answer | BedError] = {}
    with contextlib.ExitStack() as turns:
        for channel in sorted(asked, key=id):
            with _kept(failed, channel):
                turns.enter_context(channel._turn(deadline, deadline_s))  # noqa: SLF001 - this module's own class
        for channel in [one for one in asked if one not in failed]:
            with _kept(failed, channel), channel._translated(deadline_s):  # noqa: SLF001 - as above
                channel._send(asked[channel], deadline)  # noqa: SLF001 - as above
        for channel in [one for one in asked if one not in failed]:
            with _kept(failed, channel), channel._translated(deadline_s):  # noqa: SLF001 - as above
                answers[channel] = channel._receive(deadline)  # noqa: SLF001 - as above
    return {**answers, **failed}


@contextlib.contextmanager
def _kept(failed: dict[Channel, Answer | BedError], channel: Channel) -> Iterator[None]:
    try:
        yield
    except BedError as error:
        failed[channel] = error
