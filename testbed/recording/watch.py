"""Collects what the servers of a bed see of clients, from the moment it begins. Reads; judges nothing.

What the orchestrator itself asks is left out: it is no client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from testbed.errors import FaultError
from testbed.inspector import AGENT, ASKED_NAME
from testbed.recording.sightings import Asked, Shaken
from testbed.staging import tls_ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from testbed.history import History
    from testbed.inspector import Inspector
    from testbed.recording.sightings import Sighting

What = Literal["handshakes", "requests"]

_NOBODY = (0, 0)
"""Start and number of what no process has seen."""


class Watch:
    """What the servers of a bed see of clients.

    Attributes:
        missed: where something was seen that nobody can read any more, in words: a process ended, or too much came.

    Args:
        inspectors: of the servers, by name.
        installed: the services on each server, by name.
        history: gets a line for each sighting.

    Raises:
        FaultError: a service does not answer, so that nobody could say what it has seen until now.
    """

    def __init__(
        self, inspectors: Mapping[str, Inspector], installed: Mapping[str, Iterable[str]], history: History
    ) -> None:
        self.missed: list[str] = []
        self._history = history
        self._inspectors = inspectors
        self._ports = {server: tls_ports(services) for server, services in installed.items()}
        self._seen: list[Sighting] = []
        self._read: dict[tuple[str, int, What], tuple[int, int]] = {}
        for place in self._places():
            told = self._told(*place, after=0)
            if told is not None:
                self._read[place] = (told["boot"], told["last"])
            elif inspectors[place[0]].certificate(place[1]) == b"":  # nobody listens: what comes is all new
                self._read[place] = _NOBODY
            else:
                raise FaultError(f"the {place[0]} does not say on port {place[1]} what it has seen")

    def look(self) -> tuple[Sighting, ...]:
        """All that was seen since the beginning; a service that does not answer now adds nothing."""
        for place in self._places():
            self._read_on(place)
        return tuple(self._seen)

    def _places(self) -> list[tuple[str, int, What]]:
        kinds: tuple[What, ...] = ("handshakes", "requests")
        return [(server, port, what) for server, several in self._ports.items() for port in several for what in kinds]

    def _read_on(self, place: tuple[str, int, What]) -> None:
        server, port, what = place
        boot, last = self._read[place]
        told = self._told(*place, after=last)
        if told is not None and told["boot"] != boot:
            if (boot, last) != _NOBODY:
                self._missed(f"{what} on port {port} of the {server}: its process ended, and what it saw last with it")
            last, told = 0, self._told(*place, after=0)
        if told is None:
            return
        rows = told[what]
        if rows and rows[0]["number"] != last + 1:
            self._missed(f"{what} on port {port} of the {server}: {rows[0]['number'] - last - 1} are gone")
        self._read[place] = (told["boot"], told["last"])
        for row in rows:
            self._add(server, port, what, row)

    def _add(self, server: str, port: int, what: What, row: dict[str, Any]) -> None:
        fields = {"server": server, "port": port, **row}
        del fields["number"]
        if row.get("server_name") == ASKED_NAME or row.get("user_agent") == AGENT:
            return
        self._seen.append(Shaken(**fields) if what == "handshakes" else Asked(**fields))
        fields["seen_at"] = fields.pop("at")
        self._history.record("seen", what=what.removesuffix("s"), **fields)

    def _told(self, server: str, port: int, what: What, *, after: int) -> dict[str, Any] | None:
        inspector = self._inspectors[server]
        return inspector.handshakes(port, after=after) if what == "handshakes" else inspector.asked(port, after=after)

    def _missed(self, why: str) -> None:
        self.missed.append(why)
        self._history.record("missed", why=why)
