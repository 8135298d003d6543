"""What a user at a client does: logs in, gives up on an address after a while, works where it is at home."""

from __future__ import annotations

import math
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from stubs.wire import Site
from testbed.campaign import crowd as crowds
from testbed.campaign.crowd import PATIENCE_TURNS, Crowd, Worker
from testbed.clients.outcome import Outcome
from testbed.clients.screen import Screen, Shows
from testbed.clients.steps import Kind
from testbed.schedules.schedule import Does, Person, Schedule, Task
from testbed.waiting import wait_until
from testbed.world import Failback

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.kinds import User
    from testbed.history import History


class FakeServer:
    """A server's name."""

    def __init__(self, name: str) -> None:
        self.name = name


class FakeBed:
    """Two of them."""

    def server(self, name: str) -> FakeServer:
        """By its name."""
        return FakeServer(str(name))


class FakeClient:
    """A program that shows what it is told to, and keeps what its user did."""

    def __init__(self, shows: Shows) -> None:
        self.shows, self.at = shows, "primary"
        self.did: list[str] = []

    @property
    def screen(self) -> Screen:
        """What it shows."""
        return Screen(server=self.at, shows=self.shows)

    def poll(self) -> Screen:
        """Nothing new."""
        return self.screen

    def log_in_at(self, server: FakeServer) -> Screen:
        """The user types an address."""
        self.did.append(f"types {server.name}")
        self.at = server.name
        return self.screen

    def change(self, collection: str, fields: dict[str, Any], *, item: str | None = None) -> Outcome:
        """It is stored."""
        self.did.append(f"{'adds' if item is None else f'changes {item} of'} {collection}")
        return Outcome(end="ok", item={"id": f"id {len(self.did)}", **fields})

    def delete(self, collection: str, item: str) -> Outcome:
        """It is gone."""
        self.did.append(f"deletes {item} of {collection}")
        return Outcome(end="ok")

    def read(self, collection: str) -> Outcome:
        """There is one, of somebody else's making."""
        self.did.append(f"reads {collection}")
        return Outcome(end="ok", items=({"id": "found"},))


def worker(client: FakeClient, *does: Does) -> Worker:
    """A user with this to do, every second."""
    person = Person(name="user01", kind=Kind.CALL_ASSISTANT, home=Site.PRIMARY, trusts=True)
    tasks = [(number, Task(1000 * number, "user01", one)) for number, one in enumerate(does)]
    return Worker(person, cast("User", client), cast("Bed", FakeBed()), tasks)


def test_a_user_begins_at_the_primary_and_types_an_address_once() -> None:
    """As long as the client is at home nothing is left to do by hand."""
    client = FakeClient(Shows.HOME)
    one = worker(client)
    for turn in range(3 * PATIENCE_TURNS):
        one.turn(turn)
    assert client.did == ["types primary"]


def test_who_waits_in_vain_tries_the_other_server_by_turns() -> None:
    """CLIENT-3, REDIR-2; and not at once, as most of it passes by itself."""
    client = FakeClient(Shows.DISCONNECTED)
    one = worker(client)
    for turn in range(PATIENCE_TURNS):
        one.turn(turn)
    assert client.did == ["types primary"]
    for turn in range(2 * PATIENCE_TURNS + 2):
        one.turn(turn)
    assert client.did == ["types primary", "types secondary", "types primary"]


def test_who_is_asked_to_log_in_does_so_where_the_client_is() -> None:
    """Not where the user was first."""
    client = FakeClient(Shows.HOME)
    one = worker(client)
    one.turn(0)
    client.shows, client.at = Shows.LOGIN, "secondary"
    one.turn(1)
    assert client.did[-1] == "types secondary"


def test_work_is_done_when_it_is_due_and_only_at_home() -> None:
    """What falls due elsewhere is let go: a person does not save it up."""
    client = FakeClient(Shows.HOME)
    one = worker(client, Does.ADD, Does.CHANGE, Does.SET, Does.DELETE, Does.DELETE, Does.MEET)
    one.turn(1500)
    assert client.did == ["types primary", "adds contacts", "changes id 2 of contacts"]
    client.shows = Shows.LOST_CONTACT
    one.turn(2500)
    client.shows = Shows.HOME
    one.turn(5500)
    assert client.did[3:] == ["deletes id 2 of contacts", "adds meetings"], "nothing is left for the second deletion"


def test_what_is_read_is_known() -> None:
    """Failback takes changes back (SYNC-4): who changes what is no longer there would do so for ever."""
    client = FakeClient(Shows.HOME)
    one = worker(client, Does.ADD, Does.READ, Does.DELETE)
    one.turn(5000)
    assert client.did[-1] == "deletes found of contacts"


class Gate:
    """A client that logs in when it is let, and works."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.turns: list[float] = []
        self.person = Person(name="user01", kind=Kind.WEB, home=Site.PRIMARY, trusts=True)

    @property
    def client(self) -> Any:
        """Where it is."""
        shows = Shows.HOME if self.open.is_set() else Shows.LOGIN
        return SimpleNamespace(screen=Screen(server="primary", shows=shows))

    def turn(self, elapsed_ms: float) -> None:
        """The second time it is let in."""
        self.turns.append(elapsed_ms)
        if len(self.turns) > 1:
            self.open.set()


def crowd_of(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    """One of one."""
    monkeypatch.setattr(crowds, "_workers", lambda *_of: (gate,))
    schedule = Schedule(detection_minutes=1.5, failback=Failback.AUTOMATIC, steps=())
    return Crowd(cast("Bed", FakeBed()), cast("History", None), schedule)


def test_the_schedule_begins_when_everybody_has_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that takes: no work is due before."""
    gate = Gate()
    with crowd_of(gate, monkeypatch) as crowd:
        crowd.begin()
        assert gate.open.is_set()
        before = len(gate.turns)
        wait_until(lambda: len(gate.turns), lambda turns: turns > before + 1, within_s=5, what="two more turns")
    assert gate.turns[:2] == [-math.inf, -math.inf]
    assert 0 <= gate.turns[-1] < 5000


def test_the_schedule_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client with a defect may never log in, and that is for the judge to find."""
    monkeypatch.setattr(crowds, "ARRIVE_S", 0.05)
    gate = Gate()
    monkeypatch.setattr(gate, "turn", lambda _elapsed_ms: None)
    with crowd_of(gate, monkeypatch) as crowd:
        crowd.begin()
        assert crowd.elsewhere == {"user01": "login at primary"}


def test_a_client_that_crashes_is_told_when_the_crowd_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its user; where the run fails by itself, as a note on that."""
    gate = Gate()

    def crash(_elapsed_ms: float) -> None:
        gate.open.set()
        raise ValueError("of no use")

    monkeypatch.setattr(gate, "turn", crash)
    with pytest.raises(ExceptionGroup, match="clients failed by themselves") as raised, crowd_of(gate, monkeypatch):
        gate.open.wait(5)
    assert raised.value.exceptions[0].__notes__ == ["the client of user01"]

    def fail() -> None:
        with crowd_of(gate, monkeypatch) as crowd:
            wait_until(lambda: crowd.failed, bool, within_s=5, what="the crash")
            raise KeyError("another")

    with pytest.raises(KeyError) as other:
        fail()
    assert "of no use" in other.value.__notes__[0]
