"""What a client's steps look like in its history. Pure: values in, JSON out; no password, no cookie comes through."""

from __future__ import annotations

import hashlib
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, assert_never
from urllib.parse import urlsplit

from testbed.clients.exchange import Answer, Exchange, Failure, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

SESSION_COOKIE = "onex_session"

REDIRECT_SERVICE = "/api/v1/redirect"
"""Where a core names the portal that serves."""

_MARK_LENGTH = 12


def described(result: Exchange | Verdict) -> dict[str, Any]:
    """What came of a request, or of the look at a certificate."""
    match result:
        case Answer(verdict=verdict):
            told = {"status": result.status, "location": result.location, "error": result.error}
            if verdict is not None:
                told |= {"standing": verdict.standing, "fingerprint": verdict.fingerprint}
            return told
        case Failure(verdict=verdict):
            of_certificate = described(verdict) if verdict is not None else {}
            return {"failure": result.kind, "sent": result.sent, "detail": result.detail, **of_certificate}
        case Verdict():
            return {
                "standing": result.standing,
                "fingerprint": result.fingerprint,
                "openssl_code": result.openssl_code,
                "openssl_message": result.openssl_message,
            }
        case _:
            assert_never(result)


def named(url: str, exchange: Exchange) -> dict[str, Any]:
    """The portal that a core's redirect service names, if any; nothing for every other answer."""
    match exchange:
        case Answer(status=200, json={"portal": str() | None as portal}) if urlsplit(url).path == REDIRECT_SERVICE:
            return {"names": portal}
        case _:
            return {}


def mark(cookies: Iterable[str]) -> str | None:
    """What tells one session from another without opening it: of the session cookie in these header lines."""
    for line in cookies:
        parsed: SimpleCookie = SimpleCookie()
        try:
            parsed.load(line)
        except CookieError:
            continue
        if SESSION_COOKIE in parsed and parsed[SESSION_COOKIE].value:
            return hashlib.sha256(parsed[SESSION_COOKIE].value.encode()).hexdigest()[:_MARK_LENGTH]
    return None
