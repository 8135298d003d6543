"""HTTPS as a member of a crowd speaks it: asynchronous, over connections that are kept as browsers keep them. aiohttp.

The same promises as `testbed.clients.transport`: names are looked up in the client's own table, no redirect is
followed, no proxy used, nothing sent before the certificate is accepted, and a failure says whether the request had
left.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import weakref
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from testbed.clients.exchange import Answer, Exchange, Failure, FailureKind, Standing, Verdict
from testbed.clients.places import host_of
from testbed.clients.transport import json_of
from testbed.clients.trust import failure_of, standing_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbed.clients.cookies import Cookies

Outcome = tuple[Exchange, tuple[str, ...]]
"""What came of a request, and the answer's Set-Cookie lines."""


CLOSED_S = 5
"""Within what time a connection whose both ends are shut is closed, in seconds."""


class _Names(AbstractResolver):
    """A client's own table."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        address = self._table[host]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0),
        ]

    async def close(self) -> None:
        """Nothing is open."""


class Transport:
    """Sends the requests of one member; to be used as a context, within a running loop.

    Args:
        resolver: host name to IPv4 address.
        context: verifies against what the member trusts.
        timeout_s: bound in seconds of each network step: connecting with the handshake, each read.
        user_agent: what the member calls itself.
    """

    def __init__(
        self, resolver: Mapping[str, str], *, context: ssl.SSLContext, timeout_s: float, user_agent: str
    ) -> None:
        self._resolver = resolver
        self._context = context
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeout_s, sock_read=timeout_s)
        self._headers = {"User-Agent": user_agent}
        self._loaded: tuple[str, Outcome] | None = None
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._context,
                resolver=_Names(self._resolver),
                use_dns_cache=False,
                limit_per_host=1,
                socket_factory=self._socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            headers=self._headers,
        )
        return self

    async def __aexit__(self, *raised: object) -> None:
        """Close all, also what aiohttp has let go of while it still says good-bye to a silent server."""
        await self._session.close()
        for each in (left := [one for one in self._sockets if one.fileno() >= 0]):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        async with asyncio.timeout(CLOSED_S):
            while any(one.fileno() >= 0 for one in left):  # noqa: ASYNC110 - a closed socket tells nobody
                await asyncio.sleep(0)

    def _socket(self, where: aiohttp.AddrInfoType) -> socket.socket:
        self.connections += 1
        made = socket.socket(where[0], where[1], where[2])
        self._sockets.add(made)
        return made

    async def examine(self, page: str, cookies: Cookies) -> Verdict | Failure:
        """Judge the certificate of a page's server, on the connection over which the page then comes.

        The page is asked for on it at once, if the certificate is accepted, and kept for who loads it: a handshake of
        its own for each would double the crowd's, and no browser does that.
        """
        outcome = await self._send("GET", page, cookies, None)
        match outcome[0]:
            case Failure(kind=FailureKind.UNTRUSTED, verdict=Verdict() as verdict):
                return verdict
            case Failure(sent=False) as failure:
                return failure
            case _:
                self._loaded = (page, outcome)
                return Verdict(standing=Standing.TRUSTED, fingerprint="")

    async def load(self, page: str, cookies: Cookies) -> Outcome:
        """The page, as it came when its server was examined; asked for, if it was not."""
        loaded, self._loaded = self._loaded, None
        if loaded is not None and loaded[0] == page:
            return loaded[1]
        return await self.exchange("GET", page, cookies)

    async def exchange(self, method: str, url: str, cookies: Cookies | None, body: Any = None) -> Outcome:
        """Send one request and wait for the answer.

        Args:
            method: HTTP method.
            url: absolute HTTPS address.
            cookies: those of its host are sent along; None sends none.
            body: sent as JSON unless None.
        """
        return await self._send(method, url, cookies, body)

    async def _send(self, method: str, url: str, cookies: Cookies | None, body: Any) -> Outcome:
        host = host_of(url)
        if host not in self._resolver:
            detail = f"this client knows no host named {host!r}"
            return Failure(kind=FailureKind.UNREACHABLE, sent=False, detail=detail), ()
        carried = cookies.header(host) if cookies else None
        headers = {"Cookie": carried} if carried else {}
        try:
            async with self._session.request(method, url, json=body, headers=headers, allow_redirects=False) as came:
                content = await came.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _failure(error), ()
        named = {name.lower(): value for name, value in came.headers.items()}
        return Answer(status=came.status, headers=named, json=json_of(content)), tuple(
            came.headers.getall("Set-Cookie", ())
        )


def _failure(error: Exception) -> Failure:  # noqa: PLR0911 - one line for each kind of error
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as why):
            verdict = Verdict(
                standing=standing_of(why),
                fingerprint="",
                openssl_code=why.verify_code,
                openssl_message=why.verify_message,
            )
            return Failure(kind=FailureKind.UNTRUSTED, sent=False, detail=verdict.standing, verdict=verdict)
        case aiohttp.ClientConnectorError(os_error=why):
            return failure_of(why, sent=False)
        case aiohttp.ConnectionTimeoutError():
            return Failure(kind=FailureKind.TIMED_OUT, sent=False, detail=str(error))
        case TimeoutError():
            return Failure(kind=FailureKind.TIMED_OUT, sent=True, detail=str(error))
        case aiohttp.ServerDisconnectedError():
            return Failure(kind=FailureKind.RESET, sent=True, detail=str(error))
        case OSError():
            return failure_of(error, sent=True)
        case _:
            return Failure(kind=FailureKind.BAD_ANSWER, sent=True, detail=repr(error))
