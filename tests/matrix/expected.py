"""What each client says of each certificate: the table that the tests hold the clients to. Values only.

They do not agree, and that is what it is for: a certificate that names its server in the common name alone is good
enough for Python's ssl, curl and wget, and wget takes one that was made for clients.
"""

from __future__ import annotations

from typing import TypeAlias

from tests.matrix.cases import Case
from tests.matrix.clients import TRUSTED

Row: TypeAlias = dict[str, str]


def row(python_ssl: str, requests: str, curl: str, wget: str) -> Row:
    """What the clients say of one certificate."""
    return {"Python ssl": python_ssl, "requests": requests, "curl": curl, "wget": wget}


def openssl(number: int, wget: str) -> Row:
    """What they say where all that use OpenSSL pass its number on."""
    return row(f"error {number}", f"SSLError {number}", f"exit 60, error {number}", wget)


_UNKNOWN = openssl(20, "exit 5, not trusted, unknown issuer")

STATIC: dict[str, Row] = {
    Case.SOUND: row(*[TRUSTED] * 4),
    Case.SOUND_WITH_INTERMEDIATE: row(*[TRUSTED] * 4),
    Case.SELF_SIGNED: openssl(18, "exit 5, not trusted, unknown issuer"),
    Case.UNKNOWN_CA: _UNKNOWN,
    Case.EXPIRED: openssl(10, "exit 5, not trusted, expired"),
    Case.NOT_YET_VALID: openssl(9, "exit 5, not trusted, not yet activated"),
    # curl compares the names itself, and says so by its words alone.
    Case.WRONG_HOST: row("error 62", "SSLError 62", "exit 60, error 1", "exit 5, wrong owner"),
    Case.MISSING_INTERMEDIATE: _UNKNOWN,
    Case.EXPIRED_INTERMEDIATE: openssl(10, "exit 5, not trusted, expired"),
    Case.ISSUER_IS_NO_CA: openssl(79, "exit 5, not trusted"),
    Case.WRONG_USAGE: openssl(26, TRUSTED),
    Case.NO_SAN: row(TRUSTED, "SSLError 62", TRUSTED, TRUSTED),
    Case.NAME_CONSTRAINT: openssl(47, "exit 5, not trusted"),
}
"""Of servers that show the same all the time, to clients that trust one root."""

REPLACED_SINCE_ACCEPTED = "replaced since accepted"
REPLACED_DURING_FAILOVER = "replaced during failover"
ROTATED_AT_FAILBACK = "CA rotated at failback"

DYNAMIC: dict[str, Row] = {
    REPLACED_SINCE_ACCEPTED: _UNKNOWN,
    REPLACED_DURING_FAILOVER: _UNKNOWN,
    ROTATED_AT_FAILBACK: _UNKNOWN,
}
"""Of servers that showed another one before, to clients that trust whoever issued that one."""

_NO_AUTHORITY = "ERR_CERT_AUTHORITY_INVALID, can be passed"
_NOT_NOW = "ERR_CERT_DATE_INVALID, can be passed"
_OTHER_NAME = "ERR_CERT_COMMON_NAME_INVALID, can be passed"
_FINAL = "ERR_CERT_INVALID, final"

CHROMIUM: dict[str, str] = {
    Case.SOUND: TRUSTED,
    Case.SOUND_WITH_INTERMEDIATE: TRUSTED,
    Case.SELF_SIGNED: _NO_AUTHORITY,
    Case.UNKNOWN_CA: _NO_AUTHORITY,
    Case.EXPIRED: _NOT_NOW,
    Case.NOT_YET_VALID: _NOT_NOW,
    Case.WRONG_HOST: _OTHER_NAME,
    Case.MISSING_INTERMEDIATE: _NO_AUTHORITY,
    Case.EXPIRED_INTERMEDIATE: _NOT_NOW,
    Case.ISSUER_IS_NO_CA: _FINAL,
    Case.WRONG_USAGE: _FINAL,
    Case.NO_SAN: _OTHER_NAME,
    Case.NAME_CONSTRAINT: _FINAL,
    REPLACED_SINCE_ACCEPTED: _NO_AUTHORITY,
    REPLACED_DURING_FAILOVER: _NO_AUTHORITY,
    ROTATED_AT_FAILBACK: _NO_AUTHORITY,
}
"""A page that is "final" has no link to proceed by, whoever sits before it."""

_UNKNOWN_ISSUER = "SEC_ERROR_UNKNOWN_ISSUER, can be passed"

FIREFOX: dict[str, str] = {
    Case.SOUND: TRUSTED,
    Case.SOUND_WITH_INTERMEDIATE: TRUSTED,
    Case.SELF_SIGNED: "MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT, can be passed",
    Case.UNKNOWN_CA: _UNKNOWN_ISSUER,
    Case.EXPIRED: "SEC_ERROR_EXPIRED_CERTIFICATE, can be passed",
    Case.NOT_YET_VALID: "MOZILLA_PKIX_ERROR_NOT_YET_VALID_CERTIFICATE, can be passed",
    Case.WRONG_HOST: "SSL_ERROR_BAD_CERT_DOMAIN, can be passed",
    Case.MISSING_INTERMEDIATE: _UNKNOWN_ISSUER,
    Case.EXPIRED_INTERMEDIATE: "SEC_ERROR_EXPIRED_ISSUER_CERTIFICATE, can be passed",
    Case.ISSUER_IS_NO_CA: "SEC_ERROR_INADEQUATE_KEY_USAGE, final",
    Case.WRONG_USAGE: "SEC_ERROR_INADEQUATE_CERT_TYPE, final",
    Case.NO_SAN: "SSL_ERROR_BAD_CERT_DOMAIN, can be passed",
    Case.NAME_CONSTRAINT: "SEC_ERROR_CERT_NOT_IN_NAME_SPACE, final",
    REPLACED_SINCE_ACCEPTED: _UNKNOWN_ISSUER,
    REPLACED_DURING_FAILOVER: "SEC_ERROR_BAD_SIGNATURE, final",  # an authority of the same name, with another key
    ROTATED_AT_FAILBACK: "SEC_ERROR_BAD_SIGNATURE, final",
}
"""It has names of its own for much that others call the same."""

BROWSERS = {"Chromium": CHROMIUM, "Firefox": FIREFOX}

EXPECTED: dict[str, Row] = {
    case: {**row, **{name: column[case] for name, column in BROWSERS.items()}}
    for case, row in {**STATIC, **DYNAMIC}.items()
}
"""All of it: what is shown beside what was seen."""
