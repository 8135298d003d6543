"""Verdicts on real certificates, by real handshakes."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from testbed.certificates import Authority, CertificateFault, ServerCertificate, faulty, own
from testbed.clients.exchange import Failure, FailureKind, Standing, Verdict
from testbed.clients.trust import TrustStore, examine
from testbed.errors import MisuseError
from tests.unit.clients.fakes import LOOPBACK, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.clients.fakes import Request, Service

    Start = Callable[[ServerCertificate, Callable[[Request], Reply | None]], Service]

HOST = "server.demo.test"
NOW = datetime.now(UTC)


def answer(_: Request) -> Reply:
    """Any answer."""
    return Reply(200)


def fingerprint_of(certificate: ServerCertificate) -> str:
    """SHA-256 of the leaf."""
    leaf = certificate.chain.decode().split("-----END CERTIFICATE-----", maxsplit=1)[0]
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(leaf + "-----END CERTIFICATE-----")).hexdigest()


def look(service: Service, trust: TrustStore, *, hostname: str = HOST) -> Verdict | Failure:
    """Examine a fake."""
    return examine(LOOPBACK, service.port, hostname, trust=trust, timeout_s=2)


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP port whose first connection is treated as told, in a thread."""
    with closing(socket.create_server((LOOPBACK, 0))) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            with closing(connection):
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


@pytest.mark.parametrize("certificate", [own(HOST, LOOPBACK), Authority().issue(HOST, LOOPBACK)])
@pytest.mark.parametrize("hostname", [HOST, LOOPBACK])
def test_a_sound_certificate_is_trusted_by_its_anchor(
    service: Start, certificate: ServerCertificate, hostname: str
) -> None:
    """CERT-2: a server's own or a common authority is enough, for the host name and for the address."""
    verdict = look(service(certificate, answer), TrustStore.with_anchor(certificate.anchor), hostname=hostname)
    assert verdict == Verdict(standing=Standing.TRUSTED, fingerprint=fingerprint_of(certificate))


def test_a_servers_own_leaf_is_an_anchor_too(service: Start) -> None:
    """Who holds the certificate itself instead of its authority trusts it all the same."""
    certificate = own(HOST, LOOPBACK)
    verdict = look(service(certificate, answer), TrustStore.with_anchor(certificate.chain))
    assert isinstance(verdict, Verdict)
    assert verdict.standing is Standing.TRUSTED


def test_one_common_authority_covers_two_servers(service: Start) -> None:
    """CERT-2: one anchor trusts both servers, each under its own name only."""
    authority = Authority()
    first, second = authority.issue(HOST, LOOPBACK), authority.issue("other.demo.test", LOOPBACK)
    trust = TrustStore.with_anchor(authority.anchor)
    verdicts = [look(service(first, answer), trust), look(service(second, answer), trust)]
    assert [v.standing for v in verdicts if isinstance(v, Verdict)] == [Standing.TRUSTED, Standing.WRONG_HOST]


@pytest.mark.parametrize(
    ("fault", "standing", "code", "alert"),
    [
        (CertificateFault.SELF_SIGNED, Standing.SELF_SIGNED, 18, "UNKNOWN_CA"),
        (CertificateFault.UNKNOWN_CA, Standing.UNKNOWN_CA, 20, "UNKNOWN_CA"),
        (CertificateFault.REPLACED, Standing.UNKNOWN_CA, 20, "UNKNOWN_CA"),
        (CertificateFault.EXPIRED, Standing.EXPIRED, 10, "EXPIRED"),
        (CertificateFault.NOT_YET_VALID, Standing.NOT_YET_VALID, 9, "BAD_CERTIFICATE"),
        (CertificateFault.WRONG_HOST, Standing.WRONG_HOST, 62, "BAD_CERTIFICATE"),
    ],
)
def test_every_certificate_fault_has_its_own_verdict(
    service: Start, fault: CertificateFault, standing: Standing, code: int, alert: str
) -> None:
    """CERT-5, CERT-6: fault, OpenSSL's code and leaf are named; the server got an alert, no request."""
    authority = Authority()
    certificate = faulty(fault, HOST, LOOPBACK, authority=authority, now=NOW)
    fake = service(certificate, answer)
    verdict = look(fake, TrustStore.with_anchor(authority.anchor))
    fake.stop()
    assert isinstance(verdict, Verdict)
    assert (verdict.standing, verdict.openssl_code) == (standing, code)
    assert verdict.fingerprint == fingerprint_of(certificate)
    assert not verdict.accepted
    assert len(fake.seen.handshakes) == 1
    assert alert in fake.seen.handshakes[0]
    assert fake.seen.requests == []


def test_an_accepted_certificate_is_an_exception_until_it_is_replaced(service: Start) -> None:
    """CERT-2, CERT-5: the exception holds for that certificate, and a new one is named as replaced."""
    first = own(HOST, LOOPBACK)
    trust = TrustStore().accepting(HOST, fingerprint_of(first))
    fake = service(first, answer)
    assert look(fake, trust) == Verdict(standing=Standing.EXCEPTION, fingerprint=fingerprint_of(first))
    second = faulty(CertificateFault.REPLACED, HOST, LOOPBACK, authority=Authority(), now=NOW)
    fake.install(second)
    verdict = look(fake, trust)
    assert isinstance(verdict, Verdict)
    assert (verdict.standing, verdict.fingerprint) == (Standing.REPLACED, fingerprint_of(second))
    assert not verdict.accepted
    renewed = trust.accepting(HOST, fingerprint_of(second))
    assert renewed.exceptions == {(HOST, fingerprint_of(second))}
    assert look(fake, renewed) == Verdict(standing=Standing.EXCEPTION, fingerprint=fingerprint_of(second))


def test_a_replacement_that_an_anchor_vouches_for_is_trusted(service: Start) -> None:
    """An exception that no longer fits does not spoil a sound certificate."""
    certificate = own(HOST, LOOPBACK)
    trust = TrustStore.with_anchor(certificate.anchor).accepting(HOST, "00" * 32)
    verdict = look(service(certificate, answer), trust)
    assert isinstance(verdict, Verdict)
    assert verdict.standing is Standing.TRUSTED


def test_an_exception_is_for_one_host_only(service: Start) -> None:
    """What was accepted for one name is not accepted for another."""
    certificate = own(HOST, LOOPBACK)
    trust = TrustStore().accepting("other.demo.test", fingerprint_of(certificate))
    verdict = look(service(certificate, answer), trust)
    assert isinstance(verdict, Verdict)
    assert verdict.standing is Standing.UNKNOWN_CA


def test_examining_sends_nothing_but_the_handshake(service: Start) -> None:
    """CERT-4: the server saw the name and a handshake, and no request, even where all was well."""
    certificate = own(HOST, LOOPBACK)
    fake = service(certificate, answer)
    look(fake, TrustStore.with_anchor(certificate.anchor))
    fake.stop()
    assert (fake.seen.names, fake.seen.handshakes, fake.seen.requests) == ([HOST], ["completed"], [])


def test_a_dead_service_is_refused() -> None:
    """A closed port is no certificate matter."""
    with closing(socket.create_server((LOOPBACK, 0))) as gone:
        port = gone.getsockname()[1]
    result = examine(LOOPBACK, port, HOST, trust=TrustStore(), timeout_s=2)
    assert isinstance(result, Failure)
    assert (result.kind, result.sent) == (FailureKind.REFUSED, False)


def test_a_frozen_service_is_timed_out() -> None:
    """A port that takes connections and says nothing is told apart from one that refuses."""
    with closing(socket.create_server((LOOPBACK, 0))) as frozen:
        result = examine(LOOPBACK, frozen.getsockname()[1], HOST, trust=TrustStore(), timeout_s=0.05)
    assert isinstance(result, Failure)
    assert (result.kind, result.sent) == (FailureKind.TIMED_OUT, False)


def test_a_lost_server_is_timed_out() -> None:
    """A server that answers no packet (here: a full queue of connections) is timed out while connecting."""
    with ExitStack() as stack:
        full = stack.enter_context(closing(socket.create_server((LOOPBACK, 0), backlog=0)))
        for _ in range(4):
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.setblocking(False)  # noqa: FBT003 -- the socket's own signature
            waiting.connect_ex(full.getsockname())
        result = examine(LOOPBACK, full.getsockname()[1], HOST, trust=TrustStore(), timeout_s=0.2)
    assert isinstance(result, Failure)
    assert (result.kind, result.detail) == (FailureKind.TIMED_OUT, "timed out")


def test_a_service_that_hangs_up_in_the_handshake_is_reset() -> None:
    """An end of the connection before any certificate is a reset."""

    def hang_up(connection: socket.socket) -> None:
        connection.recv(1)

    with listening(hang_up) as port:
        result = examine(LOOPBACK, port, HOST, trust=TrustStore(), timeout_s=2)
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.RESET


def test_a_service_that_does_not_speak_tls_is_a_bad_answer() -> None:
    """Plain text where a handshake belongs is neither a reset nor a certificate fault."""

    def speak_plainly(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with listening(speak_plainly) as port:
        result = examine(LOOPBACK, port, HOST, trust=TrustStore(), timeout_s=2)
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.BAD_ANSWER


def test_a_trust_store_takes_pem_as_bytes_text_or_file(tmp_path: Path) -> None:
    """The three forms are the same anchor; anything else is refused at once."""
    pem = Authority().anchor
    path = tmp_path / "anchor.pem"
    path.write_bytes(pem)
    stores = {TrustStore.with_anchor(form) for form in (pem, pem.decode(), path)}
    assert len(stores) == 1
    with pytest.raises(MisuseError, match="PEM"):
        TrustStore.with_anchor("no certificate")
