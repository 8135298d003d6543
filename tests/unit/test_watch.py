"""What the servers saw is collected from where it was read last; what nobody can read any more is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from testbed.errors import FaultError
from testbed.history import History, read
from testbed.inspector import AGENT, ASKED_NAME
from testbed.recording.sightings import Asked, Shaken
from testbed.recording.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbed.inspector import Inspector

HANDSHAKE = {
    "client": "10.0.0.1",
    "client_port": 1,
    "server_name": "primary.demo.test",
    "outcome": "alert",
    "alert": "unknown_ca",
    "detail": "TLSV1_ALERT_UNKNOWN_CA",
}
REQUEST = {
    "client": "10.0.0.1",
    "client_port": 2,
    "method": "GET",
    "path": "/",
    "status": 302,
    "location": None,
    "user_agent": "somebody/1.0",
}
INSTALLED = {"primary": ("core", "portal")}


class FakeServer:
    """Tells what it saw, on one of its ports; the others saw nothing."""

    def __init__(self) -> None:
        self.boot = 1
        self.kept: dict[str, list[dict[str, Any]]] = {"handshakes": [], "requests": []}
        self.last = {"handshakes": 0, "requests": 0}
        self.silent = False
        self.refuses = False

    def certificate(self, _port: int) -> bytes | None:
        """As an inspector would be shown."""
        return b"" if self.refuses else None

    def sees(self, what: str, row: dict[str, Any]) -> None:
        """One more."""
        self.last[what] += 1
        self.kept[what].append({"number": self.last[what], "at": "2026-01-01T00:00:00.000+00:00", **row})

    def restarts(self) -> None:
        """Its process begins anew, and knows nothing."""
        self.boot += 1
        self.kept = {"handshakes": [], "requests": []}
        self.last = {"handshakes": 0, "requests": 0}

    def handshakes(self, port: int, *, after: int = 0) -> dict[str, Any] | None:
        """As an inspector would read it."""
        return self._told("handshakes", port, after)

    def asked(self, port: int, *, after: int = 0) -> dict[str, Any] | None:
        """As an inspector would read it."""
        return self._told("requests", port, after)

    def _told(self, what: str, port: int, after: int) -> dict[str, Any] | None:
        if self.silent or self.refuses:
            return None
        rows = [row for row in self.kept[what] if row["number"] > after] if port == 9443 else []
        return {"boot": self.boot, "last": self.last[what] if port == 9443 else 0, what: rows}


@pytest.fixture
def server() -> FakeServer:
    """One server."""
    return FakeServer()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the history is."""
    return tmp_path / "history.jsonl"


@pytest.fixture
def watch(server: FakeServer, path: Path) -> Iterator[Watch]:
    """A watch on a server that has seen one handshake before."""
    server.sees("handshakes", HANDSHAKE)
    with History(path) as history:
        yield Watch({"primary": cast("Inspector", server)}, INSTALLED, history)


def test_what_was_seen_before_does_not_count(watch: Watch) -> None:
    """A watch begins when it is made."""
    assert watch.look() == ()


def test_each_sighting_is_collected_once(server: FakeServer, watch: Watch, path: Path) -> None:
    """With its server and its port, and with a line in the history."""
    server.sees("handshakes", HANDSHAKE)
    watch.look()
    server.sees("requests", REQUEST)
    seen = watch.look()
    at = "2026-01-01T00:00:00.000+00:00"
    assert seen == (
        Shaken(server="primary", port=9443, at=at, **HANDSHAKE),  # type: ignore[arg-type] # as JSON has them
        Asked(server="primary", port=9443, at=at, **REQUEST),  # type: ignore[arg-type] # likewise
    )
    assert watch.missed == []
    lines = [record.fields for record in read(path) if record.kind == "seen"]
    assert [(line["what"], line["server"], line["port"]) for line in lines] == [
        ("handshake", "primary", 9443),
        ("request", "primary", 9443),
    ]
    assert (lines[0]["alert"], lines[1]["status"], lines[0]["seen_at"]) == ("unknown_ca", 302, at)


def test_what_the_orchestrator_asked_is_left_out(server: FakeServer, watch: Watch) -> None:
    """It is no client."""
    server.sees("handshakes", {**HANDSHAKE, "server_name": ASKED_NAME})
    server.sees("requests", {**REQUEST, "user_agent": AGENT})
    assert watch.look() == ()
    assert watch.missed == []


def test_a_gap_in_the_numbers_is_said(server: FakeServer, watch: Watch) -> None:
    """The server kept only the latest."""
    for _ in range(5):
        server.sees("handshakes", HANDSHAKE)
    del server.kept["handshakes"][:4]
    assert len(watch.look()) == 2
    assert watch.missed == ["handshakes on port 9443 of the primary: 3 are gone"]


def test_a_process_that_began_anew_is_read_from_its_beginning(server: FakeServer, watch: Watch) -> None:
    """And what the former saw last may be lost, which is said."""
    server.sees("handshakes", HANDSHAKE)
    watch.look()
    server.restarts()
    server.sees("handshakes", HANDSHAKE)
    assert len(watch.look()) == 2
    assert [why.partition(":")[0] for why in watch.missed if "9443" in why] == [
        "handshakes on port 9443 of the primary",
        "requests on port 9443 of the primary",
    ]


def test_a_service_that_does_not_answer_adds_nothing(server: FakeServer, watch: Watch) -> None:
    """It is read again when it does."""
    server.sees("requests", REQUEST)
    server.silent = True
    assert watch.look() == ()
    server.silent = False
    assert len(watch.look()) == 1


def test_a_service_to_which_nobody_listens_yet_is_read_from_its_beginning(server: FakeServer, tmp_path: Path) -> None:
    """A dormant portal (CFG-11) has seen nothing when the watch begins, so nothing is missed."""
    server.refuses = True
    with History(tmp_path / "other.jsonl") as history:
        watch = Watch({"primary": cast("Inspector", server)}, INSTALLED, history)
        assert watch.look() == ()
        server.refuses = False
        server.sees("handshakes", HANDSHAKE)
        assert len(watch.look()) == 1
    assert watch.missed == []


def test_nobody_can_watch_what_does_not_answer(server: FakeServer, tmp_path: Path) -> None:
    """What it has seen until now could not be told from what it sees later."""
    server.silent = True
    with History(tmp_path / "other.jsonl") as history, pytest.raises(FaultError, match="does not say on port 7071"):
        Watch({"primary": cast("Inspector", server)}, INSTALLED, history)
