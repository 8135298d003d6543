"""HTTPS of the stubs: a silent client holds up nobody, and every handshake is on record (CERT-6)."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
import trustme

from stubs import installation
from stubs.installation import Login
from stubs.serving import answer, make_app
from stubs.watched import watched
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Response

    from stubs.serving import HttpsServer
    from stubs.witness import Handshake

HOST = "127.0.0.1"
ADMINISTRATOR = Login("Administrator", "administrator-password")
HELD = threading.Barrier(2)
"""Where a request for /held waits for the test."""

TLS = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}


@pytest.fixture
def authority() -> trustme.CA:
    """The issuer of the server's certificate."""
    return trustme.CA()


@pytest.fixture
def server(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[HttpsServer, int]]:
    """A server with two threads on a free port of loopback, and that port."""
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "tls.pem").write_bytes(_issued(authority))
    monkeypatch.setattr(installation, "ROOT", tmp_path)
    app = make_app(__name__)

    @app.get("/")
    def root() -> Response:
        return answer({"ok": True})

    @app.get("/held")
    def held() -> Response:
        HELD.wait(10)
        return answer({"ok": True})

    with socket.create_server((HOST, 0)) as probe:
        port = int(probe.getsockname()[1])
    https = watched(app, port, administrator=ADMINISTRATOR, threads=2)
    thread = threading.Thread(target=https.run, daemon=True)
    thread.start()
    wait_until(lambda: _accepts(port), bool, within_s=5, what="the server to accept")
    _eventually_recorded(https, 0)
    yield https, port
    https.stop()
    thread.join()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


def _issued(authority: trustme.CA) -> bytes:
    """What is installed: key and certificate in one file."""
    issued = authority.issue_cert(HOST, "server.demo.test")
    return issued.private_key_pem.bytes() + issued.cert_chain_pems[0].bytes()


def _get(port: int, authority: trustme.CA) -> int:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    connection = http.client.HTTPSConnection(HOST, port, context=context, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def _shaken(port: int, authority: trustme.CA, version: ssl.TLSVersion, hostname: str = "server.demo.test") -> int:
    """Shake hands as a client that trusts this authority, and close; the client's port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = version
    authority.configure_trust(context)
    with socket.create_connection((HOST, port), 5) as plain:
        own: int = plain.getsockname()[1]
        with contextlib.suppress(ssl.SSLCertVerificationError):
            context.wrap_socket(plain, server_hostname=hostname).close()
    return own


def _eventually_recorded(https: HttpsServer, number: int = 1) -> Handshake:
    """The handshake of that number, once it is on record; the fixture's own does not count."""
    seen, _ = wait_until(
        lambda: https.witness.handshakes.after(number),
        lambda found: found[1] > number,
        within_s=10,
        what=f"handshake {number} to be on record",
    )
    return seen[0]


def test_a_client_that_says_nothing_holds_up_nobody(server: tuple[HttpsServer, int], authority: trustme.CA) -> None:
    """It occupies one thread until its time is over; the others are served."""
    _, port = server
    with socket.create_connection((HOST, port), 5):
        assert _get(port, authority) == 200
        assert _get(port, authority) == 200


def test_a_handshake_is_completed_once_the_client_has_sent_something(
    server: tuple[HttpsServer, int], authority: trustme.CA
) -> None:
    """CERT-6: with the client's address."""
    https, port = server
    _get(port, authority)
    seen = _eventually_recorded(https)
    assert (seen.outcome, seen.client, seen.alert, seen.detail) == ("completed", HOST, None, "")


@pytest.mark.parametrize("version", TLS)
@pytest.mark.parametrize(
    ("trusting", "hostname", "alert", "detail"),
    [
        (False, "server.demo.test", "unknown_ca", "TLSV1_ALERT_UNKNOWN_CA"),
        (True, "other.demo.test", "bad_certificate", "SSLV3_ALERT_BAD_CERTIFICATE"),
    ],
)
def test_a_client_that_refuses_the_certificate_is_recorded_with_its_alert(  # noqa: PLR0913 - one for each column
    server: tuple[HttpsServer, int],
    authority: trustme.CA,
    version: str,
    *,
    trusting: bool,
    hostname: str,
    alert: str,
    detail: str,
) -> None:
    """CERT-6: by its plain name and in OpenSSL's words, with the name asked for; both ends name the connection."""
    https, port = server
    own = _shaken(port, authority if trusting else trustme.CA(), TLS[version], hostname)
    seen = _eventually_recorded(https)
    assert (seen.outcome, seen.alert, seen.detail) == ("alert", alert, detail)
    assert (seen.client, seen.client_port, seen.server_name) == (HOST, own, hostname)


@pytest.mark.parametrize("version", TLS)
def test_a_client_that_leaves_after_the_handshake_has_not_completed_it(
    server: tuple[HttpsServer, int], authority: trustme.CA, version: str
) -> None:
    """CERT-6: so does one that judges the certificate by itself, afterwards: it sent nothing, and no alert either."""
    https, port = server
    _shaken(port, authority, TLS[version])
    seen = _eventually_recorded(https)
    assert (seen.outcome, seen.alert, seen.server_name) == ("unused", None, "server.demo.test")


def test_an_alert_in_place_of_the_first_request_is_an_alert(server: tuple[HttpsServer, int]) -> None:
    """With TLS 1.3 a client may think better of it when the server's handshake is finished already."""
    https, port = server
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(heard, said)
    with socket.create_connection((HOST, port), 5) as plain:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(said.read())
                heard.write(plain.recv(65536))
        plain.sendall(said.read())
        heard.write(b"\x17\x03\x03\x00\x20" + os.urandom(32))  # a record that is none: the client complains
        with contextlib.suppress(ssl.SSLError):
            while True:
                tls.read()
        plain.sendall(said.read())
        seen = _eventually_recorded(https)
    assert (seen.outcome, seen.alert) == ("alert", "bad_record_mac")


@pytest.mark.parametrize(
    ("words", "detail"), [(b"", "UNEXPECTED_EOF_WHILE_READING"), (b"GET / HTTP/1.1\r\n\r\n", "HTTP_REQUEST")]
)
def test_a_client_that_never_shakes_hands_is_dropped(
    server: tuple[HttpsServer, int], words: bytes, detail: str
) -> None:
    """It hangs up, or speaks something else; no alert came."""
    https, port = server
    with socket.create_connection((HOST, port), 5) as plain:
        plain.sendall(words)
    seen = _eventually_recorded(https)
    assert (seen.outcome, seen.alert, seen.detail, seen.server_name) == ("dropped", None, detail, None)


def test_handshakes_are_numbered_one_after_the_other(server: tuple[HttpsServer, int], authority: trustme.CA) -> None:
    """A connection that carries several requests is one handshake."""
    https, port = server
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with contextlib.closing(http.client.HTTPSConnection(HOST, port, context=context, timeout=5)) as connection:
        for _ in range(3):
            connection.request("GET", "/")
            connection.getresponse().read()
    _get(port, authority)
    _eventually_recorded(https, 2)
    handshakes, last = https.witness.handshakes.after(1)
    assert ([seen.number for seen in handshakes], last) == ([2, 3], 3)
    requests, _ = https.witness.requests.after(0)
    ends = [(seen.client, seen.client_port) for seen in handshakes]
    assert [(seen.client, seen.client_port) for seen in requests] == [ends[0]] * 3 + [ends[1]]


def _stage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "conf" / "tls.staged.pem").write_bytes(content)


def test_a_staged_certificate_counts_from_the_next_connection_on(
    server: tuple[HttpsServer, int], tmp_path: Path, authority: trustme.CA
) -> None:
    """Once the service is told to, without a restart; it is installed then, and found by whoever starts (CERT-5)."""
    https, port = server
    other = trustme.CA()
    new = _issued(other)
    _stage(tmp_path, new)
    assert _get(port, authority) == 200
    https.reload_certificate()
    assert _get(port, other) == 200
    assert [path.name for path in (tmp_path / "conf").iterdir()] == ["tls.pem"]
    assert (tmp_path / "conf" / "tls.pem").read_bytes() == new


def test_no_connection_outlives_the_certificate_it_was_made_under(
    server: tuple[HttpsServer, int], tmp_path: Path, authority: trustme.CA
) -> None:
    """Whoever keeps connections open would never meet the new one: idle ones end at once, those at work after it."""
    https, port = server
    context = ssl.create_default_context()
    authority.configure_trust(context)
    ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    def answer(tls: ssl.SSLSocket) -> bytes:
        text = b""
        while not text.endswith(b'{"ok":true}'):
            text += tls.recv(65536)
        return text

    def shaken() -> ssl.SSLSocket:
        return context.wrap_socket(socket.create_connection((HOST, port), 10), server_hostname=HOST)

    def connected() -> ssl.SSLSocket:
        tls = shaken()
        tls.sendall(ask)
        assert b"Connection: close" not in answer(tls)
        return tls

    number = https.witness.handshakes.after(0)[1]
    with connected() as idle, connected() as busy, shaken() as silent:
        busy.sendall(ask.replace(b"/ ", b"/held "))
        wait_until(lambda: HELD.n_waiting, bool, within_s=5, what="the request to be at work")
        _stage(tmp_path, _issued(authority))
        https.reload_certificate()
        for tls in (idle, silent):
            tls.settimeout(3)  # those that nobody ends last five seconds
            assert tls.recv(65536) == b""
        HELD.wait(10)
        assert b"Connection: close" in answer(busy)
        assert busy.recv(65536) == b""
    with connected():
        pass
    seen = https.witness.handshakes.after(number)[0]
    assert [one.outcome for one in seen] == ["completed"] * 3, "that of the silent one was ended by this side"


def test_a_service_that_comes_second_shows_what_the_first_installed(
    server: tuple[HttpsServer, int], tmp_path: Path
) -> None:
    """Nothing is staged any more when it is told."""
    https, port = server
    other = trustme.CA()
    (tmp_path / "conf" / "tls.pem").write_bytes(_issued(other))
    https.reload_certificate()
    assert _get(port, other) == 200


def test_a_certificate_that_makes_no_sense_is_not_taken_in(
    server: tuple[HttpsServer, int], tmp_path: Path, authority: trustme.CA
) -> None:
    """The former stays, and the service lives."""
    https, port = server
    _stage(tmp_path, b"-----BEGIN CERTIFICATE-----\n")
    https.reload_certificate()
    assert _get(port, authority) == 200


def test_no_session_outlives_the_certificate_it_began_under(
    server: tuple[HttpsServer, int], tmp_path: Path, authority: trustme.CA
) -> None:
    """A client that resumes a session is not shown a certificate at all, and would never notice."""
    https, port = server
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.configure_trust(context)
    session: ssl.SSLSession | None = None

    def resumes() -> bool:
        nonlocal session
        with (
            socket.create_connection((HOST, port), 5) as plain,
            context.wrap_socket(plain, server_hostname=HOST, session=session) as tls,
        ):
            session = tls.session
            return bool(tls.session_reused)

    assert [resumes(), resumes()] == [False, True]
    _stage(tmp_path, _issued(authority))
    https.reload_certificate()
    assert not resumes()
