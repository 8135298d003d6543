"""What clients were answered, each answer with the moment at which it was asked for. Pure."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from testbed.checkers.facts import Facts
    from testbed.history import Record

REDIRECTS = frozenset({301, 302, 303, 307, 308})

SESSION, PAGE, CORE = "/api/v1/session", "/onexportal.html", "/api/v1/redirect"


class Asked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request of a client, and its answer.

    Attributes:
        client: who asked.
        method: of HTTP.
        path: what was asked for.
        url: the same, whole.
        server: who was asked; the host's name, where it is no server of the bed.
        begin_ms: when it was asked.
        end_ms: when the answer was there.
        status: of HTTP; `None`: there was no answer.
        session: what tells the session that went along from others.
        begun: the same of the session that came back.
        fields: the answer, as recorded.
    """

    client: str
    method: str
    path: str
    url: str
    server: str
    begin_ms: float
    end_ms: float
    status: int | None
    session: str | None
    begun: str | None
    fields: Mapping[str, Any]

    @property
    def works(self) -> bool:
        """The server did what it was asked to."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - as HTTP has it

    @property
    def logs_in(self) -> bool:
        """It began a session."""
        return self.method == "POST" and self.path == SESSION and self.works

    @property
    def logs_out(self) -> bool:
        """It was to end a session."""
        return self.method == "DELETE" and self.path == SESSION

    def __str__(self) -> str:
        return f"{self.client}: {self.method} {self.path} at the {self.server}, {self.begin_ms:.0f} ms"


def answers_of(facts: Facts, records: Iterable[Record]) -> Iterator[Asked]:
    """Every answer that clients recorded, in order; from a history's requests and answers."""
    asked_ms: dict[tuple[str, str], float] = {}
    hosts = facts.hosts
    for record in records:
        if record.kind == "request":
            asked_ms[record.fields["client"], record.fields["url"]] = record.monotonic_ms
        elif record.kind == "answer":
            fields = record.fields
            client, url = fields["client"], fields["url"]
            host, path = parts_of(url)
            yield Asked(
                client=client,
                method=fields["method"],
                path=path,
                url=url,
                server=hosts.get(host, host),
                begin_ms=asked_ms.get((client, url), record.monotonic_ms),
                end_ms=record.monotonic_ms,
                status=fields.get("status"),
                session=fields.get("session"),
                begun=fields.get("begun"),
                fields=fields,
            )


@functools.lru_cache(maxsize=1024)
def parts_of(url: str) -> tuple[str, str]:
    """The host name and the path of an address; both empty, if it is none."""
    authority, slash, path = url.partition("://")[2].partition("/")
    if authority.isascii() and not set("@[]%") & set(authority):  # the usual one; the rest takes ten times as long
        return authority.partition(":")[0].lower(), slash + path.partition("?")[0].partition("#")[0]
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.hostname or "", parts.path


def host_of(url: str) -> str:
    """The host name of an address; empty, if it is none."""
    return parts_of(url)[0]
