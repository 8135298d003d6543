"""What the servers saw of a client during one step of a scenario, as values, and what can be asked of it. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from stubs import ports
from testbed.recording.sightings import Asked, Shaken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from testbed.recording.sightings import Sighting

COLLECTIONS = frozenset({"contacts", "settings", "meetings"})
"""What a user can change, as the portal's API calls it."""

_OF_A_USER = COLLECTIONS | {"session", "directory"}
_API = "/api/v1/"
_NOT_SERVING = 503
_CHANGES = frozenset({"POST", "PUT", "DELETE"})


WATCHED_S = 3.0
"""How long a client is watched that must not do something, in seconds (reading "long enough")."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A client that has ended.

    Attributes:
        code: its exit code; a signal that ended it, negative.
        said: the last lines of its stderr.
    """

    code: int
    said: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A change that failback took back (SYNC-4).

    Attributes:
        collection: in which.
        owner: whose item it is; empty for what all share.
        item: the item's id.
        what: added, changed or deleted.
        is_there: whether the primary has it nevertheless, made again; `None` if nobody can tell.
    """

    collection: str
    owner: str
    item: str
    what: str
    is_there: bool | None = None

    def __str__(self) -> str:
        return f"{self.collection} {self.what} ({self.owner or 'all'})"


@dataclass(frozen=True, kw_only=True)
class Act:
    """What happened in one step.

    Attributes:
        source: the server whose portal the client was at.
        target: the server whose portal it was to be at.
        before: what was seen of it since the run began.
        during: what was seen of it in this step.
        began_at: wall time, ISO 8601.
        serving_at: when the target was seen to serve; `None` if it never was.
        watched_s: how long the client then had, in seconds.
        tried: connection attempts at the source's portal while it was dead; `None` if it was not, or nobody counted.
        dead_s: how long it was dead, in seconds.
        taken: changes that this failback took back; `None` if nobody could be asked.
        ended: the client, if it had ended before the step was over.
        certificate: what is wrong with the one that the target shows, in words; empty: nothing is.
        watch_s: how long a client is watched that must not do something, in seconds.
    """

    source: str
    target: str
    before: tuple[Sighting, ...]
    during: tuple[Sighting, ...]
    began_at: str
    serving_at: str | None = None
    watched_s: float = 0.0
    tried: int | None = None
    dead_s: float = 0.0
    taken: tuple[Taken, ...] | None = ()
    ended: Ended | None = None
    certificate: str = ""
    watch_s: float = WATCHED_S


def at_portal(seen: Iterable[Sighting], server: str) -> list[Sighting]:
    """What came to a server's portal, whether it got anywhere or not."""
    return [one for one in seen if (one.server, one.port) == (server, ports.PORTAL_HTTPS)]


def asked(seen: Iterable[Sighting], server: str) -> list[Asked]:
    """The requests at a server's portal."""
    return [one for one in at_portal(seen, server) if isinstance(one, Asked)]


def went_through(seen: Iterable[Sighting], server: str) -> list[Sighting]:
    """What got beyond the handshake there: the client has sent something (CERT-4)."""
    return [one for one in at_portal(seen, server) if isinstance(one, Asked) or one.outcome == "completed"]


def met_there(seen: Iterable[Sighting], server: str) -> list[Sighting]:
    """What came to a server's portal over connections that were begun among what is given, handshake and all."""
    there = at_portal(seen, server)
    begun = {(one.client, one.client_port) for one in there if isinstance(one, Shaken)}
    return [one for one in there if (one.client, one.client_port) in begun]


def users(seen: Iterable[Sighting]) -> list[str]:
    """Who was logged in, as far as the servers know."""
    return sorted({one.user for one in seen if isinstance(one, Asked) and one.user is not None})


def gave_up(seen: Iterable[Sighting], server: str) -> list[Shaken]:
    """Connections there that ended at the handshake, before the client had sent anything."""
    return [one for one in at_portal(seen, server) if isinstance(one, Shaken) and one.outcome != "completed"]


def served(seen: Iterable[Sighting], server: str) -> list[Asked]:
    """Requests of a logged-in user that were answered there; and those that logged in."""
    return [one for one in asked(seen, server) if _is_good(one) and _collection(one) in _OF_A_USER]


def log_ins(seen: Iterable[Sighting], server: str) -> list[Asked]:
    """Log-ins there that succeeded."""
    return [one for one in served(seen, server) if (one.method, one.path) == ("POST", f"{_API}session")]


def acknowledged(seen: Iterable[Sighting], server: str) -> list[Asked]:
    """Changes that were acknowledged there."""
    return [one for one in served(seen, server) if one.method in _CHANGES and _collection(one) in COLLECTIONS]


def told_to_leave(seen: Iterable[Sighting], server: str) -> list[Asked]:
    """Answers there that sent the client elsewhere."""
    return [one for one in asked(seen, server) if one.location is not None]


def turned_away(seen: Iterable[Sighting], server: str) -> list[Asked]:
    """Requests there that were not served, as this portal does not serve."""
    return [one for one in asked(seen, server) if one.location is not None or one.status == _NOT_SERVING]


def what_came(seen: Iterable[Sighting], server: str) -> str:
    """What came to a server's portal, counted, in words: how handshakes ended, and which answers requests had."""
    there = at_portal(seen, server)
    shaken = Counter(
        one.alert or one.outcome for one in there if isinstance(one, Shaken) and one.outcome != "completed"
    )
    answers = Counter(f"{one.method} {one.path} {one.status}" for one in there if isinstance(one, Asked))
    counted = [*shaken.items(), *answers.items()]
    return ", ".join(f"{number} times {what}" for what, number in counted) or "nothing"


def is_at(seen: Iterable[Sighting], here: str, elsewhere: str) -> bool:
    """Whether a logged-in client was last served here, and not elsewhere."""
    last = max((*served(seen, here), *served(seen, elsewhere)), key=lambda one: one.at, default=None)
    return last is not None and last.server == here


def ms_since(at: str, since: str) -> int:
    """Milliseconds from one time to another, both ISO 8601."""
    return round((datetime.fromisoformat(at) - datetime.fromisoformat(since)).total_seconds() * 1000)


def first_of(seen: Sequence[Sighting]) -> Sighting:
    """The earliest of several."""
    return min(seen, key=lambda one: one.at)


def _is_good(one: Asked) -> bool:
    return 200 <= one.status < 300  # noqa: PLR2004 - HTTP's own borders


def _collection(one: Asked) -> str:
    return one.path.removeprefix(_API).partition("/")[0] if one.path.startswith(_API) else ""
