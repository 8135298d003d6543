"""What a client sends that is too much, too slow or of a wrong length does no harm, and is answered."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from stubs import patience
from tests.unit.test_serving import HOST, authority, server  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import trustme

    from stubs.serving import HttpsServer

CLOSE = b"Host: x\r\nConnection: close\r\n"
AGAIN = b"GET /nosuch HTTP/1.1\r\n" + CLOSE + b"\r\n"
"""A second request on the same connection, and the last."""


class Caller:
    """Sends bytes over TLS, and reads until the server closes."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._port = port
        self._context = context

    def send(self, *pieces: bytes) -> bytes:
        """Send one piece after the other; all that the server says."""
        return self.drip(pieces)

    def drip(self, pieces: Iterable[bytes]) -> bytes:
        """The same, as the pieces come."""
        with self._context.wrap_socket(socket.create_connection((HOST, self._port), 10), server_hostname=HOST) as tls:
            with contextlib.suppress(OSError):
                for piece in pieces:
                    tls.sendall(piece)
            return b"".join(_received(tls))


def _received(tls: ssl.SSLSocket) -> Iterator[bytes]:
    with contextlib.suppress(ssl.SSLEOFError):
        while said := tls.recv(65536):
            yield said


@pytest.fixture
def caller(server: tuple[HttpsServer, int], authority: trustme.CA) -> Caller:  # noqa: F811 - the fixtures
    """Calls the server of the serving tests, which has GET / and nothing else."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return Caller(server[1], context)


def status(said: bytes) -> bytes:
    """The first answer's."""
    return said.split(b" ")[1]


def test_a_length_that_is_no_number_is_refused(caller: Caller) -> None:
    """Python would read some of them as a number; another program would not, and see another request."""
    for length in (b"abc", b"-5", b"+2", b"1_0", b"2 2", b"\xb2", b"0x2"):
        said = caller.send(b"GET / HTTP/1.1\r\n" + CLOSE + b"Content-Length: " + length + b"\r\n\r\n{}")
        assert status(said) == b"400", length


def test_a_body_in_chunks_is_refused_and_never_taken_for_a_request(caller: Caller) -> None:
    """411, and the connection ends: nobody knows where the next request begins."""
    for body in (b"2\r\n{}\r\n0\r\n\r\n", b"zz\r\n", b"ffffffffffff\r\n{}", b"0\r\n\r\n"):
        said = caller.send(b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body + AGAIN)
        assert status(said) == b"411", body
        assert said.count(b"HTTP/1.1") == 1, body


def test_a_connection_is_good_for_many_requests(caller: Caller) -> None:
    """Bounds count for each anew, and a small body that nobody reads is skipped: the next request is the next."""
    one = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nGET /x HTT"
    said = caller.send(one * 50 + AGAIN)
    assert said.count(b"200 OK") == 50
    assert said.count(b"404 NOT FOUND") == 1


def test_a_body_that_nobody_reads_is_not_awaited(caller: Caller) -> None:
    """A small one for a second, as the connection could be used again; a large one not at all."""
    for length in (10, patience.UNREAD + 1, 10**12, 10**30):
        began = time.monotonic()
        said = caller.send(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length)
        assert status(said) == b"200", length
        assert time.monotonic() - began < 4, length


def test_a_client_that_is_still_sending_can_read_its_answer(caller: Caller) -> None:
    """Twenty megabytes to somebody who reads none of them: no reset takes the answer away."""
    body = b"x" * 20_000_000
    said = caller.send(b"POST / HTTP/1.1\r\n" + CLOSE + b"Content-Length: %d\r\n\r\n" % len(body), body)
    assert status(said) == b"405"
    assert b"method_not_allowed" in said


def test_over_long_headers_are_refused(caller: Caller) -> None:
    """413 or 414, without keeping them."""
    for request in (
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET / HTTP/1.1\r\n" + CLOSE + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + CLOSE + b"X: y\r\n" * 20_000 + b"\r\n",
    ):
        assert status(caller.send(request)) in {b"413", b"414"}, request[:50]


def test_clients_that_drip_hold_up_the_others_only_for_their_time(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then does not make it longer (slow loris); here they occupy every thread of the server."""
    monkeypatch.setattr(patience, "REQUEST_S", 0.5)
    monkeypatch.setattr(patience, "LINGER_S", 0.1)
    sent, over = threading.Semaphore(0), threading.Event()

    def drip() -> Iterator[bytes]:
        yield b"GET / HTTP/1.1\r\n"
        sent.release()
        while not over.wait(0.05):
            yield b"X: y\r\n"

    with ThreadPoolExecutor() as pool:
        for _ in range(2):
            pool.submit(caller.drip, drip())
            assert sent.acquire(timeout=10)
        try:
            began = time.monotonic()
            assert status(pool.submit(caller.send, AGAIN).result(10)) == b"404"
            assert time.monotonic() - began < 5
        finally:
            over.set()
