"""HTTPS of the stubs: a silent client holds up nobody, and every handshake is on record (CERT-6)."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
import trustme

from stubs import installation
from stubs.serving import HttpsServer, answer, make_app
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Response

HOST = "127.0.0.1"


@pytest.fixture
def authority() -> trustme.CA:
    """The issuer of the server's certificate."""
    return trustme.CA()


@pytest.fixture
def server(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[HttpsServer, int]]:
    """A server with two threads on a free port of loopback, and that port."""
    conf = tmp_path / "conf"
    conf.mkdir()
    issued = authority.issue_cert(HOST)
    (conf / "certificate.pem").write_bytes(issued.cert_chain_pems[0].bytes())
    (conf / "key.pem").write_bytes(issued.private_key_pem.bytes())
    monkeypatch.setattr(installation, "ROOT", tmp_path)
    app = make_app(__name__)

    @app.get("/")
    def root() -> Response:
        return answer({"ok": True})

    with socket.create_server((HOST, 0)) as probe:
        port = int(probe.getsockname()[1])
    https = HttpsServer(app, port, threads=2)
    thread = threading.Thread(target=https.run, daemon=True)
    thread.start()
    wait_until(lambda: _accepts(port), bool, within_s=5, what="the server to accept")
    yield https, port
    https.stop()
    thread.join()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


def _get(port: int, authority: trustme.CA) -> int:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    connection = http.client.HTTPSConnection(HOST, port, context=context, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def _eventually_recorded(https: HttpsServer, outcome: str) -> str:
    def look() -> list[str]:
        return [seen.detail for seen in https.handshakes if seen.outcome == outcome]

    return wait_until(look, bool, within_s=10, what=f"a handshake recorded as {outcome}")[0]


def test_a_client_that_says_nothing_holds_up_nobody(server: tuple[HttpsServer, int], authority: trustme.CA) -> None:
    """It occupies one thread until its time is over; the others are served."""
    _, port = server
    with socket.create_connection((HOST, port), 5):
        assert _get(port, authority) == 200
        assert _get(port, authority) == 200


def test_a_completed_handshake_is_on_record(server: tuple[HttpsServer, int], authority: trustme.CA) -> None:
    """With the client's address."""
    https, port = server
    _get(port, authority)
    _eventually_recorded(https, "completed")
    assert next(seen.client for seen in https.handshakes if seen.outcome == "completed") == HOST


def test_a_client_that_refuses_the_certificate_is_recorded_with_its_alert(server: tuple[HttpsServer, int]) -> None:
    """The server cannot see why, but sees which alert ended it."""
    https, port = server
    stranger = trustme.CA()
    with pytest.raises(ssl.SSLCertVerificationError):
        _get(port, stranger)
    assert "UNKNOWN_CA" in _eventually_recorded(https, "alert").upper()


def test_a_client_that_hangs_up_is_recorded_as_dropped(server: tuple[HttpsServer, int]) -> None:
    """No alert came."""
    https, port = server
    socket.create_connection((HOST, port), 5).close()
    _eventually_recorded(https, "dropped")


def test_a_new_certificate_counts_from_the_next_connection_on(
    server: tuple[HttpsServer, int], tmp_path: Path, authority: trustme.CA
) -> None:
    """Without a restart of the server (CERT-5)."""
    https, port = server
    other = trustme.CA()
    issued = other.issue_cert(HOST)
    (tmp_path / "conf" / "certificate.pem").write_bytes(issued.cert_chain_pems[0].bytes())
    (tmp_path / "conf" / "key.pem").write_bytes(issued.private_key_pem.bytes())
    assert _get(port, authority) == 200
    https.reload_certificate()
    assert _get(port, other) == 200
