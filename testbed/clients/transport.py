"""HTTPS as a client of the testbed speaks it: one request, one connection, one exchange. No decisions here.

A host name is looked up in the client's own table, so nothing edits the machine's hosts file; SNI, Host
header and certificate check all use the name. No redirect is followed, no proxy of the environment is
used (the standard library's connection knows neither), and nothing is sent before the certificate is
accepted.

The connection is made here rather than by an HTTP library because a client has to know whether a request
had already left when it failed: only then may it have happened.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from testbed.clients.exchange import Answer, Exchange, Failure, FailureKind, Verdict
from testbed.clients.trust import Secured, examine, failure_of, secure

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from testbed.clients.cookies import Cookies
    from testbed.clients.trust import TrustStore

_HTTPS = 443
_BODY_LIMIT = 4 * 1024 * 1024


class _Connection(http.client.HTTPConnection):
    """A connection over a socket that is secured already; never opens one by itself."""

    default_port = _HTTPS
    auto_open = 0


class Transport:
    """Sends the requests of one client."""

    def __init__(
        self, resolver: Mapping[str, str], *, timeout_s: float, user_agent: str, answer_s: float | None = None
    ) -> None:
        """Set the client's table of names.

        Args:
            resolver: host name to IPv4 address; a name that is missing does not exist for this client.
            timeout_s: bound in seconds of each network step: connecting, shaking hands, each read.
            user_agent: what the client calls itself.
            answer_s: bound in seconds of each read once a request was sent; `timeout_s` by default.
        """
        self._answer_s = timeout_s if answer_s is None else answer_s
        self._resolver = resolver
        self._timeout_s = timeout_s
        self._user_agent = user_agent

    def examine(self, url: str, *, trust: TrustStore) -> Verdict | Failure:
        """Judge the certificate of a URL's server; nothing is sent but the handshake."""
        host, port = _endpoint(url)
        address = self._resolver.get(host)
        if address is None:
            return _no_such_name(host)
        return examine(address, port, host, trust=trust, timeout_s=self._timeout_s)

    def exchange(  # noqa: PLR0913 -- a request has that many parts
        self,
        method: str,
        url: str,
        *,
        trust: TrustStore,
        cookies: Cookies | None = None,
        cookie_header: str | None = None,
        body: Any = None,
    ) -> tuple[Exchange, tuple[str, ...]]:
        """Send one request and wait for the answer.

        Args:
            method: HTTP method.
            url: absolute HTTPS address.
            trust: the client's own store.
            cookies: those of the URL's host are sent along; None sends none.
            cookie_header: sent instead of `cookies`, whatever host they came from.
            body: sent as JSON unless None.

        Returns:
            What came of it, and the answer's Set-Cookie lines.
        """
        host, port = _endpoint(url)
        address = self._resolver.get(host)
        if address is None:
            return _no_such_name(host), ()
        match secure(address, port, host, trust=trust, timeout_s=self._timeout_s):
            case Failure() as shaken:
                return shaken, ()
            case Verdict() as shaken:
                return Failure(kind=FailureKind.UNTRUSTED, sent=False, detail=shaken.standing, verdict=shaken), ()
            case Secured(socket=tls, verdict=verdict):
                headers = {"User-Agent": self._user_agent, "Connection": "close"}
                carried = cookie_header or (cookies.header(host) if cookies else None)
                if carried:
                    headers["Cookie"] = carried
                tls.settimeout(self._answer_s)
                exchange, set_cookies = _converse(tls, method, url, headers=headers, body=body)
                return _over(exchange, verdict), set_cookies


def _over(exchange: Exchange, verdict: Verdict) -> Exchange:
    """What came of a request, with the certificate over which it came."""
    return replace(exchange, verdict=verdict) if isinstance(exchange, Answer) else exchange


def _converse(
    tls: socket.socket, method: str, url: str, *, headers: dict[str, str], body: Any
) -> tuple[Exchange, tuple[str, ...]]:
    host, port = _endpoint(url)
    path = urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl() or "/"
    connection = _Connection(host, port)
    connection.sock = tls
    payload = None
    if body is not None:
        payload = json.dumps(body).encode()
        headers = {**headers, "Content-Type": "application/json"}
    try:
        connection.request(method, path, body=payload, headers=headers)
        response = connection.getresponse()
        content = response.read(_BODY_LIMIT)
        complete = response.isclosed() or (response.length is None and len(content) < _BODY_LIMIT)
    except OSError as error:
        return failure_of(error, sent=True), ()
    except (http.client.HTTPException, UnicodeError) as error:
        return Failure(kind=FailureKind.BAD_ANSWER, sent=True, detail=repr(error)), ()
    finally:
        connection.close()
        tls.close()
    if not complete:
        return Failure(kind=FailureKind.BAD_ANSWER, sent=True, detail="body too long or cut short"), ()
    answer = Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.getheaders()},
        json=json_of(content),
    )
    return answer, tuple(response.headers.get_all("Set-Cookie", []))


def _endpoint(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _HTTPS


def _no_such_name(host: str) -> Failure:
    return Failure(kind=FailureKind.UNREACHABLE, sent=False, detail=f"this client knows no host named {host!r}")


def json_of(content: bytes) -> Any:
    """What a body holds, whatever it says that it is; None if that is not JSON."""
    try:
        return json.loads(content)
    except ValueError:
        return None
