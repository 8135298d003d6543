"""What stands in a history: every kind of record and its fields. Data and their look-up; `testbed.history` writes.

A history is a file of JSON objects, one a line, in UTF-8. Each has `kind`, `at` (time of day, ISO 8601 with its zone)
and `monotonic_ms` (milliseconds of the writer's monotonic clock, which the containers of its machine share); the file's
order is the order of `monotonic_ms`. The first line is of kind `history`. A last line without its end was being written
when the writer was killed, and does not count. A reader passes over kinds and fields that it does not know; fields are
added freely, and `testbed.history.SCHEMA` is raised when one changes its meaning.

A record that names no `bed` belongs to the bed whose record of kind `bed` came last.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbed.history import Record


class Kind(NamedTuple):
    """One kind of record.

    Attributes:
        means: what happened.
        fields: what each field says; all of them are there.
        may: what each field says that need not be there.
    """

    means: str
    fields: Mapping[str, str]
    may: Mapping[str, str] = MappingProxyType({})


_BED = {"bed": "the bed's name"}
_CLIENT = {"client": "the client's name in this history"}
_OP = {"op": "number of the operation"}
_SERVER = {"server": "primary or secondary: whose portal or log"}
_CERTIFICATE = {
    "standing": "what the client's trust store says of the certificate (`testbed.clients.exchange.Standing`)",
    "fingerprint": "SHA-256 of the certificate",
    "openssl_code": "OpenSSL's verdict, as a number",
    "openssl_message": "the same in words",
}
_FAILURE = {
    "failure": "the network's failure, where there is no answer",
    "sent": "whether anything of the request went out",
    "detail": "the failure in words",
}
_END = {
    "status": "of HTTP, where an answer came",
    "error": "the API's error code, or the network's failure",
    "item": "the item as stored, with its id",
    "items": "the collection, of a read",
}

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "history": Kind("The first line.", {"schema": "version of this table"}),
        "test": Kind("A test begins or ends.", {"nodeid": "its name", "state": "begins or ends"}),
        "bed": Kind(
            "A bed is fresh or was reset: a new story begins (`testbed.checkers.facts`).",
            {
                **_BED,
                "heartbeat_ms": "pause between two words of portals and cores",
                "fresh_ms": "for so long what was heard counts",
                "detection_ms": "Failover Detection Time",
                "within_ms": "after so long all must be as it stays",
                "failback": "automatic or manual",
                "unmet": "rules that keep resilience from being ready",
                "hosts": "host name to server",
                "homes": "user to the server whose core is the user's home",
                "portal_servers": "half of the pair to the server that carries its portal",
            },
        ),
        "configured": Kind(
            "The configuration is about to change, or has changed and is in effect.",
            {**_BED, "state": "begins or ends"},
            {
                "unmet": "rules that keep resilience from being ready now",
                "failback": "automatic or manual",
                "detection_ms": "Failover Detection Time",
                "hosts": "new host name to server",
            },
        ),
        "fault": Kind(
            "A fault is asked for, proved to hold, to be ended, proved to be gone.",
            {
                **_BED,
                "fault": "its name",
                "effects": "what it does to whom (`testbed.recording.effects.Effect`)",
                "state": "planned, injected, healing or healed",
            },
            {
                "planned_ms": "when the change was asked for",
                "committed_ms": "when each server, or service, had it; of services where the engine tells",
                "skew_ms": "how far apart that was",
            },
        ),
        "proof": Kind(
            "How a fault of the network was proved.", {**_BED, "fault": "its name", "shown": "what was seen, in words"}
        ),
        "lapse": Kind(
            "A fault of the network had ended before its time: what was seen since then proves nothing.",
            {
                **_BED,
                "fault": "its name",
                "held_ms": "when it was in force for the last time that is known, on the clock of `monotonic_ms`",
                "noticed_ms": "when it was found to be gone",
            },
        ),
        "observed": Kind("The portals are watched from now on, or no more.", {**_BED, "state": "begins or ends"}),
        "role": Kind(
            "A portal tells a change of its role, maybe an old one.",
            {
                **_BED,
                **_SERVER,
                "role": "Available or Starting",
                "since_ms": "since when, on the same clock as `monotonic_ms`",
                "why": "in its own words",
            },
        ),
        "sync": Kind(
            "Something about a portal's data is new.",
            {
                **_BED,
                **_SERVER,
                "state": "running, interrupted or suspended",
                "head": "number of the last change of the primary's that it has",
                "digest": "of all its data",
                "discarded": "how many changes the last failback took back",
            },
        ),
        "missed": Kind(
            "Something was seen by nobody.",
            {"why": "in words"},
            {
                **_BED,
                **_SERVER,
                "what": "roles",
                "from_ms": "since when, on the same clock as `monotonic_ms`: what was before is known",
                "until_ms": "until when: what is from then on is known again",
            },
        ),
        "silent": Kind(
            "A portal does not answer, or has begun anew; a fault should explain it.",
            {"why": "in words"},
            {**_BED, **_SERVER, "from_ms": "when it answered last", "until_ms": "when it was looked for last"},
        ),
        "log": Kind(
            "A portal's copy of the changes that a server made, at the end.",
            {
                **_BED,
                **_SERVER,
                "made_on": "the server that made them",
                "entries": "seq, at, collection, owner, id, what, sha256 of each",
            },
        ),
        "discarded": Kind(
            "What the last failback took back, as a portal names it (SYNC-4).",
            {**_BED, **_SERVER, "changes": "seq, made_at, collection, owner, id, what, mark of each"},
        ),
        "contents": Kind(
            "What a user sees of a collection on a portal, at the end.",
            {**_BED, **_SERVER, "user": "who", "collection": "contacts, settings or meetings", "items": "all of them"},
        ),
        "unread": Kind(
            "What a portal holds could not be read.",
            {**_BED, **_SERVER, "why": "in words"},
            {"until_ms": "of what failback took back: it is about changes up to then; left out, up to now"},
        ),
        "invoke": Kind(
            "A user asks for something: an operation begins. Without an end it is to be read as *info*.",
            {
                **_OP,
                **_CLIENT,
                "name": "read, change or delete",
                "user": "who",
                "server": "at which server",
                "collection": "contacts, settings or meetings; an administrator's: directory",
                "item": "id of the item; null: all of them, or a new one",
                "fields": "what is to be stored",
            },
        ),
        "ok": Kind("The operation happened.", {**_OP, **_END}),
        "fail": Kind("The operation did not happen.", {**_OP, **_END}),
        "info": Kind("Nobody can know whether the operation happened.", {**_OP, **_END}),
        "request": Kind(
            "A client sends a request.",
            {**_CLIENT, "method": "of HTTP", "url": "address", "cookie": "whether a cookie goes along"},
        ),
        "answer": Kind(
            "What became of the client's last request to that address.",
            {
                **_CLIENT,
                "method": "of HTTP",
                "url": "address",
                "session": "a mark of the session that went along, which opens nothing; null: none",
                "begun": "the same of the session that came back",
            },
            {
                "status": "of HTTP",
                "location": "where it redirects to",
                "error": "the API's error code",
                "names": "the portal that a core's redirect service names; null: nobody",
                **_FAILURE,
                **_CERTIFICATE,
            },
        ),
        "screen": Kind(
            "What a client shows changes.",
            {**_CLIENT, "server": "of which server", "shows": "what", "detail": "about it, in words"},
        ),
        "navigation": Kind("A client sets out for a page.", {**_CLIENT, "to": "address", "server": "of which server"}),
        "examined": Kind(
            "A client looked at a server's certificate.", {**_CLIENT, "server": "whose"}, {**_CERTIFICATE, **_FAILURE}
        ),
        "prompt": Kind(
            "A client asks its user about a certificate.",
            {**_CLIENT, "server": "whose", "habit": "what the user does about it: accept, wait or decline"},
            _CERTIFICATE,
        ),
        "exception": Kind(
            "A user accepted a certificate.", {**_CLIENT, "server": "whose", "fingerprint": "SHA-256 of it"}
        ),
        "seen": Kind(
            "A server saw a handshake or a request of a client; the fields are those of `testbed.recording.sightings`.",
            {
                "what": "handshake or request",
                "server": "which",
                "port": "of it",
                "seen_at": "when, ISO 8601",
                "client": "address of the client",
                "client_port": "port of the client",
            },
            {
                "server_name": "that it asked for by SNI",
                "outcome": "of the handshake",
                "alert": "that ended it",
                "detail": "in words",
                "method": "of HTTP",
                "path": "that was asked for",
                "status": "of the answer",
                "location": "where that redirects to",
                "user_agent": "what the client calls itself",
                "user": "who is logged in, if anybody is known to be",
            },
        ),
        "phase": Kind("A run by a schedule enters a phase.", {"name": "safety or liveness"}),
        "step": Kind(
            "A step of a schedule begins or has been done.",
            {
                "state": "begins or ends",
                "at_ms": "when, by the schedule",
                "act": "what is done",
                "target": "to what",
                "value": "with which value; empty: it takes none",
            },
        ),
        "planted": Kind("What is wrong in the bed on purpose.", {**_BED, "defects": "each as PLACE:NAME"}),
        "breakdown": Kind("The testbed itself failed in a run.", {"why": "in words", "trace": "Python's own account"}),
        "recovered": Kind(
            "The liveness phase of a run is over.",
            {"wrong": "what was not well again in time, in words", "seconds": "how long it took after the healing"},
        ),
        "crowd": Kind(
            "A crowd has been watched through a phase.",
            {
                "phase": "which",
                "target": "the server where all should be in the end",
                "seconds": "how long it took",
                "sessions": "how many are logged in, by server",
            },
        ),
        "walk": Kind(
            "A walk through states came to one, or ended.",
            {},
            {
                **_BED,
                "state": "which",
                "wrong": "what was not as predicted",
                "states": "how many were walked",
                "seconds": "how long that took",
            },
        ),
    }
)
"""Every kind of record."""


def strange(record: Record) -> list[str]:
    """What of a record is not in this table, or lacks: empty for one that is as it should be."""
    kind = KINDS.get(record.kind)
    if kind is None:
        return [f"no kind is called {record.kind!r}"]
    found = [f"{record.kind} has no field {name!r}" for name in record.fields if name not in {*kind.fields, *kind.may}]
    return found + [f"{record.kind} lacks {name!r}" for name in kind.fields if name not in record.fields]
