"""Certificates of the servers, sound and faulty. Makes keys; touches no file, socket or clock.

Validity dates are fixed far in the past or far ahead, so that no certificate here changes its verdict with
the calendar. One certificate per server serves all its TLS ports.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_PAST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_PAST_END = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
_FUTURE = dt.datetime(2900, 1, 1, tzinfo=dt.UTC)
_FUTURE_END = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)


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
    """

    chain: bytes
    key: bytes
    anchor: bytes


class Authority:
    """A certificate authority of our own: common to several servers, or one server's self-made one."""

    def __init__(self, name: str = "Portal testbed") -> None:
        self._ca = trustme.CA(organization_name=name, key_type=trustme.KeyType.ECDSA)

    @property
    def anchor(self) -> bytes:
        """The authority's own certificate, PEM."""
        return self._ca.cert_pem.bytes()

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
        )


def own(hostname: str, address: str) -> ServerCertificate:
    """What a server makes for itself when none is installed: its own authority and a certificate from it."""
    return Authority(f"{hostname} (self-made)").issue(hostname, address)


def faulty(fault: CertificateFault, hostname: str, address: str, *, authority: Authority) -> ServerCertificate:
    """A certificate that a client who trusts `authority` must refuse, for the one reason given.

    The anchor returned is always `authority`'s: what the clients were told before the fault.
    """
    match fault:
        case CertificateFault.SELF_SIGNED:
            return _self_signed(hostname, address, anchor=authority.anchor)
        case CertificateFault.UNKNOWN_CA | CertificateFault.REPLACED:
            stranger = own(hostname, address)
            return ServerCertificate(chain=stranger.chain, key=stranger.key, anchor=authority.anchor)
        case CertificateFault.EXPIRED:
            return authority.issue(hostname, address, not_before=_PAST, not_after=_PAST_END)
        case CertificateFault.NOT_YET_VALID:
            return authority.issue(hostname, address, not_before=_FUTURE, not_after=_FUTURE_END)
        case CertificateFault.WRONG_HOST:
            return authority.issue(f"not-{hostname}", "192.0.2.1")
        case _:
            assert_never(fault)


def _self_signed(hostname: str, address: str, *, anchor: bytes) -> ServerCertificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, hostname)])
    names = x509.SubjectAlternativeName([x509.DNSName(hostname), x509.IPAddress(ipaddress.ip_address(address))])
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_PAST)
        .not_valid_after(_FUTURE_END)
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
        anchor=anchor,
    )
