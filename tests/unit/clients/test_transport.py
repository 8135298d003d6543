"""One exchange over real TLS: names, certificate check, cookies, and every way to fail."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from testbed.certificates import ServerCertificate, own
from testbed.clients.cookies import Cookies
from testbed.clients.exchange import Answer, Failure, FailureKind, Standing
from testbed.clients.transport import Transport
from testbed.clients.trust import TrustStore
from tests.unit.clients.fakes import LOOPBACK, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.clients.fakes import Request, Service

    Start = Callable[[ServerCertificate, Callable[[Request], Reply | None]], Service]

HOST = "server.demo.test"
CERTIFICATE = own(HOST, LOOPBACK)
TRUST = TrustStore.with_anchor(CERTIFICATE.anchor)


def transport(*, timeout_s: float = 2, answer_s: float | None = None) -> Transport:
    """A client that knows one name."""
    return Transport({HOST: LOOPBACK}, timeout_s=timeout_s, answer_s=answer_s, user_agent="test")


def url_of(service: Service, path: str = "/api/v1/session") -> str:
    """An address of a fake."""
    return f"https://{HOST}:{service.port}{path}"


def test_a_request_uses_the_name_everywhere_and_connects_to_the_address(service: Start) -> None:
    """SNI, Host header and certificate check use a name that nothing on this machine resolves."""
    fake = service(CERTIFICATE, lambda _: Reply(200, {"user": "alice"}))
    answer, _ = transport().exchange("GET", url_of(fake, "/a/b?c=d#e"), trust=TRUST)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.json) == (200, {"user": "alice"})
    assert answer.verdict == transport().examine(url_of(fake), trust=TRUST)
    assert fake.seen.names == [HOST] * 2
    assert fake.seen.lines == ["GET /a/b?c=d"]
    assert fake.seen.requests[0].headers["Host"] == f"{HOST}:{fake.port}"


def test_a_name_that_the_client_does_not_know_is_unreachable() -> None:
    """The machine's own resolver is never asked."""
    unknown = "https://localhost:9443/"
    for result in (
        transport().exchange("GET", unknown, trust=TRUST)[0],
        transport().examine(unknown, trust=TRUST),
    ):
        assert isinstance(result, Failure)
        assert (result.kind, result.sent) == (FailureKind.UNREACHABLE, False)


def test_an_untrusted_server_receives_no_request(service: Start) -> None:
    """CERT-4: the failure carries the verdict, and the server saw no request and no body."""
    fake = service(CERTIFICATE, lambda _: Reply(200))
    result, _ = transport().exchange("POST", url_of(fake), trust=TrustStore(), body={"password": "secret"})
    fake.stop()
    assert isinstance(result, Failure)
    assert (result.kind, result.sent) == (FailureKind.UNTRUSTED, False)
    assert result.verdict is not None
    assert result.verdict.standing is Standing.UNKNOWN_CA
    assert fake.seen.requests == []


def test_an_exception_is_pinned_to_its_certificate(service: Start) -> None:
    """Without an anchor, the accepted certificate lets a request through and any other stops it."""
    fake = service(CERTIFICATE, lambda _: Reply(200))
    examined = transport().examine(url_of(fake), trust=TRUST)
    assert not isinstance(examined, Failure)
    pinned = TrustStore().accepting(HOST, examined.fingerprint)
    assert isinstance(transport().exchange("GET", url_of(fake), trust=pinned)[0], Answer)
    fake.install(own(HOST, LOOPBACK))
    result, _ = transport().exchange("GET", url_of(fake), trust=pinned)
    assert isinstance(result, Failure)
    assert result.verdict is not None
    assert result.verdict.standing is Standing.REPLACED
    assert len(fake.seen.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_an_answer_and_is_not_followed(service: Start, status: int) -> None:
    """Where to go next is the policy's to decide."""
    elsewhere = f"https://{HOST}:1/elsewhere"
    fake = service(CERTIFICATE, lambda _: Reply(status, headers=(("Location", elsewhere),)))
    answer, _ = transport().exchange("GET", url_of(fake), trust=TRUST)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.location) == (status, elsewhere)
    assert len(fake.seen.requests) == 1


def test_no_proxy_of_the_environment_is_used(service: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy set for the machine changes nothing."""
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:1")
    fake = service(CERTIFICATE, lambda _: Reply(200))
    assert isinstance(transport().exchange("GET", url_of(fake), trust=TRUST)[0], Answer)


def test_a_refused_connection_sent_nothing() -> None:
    """A dead service: it definitely did not happen."""
    with closing(socket.create_server((LOOPBACK, 0))) as gone:
        port = gone.getsockname()[1]
    result, _ = transport().exchange("POST", f"https://{HOST}:{port}/", trust=TRUST, body={})
    assert isinstance(result, Failure)
    assert (result.kind, result.sent) == (FailureKind.REFUSED, False)


def test_a_server_frozen_before_the_handshake_got_nothing() -> None:
    """A time-out while shaking hands: nothing of the request had left."""
    with closing(socket.create_server((LOOPBACK, 0))) as frozen:
        address = f"https://{HOST}:{frozen.getsockname()[1]}/"
        result, _ = transport(timeout_s=0.05).exchange("POST", address, trust=TRUST, body={})
    assert isinstance(result, Failure)
    assert (result.kind, result.sent) == (FailureKind.TIMED_OUT, False)


def test_a_server_frozen_after_the_request_may_have_acted(service: Start) -> None:
    """A time-out while waiting for the answer: the request had left."""
    fake = service(CERTIFICATE, lambda _: None)
    result, _ = transport(timeout_s=0.1).exchange("POST", url_of(fake), trust=TRUST, body={})
    assert isinstance(result, Failure)
    assert (result.kind, result.sent) == (FailureKind.TIMED_OUT, True)


def test_an_answer_may_take_longer_than_a_connection(service: Start) -> None:
    """A disk that is slow to keep a change is no silent server."""
    never = threading.Event()

    def slowly(_request: Request) -> Reply:
        never.wait(1.5)
        return Reply(201)

    fake = service(CERTIFICATE, slowly)
    result, _ = transport(timeout_s=1, answer_s=30).exchange("POST", url_of(fake), trust=TRUST, body={})
    assert isinstance(result, Answer)
    assert result.status == 201


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", FailureKind.RESET),
        (b"nonsense\r\n\r\n", FailureKind.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{}", FailureKind.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{", FailureKind.BAD_ANSWER),
    ],
)
def test_half_an_answer_is_none(service: Start, raw: bytes, kind: FailureKind) -> None:
    """An answer that ends before its end is a failure after sending, never an answer."""
    fake = service(CERTIFICATE, lambda _: Reply(0, raw=raw))
    result, _ = transport().exchange("POST", url_of(fake), trust=TRUST, body={})
    assert isinstance(result, Failure)
    assert (result.kind, result.sent) == (kind, True)


def test_an_answer_that_is_not_json_has_none(service: Start) -> None:
    """An HTML page is an answer; its body is of no interest to a client."""
    raw = b"HTTP/1.1 200 OK\r\n\r\n<html>"
    answer, _ = transport().exchange("GET", url_of(service(CERTIFICATE, lambda _: Reply(0, raw=raw))), trust=TRUST)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.json) == (200, None)


def test_cookies_go_to_the_host_that_set_them_only(service: Start) -> None:
    """REDIR-6: a session cookie of one host is not sent to another, whatever the port."""
    fake = service(CERTIFICATE, lambda _: Reply(200, headers=(("Set-Cookie", "onex_session=1; Secure; Path=/"),)))
    _, set_cookies = transport().exchange("GET", url_of(fake), trust=TRUST)
    here, elsewhere = Cookies().after(HOST, set_cookies), Cookies().after("other.demo.test", set_cookies)
    for cookies in (here, elsewhere):
        transport().exchange("GET", url_of(fake), trust=TRUST, cookies=cookies)
    assert [request.headers.get("Cookie") for request in fake.seen.requests] == [None, "onex_session=1", None]


@pytest.mark.parametrize(
    "line", ["a=; Path=/", "a=x; Max-Age=0", "a=x; Max-Age=-1", "a=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]
)
def test_a_cookie_that_the_server_ends_is_gone(line: str) -> None:
    """Every usual way to end a cookie ends it, and leaves others alone."""
    cookies = Cookies().after(HOST, ["a=1; Path=/", "b=2; Max-Age=60"]).after(HOST, [line])
    assert cookies.header(HOST) == "b=2"
