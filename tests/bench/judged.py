"""A long history, made up: users work on a pair whose primary's portal dies again and again. Values, and their file.

There is work of all kinds in it that clients and the observer record: log-ins over certificates that are prompted for
once, reads, additions, changes and deletions of settings, contacts and meetings, polls, redirects, log-outs, what
servers saw of it, and how the data keep in step.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from testbed.history import SCHEMA, Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
HOSTS = {"primary.test": "primary", "secondary.test": "secondary"}
KILL = {"fault": "kill primary/portal", "effects": [{"does": "kill", "server": "primary", "service": "portal"}]}
BED = {"bed": "long"}
FACTS = {
    "heartbeat_ms": 50,
    "fresh_ms": 300,
    "detection_ms": 900,
    "within_ms": 5700,
    "failback": "automatic",
    "unmet": [],
    "hosts": HOSTS,
    "homes": {},
    "portal_servers": {"primary": "primary", "secondary": "secondary"},
}
OF_BED = frozenset({"bed", "fault", "observed", "role", "sync", "log", "discarded", "contents"})
"""The kinds of record that name their bed."""

OPERATIONS_A_ROUND = 500
"""So many operations lie between two failovers, half of them on each server."""

CYCLE = ("add", "change", "read", "add", "delete", "meet", "read", "change", "read", "add")
"""What users do, one after the other."""

LOST_A_ROUND = OPERATIONS_A_ROUND // 2 * sum(each != "read" for each in CYCLE) // len(CYCLE)
"""So many acknowledged changes of a round were made on the secondary, and are taken back as the rules have it."""

_EVERY_MS = 50.0
_DUE_MS = 2000.0
_USERS = 20
_POLLS = 5
"""Every so many operations a user polls as well."""


class _Made(NamedTuple):
    """What a user made last, on one server."""

    collection: str
    id: str


class _Long:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self.at_ms = 0.0
        self.log: list[dict[str, Any]] = []
        self.own: list[dict[str, Any]] = []
        self.meetings: dict[str, list[dict[str, Any]]] = {f"user{number}": [] for number in range(_USERS)}
        self.seen: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
        self.op = self.logins = 0
        self.sessions: dict[str, str] = {}
        self.setting, self.contact = _Made("settings", ""), _Made("contacts", "")
        self.known: set[tuple[str, str]] = set()

    def tell(self, kind: str, **fields: Any) -> None:
        told = {**BED, **fields} if kind in OF_BED else fields
        self.records.append(Record(kind=kind, at=_iso(self.at_ms), monotonic_ms=self.at_ms, fields=told))

    def role(self, server: str, role: str) -> None:
        self.tell("role", server=server, role=role, since_ms=self.at_ms, why="")

    def fault(self, state: str) -> None:
        self.tell("fault", state=state, **KILL)
        self.at_ms += 10

    def asked(self, client: str, method: str, url: str, status: int, **fields: Any) -> None:
        """A request and its answer, 5 ms later, with what the server saw of it."""
        self.tell("request", client=client, method=method, url=url, cookie="session" in fields)
        self.at_ms += 5
        told = {
            "standing": "exception",
            "fingerprint": urlsplit(url).netloc.partition(".")[0],
            "location": None,
            "error": None,
        }
        marks = {"session": None, "begun": None}
        self.tell("answer", client=client, method=method, url=url, status=status, **{**told, **marks, **fields})

    def log_in(self, server: str) -> None:
        """All users log in; who meets a certificate for the first time is asked about it."""
        for user in self.meetings:
            told = {"client": user, "server": server, "fingerprint": server}
            standing = "exception" if (user, server) in self.known else "unknown CA"
            self.tell("navigation", client=user, server=server, to=f"{_portal(server)}/onexportal.html")
            self.tell("examined", standing=standing, **told)
            if (user, server) not in self.known:
                self.tell("prompt", habit="accept", standing=standing, **told)
                self.tell("exception", **told)
                self.known.add((user, server))
            self.logins += 1
            self.sessions[user] = f"{server} {self.logins}"
            self.asked(user, "POST", f"{_portal(server)}/api/v1/session", 201, begun=self.sessions[user])
            self.tell("screen", client=user, server=server, shows="home", detail="")

    def operations(self, count: int, server: str) -> None:
        """One every 50 ms, each with its request and its answer; all are acknowledged."""
        until_ms = self.at_ms + count * _EVERY_MS
        for number in range(count):
            self.op += 1
            begin_ms, user = self.at_ms, f"user{(self.op - 1) // len(CYCLE) % _USERS}"
            self._operate(CYCLE[number % len(CYCLE)], user, server, late=self.at_ms + 2 * _DUE_MS > until_ms)
            if not self.op % _POLLS:
                self.asked(user, "GET", f"{_portal(server)}/api/v1/session", 200, session=self.sessions[user])
            self.at_ms = begin_ms + _EVERY_MS

    def _operate(self, does: str, user: str, server: str, *, late: bool) -> None:
        new = f"item{self.op}"
        match does:
            case "add" if CYCLE[self.op % len(CYCLE)] == "delete":
                self.contact = _Made("contacts", new)
                self._change(user, server, self.contact, "added", {"name": new, "number": "1"})
            case "meet" if not late:
                self._meet(user, server, _Made("meetings", new))
            case "add" | "meet":
                self.setting = _Made("settings", new)
                self._change(user, server, self.setting, "added", {"key": new, "value": "1"})
            case "change":
                self._change(user, server, self.setting, "changed", {"key": self.setting.id, "value": str(self.op)})
            case "delete":
                self._change(user, server, self.contact, "deleted", None)
            case _:
                kept = self.meetings[user][-3:] if server == "primary" else []
                self._read(user, server, "meetings", kept)

    def _meet(self, user: str, server: str, made: _Made) -> None:
        """A meeting that takes place while this server serves; on P that is a change like any other."""
        due_ms = self.at_ms + _DUE_MS
        self._change(user, server, made, "added", {"title": made.id, "starts_at": _iso(due_ms)})
        held = {"starts_at": _iso(due_ms), "state": "held", "held_on": server, "held_at": _iso(due_ms + 1)}
        if server == "primary":
            self._log(self.log, user, made, "changed")
            self.meetings[user].append({"id": made.id, "title": made.id, "scheduled_on": server, **held})
        else:
            self.own[-1]["mark"] = held

    def _read(self, user: str, server: str, collection: str, items: list[dict[str, Any]]) -> None:
        seen = [one for one in items if one["held_at"] < _iso(self.at_ms)]
        self._invoke("read", user, server, _Made(collection, ""), None)
        self.tell("ok", op=self.op, status=200, error=None, item=None, items=seen)

    def _change(self, user: str, server: str, made: _Made, what: str, fields: dict[str, Any] | None) -> None:
        self._invoke("delete" if what == "deleted" else "change", user, server, made, fields, new=what == "added")
        set_for = {"scheduled_on": server, "state": "scheduled"} if made.collection == "meetings" else {}
        item = None if fields is None else {"id": made.id, **fields, **set_for}
        self.tell("ok", op=self.op, status=200, error=None, item=item, items=[])
        kept = self.log if server == "primary" else self.own
        self._log(kept, user, made, what)
        if server == "primary":
            if made.collection != "meetings":
                self.seen[user, made.collection][made.id] = item
            for site in HOSTS.values():
                told = {"state": "running", "head": len(kept), "digest": str(len(kept)), "discarded": 0}
                self.tell("sync", server=site, **told)

    def _invoke(  # noqa: PLR0913 - an operation has that many parts
        self, name: str, user: str, server: str, made: _Made, fields: dict[str, Any] | None, *, new: bool = False
    ) -> None:
        method = "GET" if name == "read" else "DELETE" if name == "delete" else "POST" if new else "PUT"
        item = None if new or name == "read" else made.id
        asked = {"collection": made.collection, "item": item, "fields": fields}
        self.tell("invoke", op=self.op, name=name, client=user, user=user, server=server, **asked)
        path = f"{_portal(server)}/api/v1/{made.collection}{'' if item is None else f'/{item}'}"
        self.asked(user, method, path, 201 if new else 200, session=self.sessions[user])

    def _log(self, kept: list[dict[str, Any]], user: str, made: _Made, what: str) -> None:
        entry = {"seq": len(kept) + 1, "collection": made.collection, "owner": user, "id": made.id, "what": what}
        kept.append({**entry, "sha256": f"{made.id} {self.op}", "made_at": str(self.op), "mark": None})

    def round(self, operations: int) -> None:
        """P serves, dies, S serves, and P is back; then what S acknowledged is taken back."""
        self.log_in("primary")
        self.operations(operations // 2, "primary")
        self.at_ms += _DUE_MS
        self.fault("planned")
        self.fault("injected")
        self.at_ms += 900
        self.role("secondary", "Available")
        self.at_ms += 6000
        for user in self.meetings:
            self.asked(user, "GET", "https://primary.test:50804/api/v1/redirect", 200, names=f"{_portal('secondary')}/")
        self.log_in("secondary")
        self.operations(operations - operations // 2, "secondary")
        self.at_ms += 6000
        self.fault("healing")
        self.fault("healed")
        self.role("primary", "Starting")
        self.role("secondary", "Starting")
        self.at_ms += 10
        self.role("primary", "Available")
        self.tell("discarded", server="secondary", changes=self.own)
        self.own = []
        self.at_ms += 6000
        self._sent_back()

    def _sent_back(self) -> None:
        """REDIR-4; half of the users end their session there, which is none any more."""
        for number, (user, session) in enumerate(self.sessions.items()):
            url, there = (f"{_portal(server)}/api/v1/session" for server in ("secondary", "primary"))
            self.asked(user, "GET", url, 307, session=session, location=there)
            if number % 2:
                self.asked(user, "DELETE", url, 204, session=session)
            port = {"port": 9443, "client": "10.0.0.9", "client_port": number + 1, "seen_at": _iso(self.at_ms)}
            told = {"method": "GET", "path": "/api/v1/session", "status": 307, "location": there}
            self.tell("seen", what="request", server="secondary", **port, **told)


def long_history(operations: int) -> list[Record]:
    """A history of so many operations, and of as many failovers as that makes; it keeps every rule.

    Args:
        operations: how many; best a multiple of those of a round.
    """
    made = _Long()
    made.tell("bed", **FACTS)
    made.tell("observed", state="begins")
    made.role("primary", "Available")
    made.role("secondary", "Starting")
    for begun in range(0, operations, OPERATIONS_A_ROUND):
        made.round(min(OPERATIONS_A_ROUND, operations - begun))
    made.tell("observed", state="ends")
    for server, made_on, entries in (
        ("primary", "primary", made.log),
        ("primary", "secondary", []),
        ("secondary", "primary", made.log),
        ("secondary", "secondary", []),
    ):
        made.tell("log", server=server, made_on=made_on, entries=entries)
    for user, items in made.meetings.items():
        made.tell("contents", server="primary", user=user, collection="meetings", items=items)
    for (user, collection), there in made.seen.items():
        items = [one for one in there.values() if one is not None]
        made.tell("contents", server="primary", user=user, collection=collection, items=items)
    return made.records


def write(records: Iterable[Record], path: Path) -> None:
    """The file of a history, as `testbed.history` writes it."""
    first = Record(kind="history", at=_iso(0), monotonic_ms=0, fields={"schema": SCHEMA})
    with path.open("w", encoding="utf-8") as file:
        for one in (first, *records):
            row = {"kind": one.kind, "at": one.at, "monotonic_ms": one.monotonic_ms, **one.fields}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _portal(server: str) -> str:
    return f"https://{server}.test:9443"


def _iso(at_ms: float) -> str:
    return (EPOCH + timedelta(milliseconds=at_ms)).isoformat()
