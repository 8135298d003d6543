"""What a client saw of one attempt to talk to a server. Pure values; no sockets, no decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


class Standing(StrEnum):
    """What a client's trust store says of a server's certificate (CERT-5: every fault has its own name)."""

    TRUSTED = "trusted"
    EXCEPTION = "exception"
    SELF_SIGNED = "self-signed"
    UNKNOWN_CA = "unknown CA"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    WRONG_HOST = "wrong host"
    REPLACED = "replaced since accepted"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one verifying handshake found.

    Attributes:
        standing: trusted, accepted earlier, or the fault by name.
        fingerprint: SHA-256 of the leaf certificate, hexadecimal; empty only if none could be read.
        openssl_code: OpenSSL's X509_V_ERR number; 0 when it found nothing wrong.
        openssl_message: OpenSSL's own words, for the report.
    """

    standing: Standing
    fingerprint: str
    openssl_code: int = 0
    openssl_message: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the client may go on to send something."""
        return self.standing in {Standing.TRUSTED, Standing.EXCEPTION}


class FailureKind(StrEnum):
    """Why no answer came. What the network did is told apart from what a certificate said."""

    REFUSED = "refused"
    TIMED_OUT = "timed out"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    BAD_ANSWER = "bad answer"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An attempt that ended without an answer.

    Attributes:
        kind: why.
        sent: whether any of the request may have reached the server; if not, it did not happen there.
        detail: the cause in words, for the report.
        verdict: the certificate verdict, for UNTRUSTED alone.
    """

    kind: FailureKind
    sent: bool
    detail: str = ""
    verdict: Verdict | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A complete HTTP answer. Header names are in lower case; `json` is None where the body is not JSON.

    `verdict` is of the certificate of the connection that it came over; None where nobody looked at it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    verdict: Verdict | None = None

    @property
    def location(self) -> str | None:
        """Where a redirect points, as the server wrote it."""
        return self.headers.get("location")

    @property
    def error(self) -> str | None:
        """The error code of the portal's API, where the body has one."""
        code = self.json.get("error") if isinstance(self.json, dict) else None
        return code if isinstance(code, str) else None


Exchange: TypeAlias = Answer | Failure
