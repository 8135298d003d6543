"""Certificates of the servers, sound and faulty (CERT-5), and which is which. Makes keys; touches no file, no clock.

One certificate per server serves all its TLS ports; with a common authority one store trusts both (CERT-2). A sound one
never expires; the dates of a faulty one are so far from the moment of its making that no bed lives to see its verdict
change.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import trustme
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAY = dt.timedelta(days=1)
_FAR = dt.timedelta(days=3650)


class CertificateFault(StrEnum):
    """Ways in which a server's certificate is wrong (CERT-5)."""

    SELF_SIGNED = "self-signed"
    UNKNOWN_CA = "unknown-ca"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_HOST = "wrong-host"
    REPLACED = "replaced"


@dataclass(frozen=True, kw_only=True)
class ServerCertificate:
    """What is installed on a server, and what its clients are told to trust. All PEM.

    Attributes:
        chain: the leaf, then intermediates if any.
        key: the leaf's private key (elliptic curve).
        anchor: the certificate that a client holds to trust the chain.
        anchor_key: the anchor's private key, with which the faults of this server are made; no server ever has it.
    """

    chain: bytes
    key: bytes
    anchor: bytes
    anchor_key: bytes

    @property
    def installed(self) -> bytes:
        """The one file that a server has of it."""
        return self.key + self.chain


class Authority:
    """A certificate authority of our own: common to several servers, or one server's self-made one."""

    def __init__(self, name: str = "Portal testbed") -> None:
        self._ca = trustme.CA(
            organization_name=name, organization_unit_name="Portal testbed", key_type=trustme.KeyType.ECDSA
        )

    @classmethod
    def of(cls, anchor: bytes, key: bytes) -> Authority:
        """The authority that has this certificate and this private key, both PEM."""
        found = cls.__new__(cls)
        found._ca = trustme.CA.from_pem(anchor, key)  # noqa: SLF001 - its own
        return found

    @property
    def anchor(self) -> bytes:
        """The authority's own certificate, PEM."""
        return self._ca.cert_pem.bytes()

    @property
    def key(self) -> bytes:
        """The authority's private key, PEM."""
        return self._ca.private_key_pem.bytes()

    @property
    def name(self) -> str:
        """What it is called."""
        subject = x509.load_pem_x509_certificate(self.anchor).subject
        return str(subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)[0].value)

    def issue(
        self,
        hostname: str,
        address: str,
        *,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
    ) -> ServerCertificate:
        """A certificate that names the server and its IP address; valid from 2000 to 3000 by default."""
        leaf = self._ca.issue_cert(
            hostname,
            address,
            common_name=hostname,
            not_before=not_before,
            not_after=not_after,
            key_type=trustme.KeyType.ECDSA,
        )
        return ServerCertificate(
            chain=b"".join(blob.bytes() for blob in leaf.cert_chain_pems),
            key=leaf.private_key_pem.bytes(),
            anchor=self.anchor,
            anchor_key=self.key,
        )


def own(hostname: str, address: str) -> ServerCertificate:
    """What a server makes for itself when none is installed: its own authority and a certificate from it."""
    return Authority(f"{hostname} (self-made)").issue(hostname, address)


def faulty(
    fault: CertificateFault, hostname: str, address: str, *, authority: Authority, now: dt.datetime
) -> ServerCertificate:
    """A certificate that a client who trusts `authority` must refuse, for the one reason given.

    A replaced one is from an authority that is called as the former was and has another key (reading "made anew").

    Args:
        fault: the reason.
        hostname: of the server.
        address: of the server.
        authority: what the clients were told to trust before the fault; the anchor of what is returned.
        now: expired and not yet valid count from here.
    """
    match fault:
        case CertificateFault.SELF_SIGNED:
            return _self_signed(hostname, address, authority=authority, now=now)
        case CertificateFault.UNKNOWN_CA:
            return _instead(Authority("Nobody's authority").issue(hostname, address), authority)
        case CertificateFault.REPLACED:
            return _instead(Authority(authority.name).issue(hostname, address), authority)
        case CertificateFault.EXPIRED:
            return authority.issue(hostname, address, not_before=_naive(now - _FAR), not_after=_naive(now - _DAY))
        case CertificateFault.NOT_YET_VALID:
            return authority.issue(hostname, address, not_before=_naive(now + _FAR), not_after=_naive(now + 2 * _FAR))
        case CertificateFault.WRONG_HOST:
            return authority.issue(f"not-{hostname}", "192.0.2.1")
        case _:
            assert_never(fault)


def fault_of(shown: bytes, *, anchor: bytes, hostname: str, now: dt.datetime) -> CertificateFault | None:
    """What is wrong with the certificate that a server shows; `None` if it is sound.

    Args:
        shown: the leaf, DER.
        anchor: what clients of the server were told to trust, PEM.
        hostname: of the server.
        now: the time.
    """
    leaf, issuer = x509.load_der_x509_certificate(shown), x509.load_pem_x509_certificate(anchor)
    if not _issued(leaf, issuer):
        if leaf.issuer == leaf.subject:
            return CertificateFault.SELF_SIGNED
        return CertificateFault.REPLACED if leaf.issuer == issuer.subject else CertificateFault.UNKNOWN_CA
    if leaf.not_valid_after_utc < now:
        return CertificateFault.EXPIRED
    if leaf.not_valid_before_utc > now:
        return CertificateFault.NOT_YET_VALID
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return None if hostname in names.get_values_for_type(x509.DNSName) else CertificateFault.WRONG_HOST


def leaf_of(chain: bytes) -> bytes:
    """The first certificate of a PEM text, DER."""
    return x509.load_pem_x509_certificates(chain)[0].public_bytes(serialization.Encoding.DER)


def _issued(leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _instead(certificate: ServerCertificate, authority: Authority) -> ServerCertificate:
    """Somebody else's certificate, shown to clients that were told of `authority`."""
    return ServerCertificate(
        chain=certificate.chain, key=certificate.key, anchor=authority.anchor, anchor_key=authority.key
    )


def _naive(moment: dt.datetime) -> dt.datetime:
    """The same moment as trustme takes it: UTC, and not saying so."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None)


def _self_signed(hostname: str, address: str, *, authority: Authority, now: dt.datetime) -> ServerCertificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, hostname)])
    names = x509.SubjectAlternativeName([x509.DNSName(hostname), x509.IPAddress(ipaddress.ip_address(address))])
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _FAR)
        .not_valid_after(now + _FAR)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    return ServerCertificate(
        chain=leaf.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        anchor=authority.anchor,
        anchor_key=authority.key,
    )
