"""Key recent events of a portal (menu Health): what changed, when and why. Kept in memory and in a file; no decisions.

The file makes them outlast the process: who served until when can be told after it was killed. They are for people and
for judging a run, and nothing is decided by them; so a disk that takes none of it takes only them.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from stubs import clock
from stubs.decoding import decode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

REMEMBERED = 100
"""How many events are kept."""

_LINES = 10 * REMEMBERED
"""How long the file may become before what is no longer kept is taken out of it."""


class What(StrEnum):
    """Everything that is worth an entry; a closed set."""

    STARTED = "portal started"
    RESET = "factory reset"
    CLOSING = "portal closing"
    AVAILABLE = "Available"
    STARTING = "Starting"
    CORE_UP = "core up"
    CORE_DOWN = "core down"
    PEER_HEARD = "other portal heard"
    PEER_LOST = "other portal lost"
    SYNC_RUNNING = "synchronisation running"
    SYNC_INTERRUPTED = "synchronisation interrupted"
    SYNC_SUSPENDED = "synchronisation suspended"


ROLES = {What.STARTED: "Starting", What.RESET: "Starting", What.AVAILABLE: "Available", What.STARTING: "Starting"}
"""The events after which the portal has a role, and which."""


@dataclass(frozen=True, kw_only=True)
class KeyEvent:
    """One entry.

    Attributes:
        at: wall time at which it was noted, ISO 8601.
        at_ms: since when it holds, in milliseconds of this machine's monotonic clock.
        what: what happened.
        why: for people; may be empty.
    """

    at: str
    at_ms: int
    what: What
    why: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a portal's links and its synchronisation are at one moment.

    Attributes:
        core: the own core answers.
        peer: the other portal is heard, by whatever way.
        sync: running, interrupted or suspended.
        trouble: why it does not run, if that is known; may be empty.
    """

    core: bool
    peer: bool
    sync: str
    trouble: str = ""


NOTHING_YET = Standing(core=False, peer=False, sync="suspended")
"""How a portal begins."""


def news(before: Standing, after: Standing) -> Iterator[tuple[What, str]]:
    """What happened between two moments, and why."""
    if before.core is not after.core:
        yield What.CORE_UP if after.core else What.CORE_DOWN, ""
    if before.peer is not after.peer:
        yield What.PEER_HEARD if after.peer else What.PEER_LOST, ""
    if before.sync != after.sync:
        yield What(f"synchronisation {after.sync}"), after.trouble


class EventsRecord:
    """The last events, oldest first. One thread adds, all may read.

    Args:
        path: where they are kept; `None`: in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lines = _LINES  # of whatever length the file is: the first entry makes it short
        self._events = _kept(path)
        self._standing = NOTHING_YET

    @property
    def events(self) -> tuple[KeyEvent, ...]:
        """All that are kept."""
        return self._events

    def roles(self, count: int) -> tuple[KeyEvent, ...]:
        """The last changes of role, a start included."""
        return tuple(event for event in self._events if event.what in ROLES)[-count:]

    def add(self, what: What, why: str = "", *, at_ms: int | None = None) -> None:
        """Note one; by default it holds from now on."""
        held_since = clock.monotonic_ms() if at_ms is None else at_ms
        event = KeyEvent(at=clock.utc_now(), at_ms=held_since, what=what, why=why)
        self._events = (*self._events, event)[-REMEMBERED:]
        with _unless_disk_fails():
            self._keep(event)

    def note(self, standing: Standing) -> None:
        """Note what has become of links and synchronisation since this was called last."""
        before, self._standing = self._standing, standing
        for what, why in news(before, standing):
            self.add(what, why)

    def reset(self) -> None:
        """Forget what was before a factory reset, and note that."""
        self._events = ()
        self._lines = _LINES
        self._standing = NOTHING_YET
        self.add(What.RESET)

    def _keep(self, event: KeyEvent) -> None:
        if self._path is None:
            return
        if self._lines >= _LINES:
            new = self._path.with_suffix(".new")
            new.write_bytes(b"".join(_line(each) for each in self._events))
            new.replace(self._path)
            self._lines = len(self._events)
            return
        # Unbuffered, and one write: what a killed process wrote is there, whole.
        with self._path.open("ab", buffering=0) as file:
            file.write(_line(event))
        self._lines += 1


def _line(event: KeyEvent) -> bytes:
    return msgspec.json.encode(event) + b"\n"


def _kept(path: Path | None) -> tuple[KeyEvent, ...]:
    if path is None:
        return ()
    lines: list[bytes] = []
    with _unless_disk_fails(), contextlib.suppress(FileNotFoundError):
        lines = path.read_bytes().splitlines()[-REMEMBERED:]
    events = []
    for line in lines:
        with contextlib.suppress(msgspec.MsgspecError):  # a full disk may have taken half a line
            events.append(decode(line, KeyEvent))
    return tuple(events)


@contextlib.contextmanager
def _unless_disk_fails() -> Iterator[None]:
    try:
        yield
    except OSError:
        log.exception("events are not kept on disk")
