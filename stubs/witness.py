"""What one port of a server saw of its clients: every TLS handshake and every request, numbered and bounded.

So a client that nobody instrumented can be judged from the server's side (CERT-6, CLIENT-4). Kept: who, when, what was
asked for and how it ended. Never kept: cookies, bodies, queries, passwords. In memory only: it ends with the process,
and a factory reset leaves it alone. `stubs.watched` lets it be read.
"""

from __future__ import annotations

import collections
import logging
import re
import threading
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import msgspec

from stubs import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

KEPT_HANDSHAKES = 2_000
KEPT_REQUESTS = 10_000
"""How many of each are kept; the oldest go first."""

ASKER = "REMOTE_USER"
"""Where whoever knows the user of a request leaves the name, in the request's environment; CGI calls it so."""

LONGEST = 300
"""Characters that are kept of a text which a client chose."""

Outcome = Literal["completed", "unused", "alert", "dropped"]
"""How a handshake ended (reading "said nothing").

"completed"  it was finished, and then the client sent something: the first bytes of a request came
"unused"     it was finished, and the client left, or said nothing until its time was over: so does one that judges
             the certificate afterwards, and one that connects in advance
"alert"      the client ended it with a TLS alert, in the handshake or in place of its first request
"dropped"    it was not finished, and no alert came: the client hung up, was silent, or did not speak TLS
"""


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """One connection's TLS handshake, as the server saw it (CERT-6).

    Attributes:
        number: of this record; one more than the one before.
        at: wall time when the outcome was known, ISO 8601, UTC.
        client: address of the client.
        client_port: its port; with the address it names the connection.
        server_name: the name that the client asked for (SNI), if any.
        outcome: see `Outcome`.
        alert: the name of the TLS alert (RFC 8446, section 6), such as "unknown_ca".
        detail: what OpenSSL or the system said of it; empty if completed.
    """

    number: int
    at: str
    client: str
    client_port: int
    server_name: str | None
    outcome: Outcome
    alert: str | None = None
    detail: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request that was answered (CLIENT-4).

    Attributes:
        number: of this record; one more than the one before.
        at: wall time when it was answered, ISO 8601, UTC.
        client: address of the client.
        client_port: its port; with the address it names the connection.
        method: of HTTP.
        path: without a query.
        status: of the answer.
        location: where the answer sent the client, if anywhere.
        user_agent: what the client called itself.
        user: whose session it carried, or who logged in by it; `None`: nobody is known.
    """

    number: int
    at: str
    client: str
    client_port: int
    method: str
    path: str
    status: int
    location: str | None
    user_agent: str
    user: str | None = None


Seen = TypeVar("Seen", Handshake, Request)


class Record(Generic[Seen]):
    """The latest of what was seen. Any thread may add and read.

    Args:
        kept: how many.
    """

    def __init__(self, kept: int) -> None:
        self._kept: collections.deque[Seen] = collections.deque(maxlen=kept)
        self._last = 0
        self._lock = threading.Lock()

    def add(self, make: Callable[[int], Seen]) -> None:
        """Number one, and keep it."""
        with self._lock:
            self._last += 1
            self._kept.append(make(self._last))

    def after(self, number: int) -> tuple[list[Seen], int]:
        """All that came after that number and is still kept; the number that was given last."""
        with self._lock:
            return [seen for seen in self._kept if seen.number > number], self._last


class Witness:
    """What one port of a server saw since its process began.

    Attributes:
        boot: larger than that of any earlier start of the process on this machine.
        handshakes: how each ended.
        requests: those that were answered.
    """

    def __init__(self) -> None:
        self.boot = clock.boot_id()
        self.handshakes: Record[Handshake] = Record(KEPT_HANDSHAKES)
        self.requests: Record[Request] = Record(KEPT_REQUESTS)

    def shaken(
        self, client: tuple[str, int], server_name: str | None, *, finished: bool, sent: bool, error: OSError | None
    ) -> None:
        """Keep how a handshake ended.

        Args:
            client: address and port.
            server_name: what it asked for.
            finished: the handshake itself was.
            sent: the client sent something after it.
            error: what ended the connection before that, if anything did.
        """
        at, (address, port) = clock.utc_now(), client
        alert = alert_of(error)
        outcome: Outcome = "completed" if sent else "alert" if alert else "unused" if finished else "dropped"
        detail = "" if error is None else getattr(error, "reason", None) or str(error)
        if outcome != "completed":
            log.info("handshake with %s port %d for %s: %s %s", address, port, server_name, outcome, detail)
        self.handshakes.add(
            lambda number: Handshake(
                number=number,
                at=at,
                client=address,
                client_port=port,
                server_name=server_name and server_name[:LONGEST],
                outcome=outcome,
                alert=alert,
                detail=detail[:LONGEST],
            )
        )

    def watching(self, app: WSGIApplication) -> WSGIApplication:
        """The application, with every answer kept before its first byte leaves: whoever has it, finds it here."""

        def watched(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            def begin(status: str, headers: list[tuple[str, str]], *error: object) -> Callable[[bytes], object]:
                location = next((value for name, value in headers if name.lower() == "location"), None)
                self._asked(environ, int(status[:3]), location)
                return start_response(status, headers, *error)  # type: ignore[arg-type] # passed on as they came

            return app(environ, begin)

        return watched

    def _asked(self, environ: WSGIEnvironment, status: int, location: str | None) -> None:
        at = clock.utc_now()
        path = environ.get("PATH_INFO", "").encode("latin-1", "replace").decode(errors="replace")
        self.requests.add(
            lambda number: Request(
                number=number,
                at=at,
                client=environ.get("REMOTE_ADDR", ""),
                client_port=int(environ.get("REMOTE_PORT", 0)),
                method=environ["REQUEST_METHOD"][:LONGEST],
                path=path[:LONGEST],
                status=status,
                location=location and location.partition("?")[0][:LONGEST],
                user_agent=environ.get("HTTP_USER_AGENT", "")[:LONGEST],
                user=environ.get(ASKER),
            )
        )


_ALERT = re.compile(
    r"(?:SSLV3|TLSV1|TLSV13)_ALERT_(?P<name>\w+)"
    r"|TLSV1_(?P<rare>UNSUPPORTED_EXTENSION|CERTIFICATE_UNOBTAINABLE|UNRECOGNIZED_NAME"
    r"|BAD_CERTIFICATE_STATUS_RESPONSE|BAD_CERTIFICATE_HASH_VALUE)"
)
"""OpenSSL's reasons that stand for a received alert; what it finds wrong by itself is called otherwise."""


def alert_of(error: BaseException | None) -> str | None:
    """The name of the TLS alert that an error stands for; `None` if it stands for none."""
    reason: str | None = getattr(error, "reason", None)
    found = _ALERT.fullmatch(reason) if isinstance(reason, str) else None
    if found is None:
        return None
    name = (found["name"] or found["rare"]).lower()
    return "user_canceled" if name == "user_cancelled" else name
