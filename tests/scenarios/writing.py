"""A stream of writes against one server, and an exact account of its answers. Threads and sockets; asserts nothing.

Each writer is a user who adds, changes and deletes contacts as fast as the server answers, over one connection that is
kept open. It logs in again whenever that ends, for as long as it takes. What was answered is *ok*, *fail* (it did not
happen) or *info* (nobody can know), judged as any client of the testbed judges it (SYNC-8).
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stubs import ports
from testbed.clients import outcome
from testbed.clients.exchange import Answer
from testbed.clients.trust import failure_of
from testbed.tls import client_context
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.bed import Bed
    from testbed.clients.exchange import Exchange
    from testbed.history import End
    from testbed.placement import BedServer

TIMEOUT_S = 3.0
"""How long a writer waits for an answer; then nobody knows."""

OUTAGE_S = 60.0
"""How long a writer tries to come back."""

_OVER = {307, 401, 503}
"""Answers after which a writer has to log in again."""

_counter = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write and what became of it.

    Attributes:
        name: of the contact; no two have the same.
        id: of the contact; `None`: it was to be made, and nobody knows.
        what: added, changed or deleted.
        number: what should stand there afterwards; `None`: nothing.
        end: ok, fail or info.
        error: the API's error code, or the network's failure, where there is one.
    """

    name: str
    id: str | None
    what: str
    number: str | None
    end: End
    error: str | None


@dataclass
class Account:
    """All that a server answered its writers; safe to use from many threads."""

    writes: list[Write] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        """How many writes are certain."""
        return sum(write.end == "ok" for write in list(self.writes))

    def possible(self) -> dict[str, set[str | None]]:
        """What may stand under each name: several things only where nobody can know."""
        found: dict[str, set[str | None]] = {}
        for write in self.writes:
            may = found.setdefault(write.name, {None})
            if write.end == "ok":
                may.clear()
            if write.end != "fail":
                may.add(write.number)
        return found


class _Connection:
    """A user's connection, logged in."""

    def __init__(self, server: BedServer, user: str, password: str) -> None:
        context = client_context()
        context.load_verify_locations(server.certificate)
        self._http = http.client.HTTPSConnection(server.address, ports.PORTAL_HTTPS, timeout=TIMEOUT_S, context=context)
        self._headers = {"Content-Type": "application/json"}
        self._log_in = {"user": user, "password": password}

    def log_in(self) -> bool:
        """Whether the server let the user in."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, headers, _ = self._ask("POST", "session", self._log_in)
            cookie = headers.get("Set-Cookie", "").partition(";")[0]
            self._headers["Cookie"] = cookie
            return status == 201
        return False

    def change(self, method: str, path: str, body: dict[str, str] | None) -> Exchange:
        """What came of one request; it was sent, unless an answer says that it was refused."""
        try:
            status, headers, content = self._ask(method, path, body)
            return Answer(status=status, headers=headers, json=json.loads(content) if content else None)
        except OSError as error:
            return failure_of(error, sent=True)
        except (http.client.HTTPException, ValueError) as error:
            return failure_of(ConnectionError(repr(error)), sent=True)

    def close(self) -> None:
        """End it."""
        self._http.close()

    def _ask(self, method: str, path: str, body: Any) -> tuple[int, dict[str, str], bytes]:
        payload = None if body is None else json.dumps(body)
        self._http.request(method, f"/api/v1/{path}", body=payload, headers=self._headers)
        answer = self._http.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


class _Writer:
    """One user who writes to one server until told to stop."""

    def __init__(self, server: BedServer, user: tuple[str, str], account: Account, stop: threading.Event) -> None:
        self._server, self._user, self._account, self._stop = server, user, account, stop
        self._mine: list[Write] = []

    def run(self) -> None:
        """Write, over as many connections as it takes."""
        while not self._stop.is_set():
            connection = wait_until(
                self._connect,
                lambda seen: seen is not None or self._stop.is_set(),
                within_s=OUTAGE_S,
                what=f"{self._user[0]} to log in at the {self._server.name}",
                every_s=0.1,
            )
            if connection is not None:
                self._stream(connection)
                connection.close()

    def _connect(self) -> _Connection | None:
        connection = _Connection(self._server, *self._user)
        if connection.log_in():
            return connection
        connection.close()
        return None

    def _stream(self, connection: _Connection) -> None:
        """Add two, change one, delete one; until the connection or the session ends."""
        for turn in itertools.cycle(("added", "changed", "added", "deleted")):
            if self._stop.is_set():
                return
            what = turn if self._mine else "added"
            number = None if what == "deleted" else str(next(_counter))
            write, going = self._write(connection, what, number)
            self._account.writes.append(write)
            if write.end == "ok" and what == "added":
                self._mine.append(write)
            if not going:
                return

    def _write(self, connection: _Connection, what: str, number: str | None) -> tuple[Write, bool]:
        known = None if what == "added" else self._mine.pop() if what == "deleted" else self._mine[-1]
        name = known.name if known else f"{self._user[0]} {number}"
        body = None if number is None else {"name": name, "number": number}
        path = "contacts" if known is None else f"contacts/{known.id}"
        method = {"added": "POST", "changed": "PUT", "deleted": "DELETE"}[what]
        exchange = connection.change(method, path, body)
        end = outcome.of_change(exchange, body)
        item = known.id if known else str(end.item["id"]) if end.item else None
        # To others an answer of this kind says little; this portal promises that nothing of it is stored.
        verdict: End = "fail" if end.error == "not_stored" else end.end
        write = Write(name=name, id=item, what=what, number=number, end=verdict, error=end.error)
        return write, end.status is not None and end.status not in _OVER


@contextlib.contextmanager
def writing(bed: Bed, server: BedServer, *, each: int) -> Iterator[Account]:
    """While the block runs, so many connections of each user write to a server; afterwards all have ended."""
    account, stop = Account(), threading.Event()
    users = [(user.name, user.password) for user in bed.topology.users] * each
    threads = [threading.Thread(target=_Writer(server, user, account, stop).run) for user in users]
    for thread in threads:
        thread.start()
    try:
        yield account
    finally:
        stop.set()
        for thread in threads:
            thread.join(OUTAGE_S)
