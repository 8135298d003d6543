"""Certificates that are wrong in one way each, and two that are right; made anew, dated from the moment of making.

All are shown to clients that trust one root. A host of its own for each: no client mixes up two cases.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DOMAIN = "matrix.test"

_DAY = dt.timedelta(days=1)
_YEAR = 365 * _DAY
_Usages: TypeAlias = tuple[x509.ObjectIdentifier, ...]


class Case(StrEnum):
    """What a server shows."""

    SOUND = "sound"
    SOUND_WITH_INTERMEDIATE = "sound, with intermediate"
    SELF_SIGNED = "self-signed"
    UNKNOWN_CA = "unknown CA"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    WRONG_HOST = "wrong host"
    MISSING_INTERMEDIATE = "missing intermediate"
    EXPIRED_INTERMEDIATE = "expired intermediate"
    ISSUER_IS_NO_CA = "issuer is no CA"
    WRONG_USAGE = "wrong usage"
    NO_SAN = "no SAN"
    NAME_CONSTRAINT = "name constraint breach"

    @property
    def hostname(self) -> str:
        """The server that shows it."""
        return f"{self.value.replace(',', '').replace(' ', '-').lower()}.{DOMAIN}"


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """Who signs: a certificate, its key, and what a server has to send along for it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    along: tuple[x509.Certificate, ...] = ()

    @property
    def is_root(self) -> bool:
        """Nobody else vouches for it."""
        return self.certificate.issuer == self.certificate.subject

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The certificate, and what is sent along for it."""
        return (self.certificate, *self.along)


def authority(name: str, now: dt.datetime) -> Issuer:
    """A root of its own."""
    return _issued(name, now, issuer=None, is_authority=True)


def pem(certificate: x509.Certificate) -> bytes:
    """As files hold it."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def installed(shown: Issuer) -> bytes:
    """The private key and the chain that a server sends, in one PEM."""
    key = shown.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key + b"".join(pem(each) for each in shown.chain)


def shown(case: Case, *, root: Issuer, now: dt.datetime) -> Issuer:  # noqa: C901, PLR0911, PLR0912 - one return a case
    """What the server of a case shows to clients that trust the root."""
    host = case.hostname
    match case:
        case Case.SOUND:
            return _issued(host, now, issuer=root, names=(host,))
        case Case.SOUND_WITH_INTERMEDIATE:
            return _issued(host, now, issuer=_between(case, root, now), names=(host,))
        case Case.SELF_SIGNED:
            return _issued(host, now, issuer=None, names=(host,))
        case Case.UNKNOWN_CA:
            return _issued(host, now, issuer=authority("Nobody's authority", now), names=(host,))
        case Case.EXPIRED:
            return _issued(host, now, issuer=root, names=(host,), valid=(-2 * _YEAR, -_DAY))
        case Case.NOT_YET_VALID:
            return _issued(host, now, issuer=root, names=(host,), valid=(_YEAR, 2 * _YEAR))
        case Case.WRONG_HOST:
            return _issued(host, now, issuer=root, names=(f"other.{DOMAIN}",))
        case Case.MISSING_INTERMEDIATE:
            leaf = _issued(host, now, issuer=_between(case, root, now), names=(host,))
            return Issuer(certificate=leaf.certificate, key=leaf.key)
        case Case.EXPIRED_INTERMEDIATE:
            return _issued(host, now, issuer=_between(case, root, now, valid=(-2 * _YEAR, -_DAY)), names=(host,))
        case Case.ISSUER_IS_NO_CA:
            return _issued(host, now, issuer=_between(case, root, now, is_authority=False), names=(host,))
        case Case.WRONG_USAGE:
            return _issued(host, now, issuer=root, names=(host,), usages=(ExtendedKeyUsageOID.CLIENT_AUTH,))
        case Case.NO_SAN:
            return _issued(host, now, issuer=root)
        case Case.NAME_CONSTRAINT:
            return _issued(host, now, issuer=_between(case, root, now, permitted="elsewhere.test"), names=(host,))
        case _:
            assert_never(case)


def _between(  # noqa: PLR0913 - each is what one case differs in
    case: Case,
    root: Issuer,
    now: dt.datetime,
    *,
    is_authority: bool = True,
    permitted: str | None = None,
    valid: tuple[dt.timedelta, dt.timedelta] = (-_YEAR, _YEAR),
) -> Issuer:
    """An intermediate authority of this case alone, so that no client knows it from another."""
    name = f"Intermediate: {case.value}"
    return _issued(name, now, issuer=root, is_authority=is_authority, permitted=permitted, valid=valid)


def _issued(  # noqa: PLR0913 - each is what one case differs in
    name: str,
    now: dt.datetime,
    *,
    issuer: Issuer | None,
    names: tuple[str, ...] = (),
    usages: _Usages = (ExtendedKeyUsageOID.SERVER_AUTH,),
    is_authority: bool = False,
    permitted: str | None = None,
    valid: tuple[dt.timedelta, dt.timedelta] = (-_YEAR, _YEAR),
) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + valid[0])
        .not_valid_after(now + valid[1])
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_usage(is_authority=is_authority), critical=True)
    )
    if not is_authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)  # noqa: FBT003 - not critical
    if permitted is not None:
        only = x509.NameConstraints(permitted_subtrees=[x509.DNSName(permitted)], excluded_subtrees=None)
        builder = builder.add_extension(only, critical=True)
    made = builder.sign(signer, hashes.SHA256())
    along = (
        (issuer.certificate, *issuer.along)
        if issuer and issuer.certificate.issuer != issuer.certificate.subject
        else ()
    )
    return Issuer(certificate=made, key=key, along=along)


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
