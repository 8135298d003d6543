"""A client's own trust store, and the one TLS handshake that every client uses. No HTTP here.

Nothing of the machine is consulted: neither its certificate store nor its names. A handshake either
verifies against the client's anchors, or is pinned to the fingerprint of an accepted exception; there is
no third way.
"""

from __future__ import annotations

import errno
import hashlib
import socket
import ssl
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from testbed.clients.exchange import Failure, FailureKind, Standing, Verdict
from testbed.errors import MisuseError
from testbed.tls import client_context

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_STANDINGS = {
    2: Standing.UNKNOWN_CA,
    9: Standing.NOT_YET_VALID,
    10: Standing.EXPIRED,
    18: Standing.SELF_SIGNED,
    19: Standing.UNKNOWN_CA,
    20: Standing.UNKNOWN_CA,
    21: Standing.UNKNOWN_CA,
    62: Standing.WRONG_HOST,
    64: Standing.WRONG_HOST,
}


@dataclass(frozen=True)
class TrustStore:
    """The anchors that a client trusts, and the exceptions that its user made.

    Attributes:
        anchors: PEM texts of authorities (or of single certificates).
        exceptions: pairs of host name and SHA-256 fingerprint; at most one a host, valid on all its ports.
    """

    anchors: tuple[str, ...] = ()
    exceptions: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def with_anchor(cls, *pems: bytes | str | Path) -> TrustStore:
        """A store that trusts each certificate given: PEM bytes, PEM text, or the path of a PEM file.

        Raises:
            MisuseError: one of them is not a certificate.
        """
        store = cls(anchors=tuple(_text(pem) for pem in pems))
        try:
            verifying(store)
        except ssl.SSLError as error:
            raise MisuseError(f"a trust store takes certificates in PEM: {error}") from error
        return store

    def accepting(self, hostname: str, fingerprint: str) -> TrustStore:
        """The store after its user made an exception; it takes the place of an older one for that host."""
        others = {pair for pair in self.exceptions if pair[0] != hostname}
        return replace(self, exceptions=frozenset(others | {(hostname, fingerprint)}))

    def exception_for(self, hostname: str) -> str | None:
        """The fingerprint accepted for a host, if any."""
        return next((fingerprint for host, fingerprint in self.exceptions if host == hostname), None)


@dataclass(frozen=True, kw_only=True)
class Secured:
    """A connection over which the client may send. Whoever gets it closes the socket."""

    socket: ssl.SSLSocket
    verdict: Verdict


Handshake: TypeAlias = Secured | Verdict | Failure


def examine(address: str, port: int, hostname: str, *, trust: TrustStore, timeout_s: float) -> Verdict | Failure:
    """Judge a server's certificate by a real handshake, and send nothing else.

    Args:
        address: where to connect (IPv4).
        port: TLS port.
        hostname: name asked for by SNI and looked for in the certificate.
        trust: the client's own store.
        timeout_s: bound in seconds of each network step.

    Returns:
        The verdict; or a failure where nothing answered as it should, so that none could be judged.
    """
    match secure(address, port, hostname, trust=trust, timeout_s=timeout_s):
        case Secured(socket=tls, verdict=verdict):
            tls.close()
            return verdict
        case Verdict() | Failure() as other:
            return other


def secure(address: str, port: int, hostname: str, *, trust: TrustStore, timeout_s: float) -> Handshake:
    """Connect and shake hands; hand out a connection only if the certificate is trusted or the accepted one.

    An exception is tried first, as browsers do: the server then sees a completed handshake, and no alert.
    """
    pinned = trust.exception_for(hostname)
    if pinned is not None:
        tried = _shake(address, port, hostname, context=_unverified(), timeout_s=timeout_s)
        if not isinstance(tried, ssl.SSLSocket):
            return tried
        if _fingerprint(tried) == pinned:
            return Secured(socket=tried, verdict=Verdict(standing=Standing.EXCEPTION, fingerprint=pinned))
        tried.close()
    shaken = _shake(address, port, hostname, context=verifying(trust), timeout_s=timeout_s)
    if isinstance(shaken, ssl.SSLSocket):
        fingerprint = _fingerprint(shaken)
        return Secured(socket=shaken, verdict=Verdict(standing=Standing.TRUSTED, fingerprint=fingerprint))
    if isinstance(shaken, Verdict) and pinned is not None:
        return replace(shaken, standing=Standing.REPLACED)
    return shaken


def failure_of(error: OSError, *, sent: bool) -> Failure:
    """Name what the network did. Certificate verdicts never come this way."""
    match error:
        case ConnectionRefusedError():
            kind = FailureKind.REFUSED
        case TimeoutError():
            kind = FailureKind.TIMED_OUT
        case ConnectionError() | ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            kind = FailureKind.RESET
        case ssl.SSLError():
            kind = FailureKind.BAD_ANSWER
        case OSError(errno=errno.EHOSTUNREACH | errno.ENETUNREACH):
            kind = FailureKind.UNREACHABLE
        case _:
            kind = FailureKind.BAD_ANSWER
    return Failure(kind=kind, sent=sent, detail=str(error))


def standing_of(error: ssl.SSLCertVerificationError) -> Standing:
    """What was wrong with a certificate that did not verify."""
    return _STANDINGS.get(error.verify_code, Standing.OTHER)


def _text(pem: bytes | str | Path) -> str:
    if isinstance(pem, Path):
        pem = pem.read_bytes()
    return pem.decode("ascii") if isinstance(pem, bytes) else pem


def verifying(trust: TrustStore) -> ssl.SSLContext:
    """What verifies a handshake against the anchors of a store; exceptions are `secure`'s."""
    context = client_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a server's own certificate may be the anchor
    for pem in trust.anchors:
        context.load_verify_locations(cadata=pem)
    return context


def _unverified() -> ssl.SSLContext:
    """For a pinned connection only: `secure` compares the fingerprint before anything is sent."""
    context = client_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _shake(
    address: str, port: int, hostname: str, *, context: ssl.SSLContext, timeout_s: float
) -> ssl.SSLSocket | Verdict | Failure:
    try:
        plain = socket.create_connection((address, port), timeout=timeout_s)
    except OSError as error:
        return failure_of(error, sent=False)
    tls: ssl.SSLSocket | None = None
    try:
        tls = context.wrap_socket(plain, server_hostname=hostname, do_handshake_on_connect=False)
        tls.do_handshake()
    except ssl.SSLCertVerificationError as error:
        verdict = Verdict(
            standing=standing_of(error),
            fingerprint=_refused_leaf(tls) if tls is not None else "",
            openssl_code=error.verify_code,
            openssl_message=error.verify_message,
        )
        (tls or plain).close()
        return verdict
    except OSError as error:
        (tls or plain).close()
        return failure_of(error, sent=False)
    return tls


def _fingerprint(tls: ssl.SSLSocket) -> str:
    return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()


def _refused_leaf(tls: ssl.SSLSocket) -> str:
    """Fingerprint of the leaf of a handshake that this side refused.

    Public from Python 3.13 on; before, only the object beneath has it. A second handshake without
    verification would read it too, but then the server would see a client that declined as one that
    completed (CERT-6).
    """
    public = getattr(tls, "get_unverified_chain", None)
    if public is not None:
        chain: list[bytes] = public()
        return hashlib.sha256(chain[0]).hexdigest() if chain else ""
    beneath = getattr(tls, "_sslobj", None)
    certificates = beneath.get_unverified_chain() if beneath is not None else None
    if not certificates:
        return ""
    der = ssl.PEM_cert_to_DER_cert(certificates[0].public_bytes())
    return hashlib.sha256(der).hexdigest()
