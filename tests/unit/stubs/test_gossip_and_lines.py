"""Datagrams and lines over loopback: strangers and junk change nothing, silence is noticed."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pytest

from stubs.decoding import decode
from stubs.gossip import MAX_DATAGRAM, Gossip
from stubs.lines import BROKEN, MOST_CALLERS, Hello, LineConnection, listen
from stubs.watchdog import Sign
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "127.0.0.1"
LATE_S = 30.0
SOON_S = 0.1
SIGN = Sign(service="portal", state="Available")

JUNK = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"{",
    b"null",
    b"[]",
    b'{"service": 1, "state": 2}',
    b'{"service": "portal"}',
    b'{"service": "\xff", "state": "Available"}',
    b'{"service": "portal", "state": "Available", "extra": ' + b"[" * 7000 + b"}",
    b'{"service": "portal", "state": "\\ud800"}',
    b"x" * (MAX_DATAGRAM + 10),
]


@dataclass
class Ear:
    """A gossip that listens, and what it heard."""

    gossip: Gossip[Sign]
    heard: queue.SimpleQueue[Sign]
    mouth: socket.socket

    def send(self, data: bytes) -> None:
        """Send as the neighbour."""
        self.mouth.sendto(data, self.gossip.address)


def listening(neighbour: str) -> Iterator[Ear]:
    """An ear for one neighbour, and a mouth that speaks from this machine's own address."""
    heard: queue.SimpleQueue[Sign] = queue.SimpleQueue()
    gossip = Gossip(Sign, bind=(HERE, 0), neighbour=(neighbour, 9), heard=heard.put)
    gossip.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.bind((HERE, 0))
        yield Ear(gossip, heard, mouth)
    gossip.close()


@pytest.fixture
def ear() -> Iterator[Ear]:
    """One whose neighbour is this machine."""
    yield from listening(HERE)


@pytest.fixture
def strange_ear() -> Iterator[Ear]:
    """One whose neighbour is somebody else."""
    yield from listening("127.0.0.2")


def test_a_neighbours_datagram_is_heard(ear: Ear) -> None:
    """As it was said."""
    ear.send(msgspec.json.encode(SIGN))
    assert ear.heard.get(timeout=LATE_S) == SIGN


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_is_ignored_and_the_next_word_is_heard(ear: Ear, junk: bytes) -> None:
    """Whatever arrives, the ear stays open."""
    ear.send(junk)
    ear.send(msgspec.json.encode(SIGN))
    assert ear.heard.get(timeout=LATE_S) == SIGN
    assert ear.heard.empty()


def test_a_strangers_datagram_is_ignored(strange_ear: Ear) -> None:
    """No packet of another address can change a role."""
    strange_ear.send(msgspec.json.encode(SIGN))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as neighbour:
        neighbour.bind(("127.0.0.2", 0))
        right = Sign(service="core", state="Starting")
        neighbour.sendto(msgspec.json.encode(right), strange_ear.gossip.address)
    assert strange_ear.heard.get(timeout=LATE_S) == right
    assert strange_ear.heard.empty()


def mute_voice(port: int) -> Gossip[Sign]:
    """A voice that speaks to a port of this machine and hears nothing."""
    return Gossip(Sign, bind=(HERE, 0), neighbour=(HERE, port), heard=lambda _sign: None)


def test_two_that_gossip_hear_each_other(ear: Ear) -> None:
    """What `say` sends is what the neighbour hears."""
    voice = mute_voice(ear.gossip.address[1])
    voice.start()
    voice.say(SIGN)
    assert ear.heard.get(timeout=LATE_S) == SIGN
    voice.close()


def test_nothing_is_open_before_the_start_and_after_the_end() -> None:
    """Making one needs no network, and what it says then is lost without an error."""
    gossip = Gossip(Sign, bind=("192.0.2.1", 1), neighbour=(HERE, 9), heard=lambda _sign: None)
    gossip.say(SIGN)
    gossip.close()
    with pytest.raises(OSError, match=r"[Aa]ssign"):
        gossip.start()
    gossip.say(SIGN)


def test_a_neighbour_that_is_not_there_is_no_error(ear: Ear) -> None:
    """It shows by its silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind((HERE, 0))
        port = gone.getsockname()[1]
    voice = mute_voice(port)
    voice.start()
    for _ in range(3):
        voice.say(SIGN)
    voice.close()
    assert ear.heard.empty()


@pytest.fixture
def ends() -> Iterator[tuple[LineConnection, socket.socket]]:
    """A line connection, patient for a moment, and the raw other end."""
    with socket.create_server((HERE, 0)) as server:
        raw = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    connection = LineConnection(accepted, silence_s=SOON_S)
    with contextlib.closing(raw):
        yield connection, raw
    connection.close()


Ends = tuple[LineConnection, socket.socket]


def test_lines_arrive_one_by_one(ends: Ends) -> None:
    """However the network cuts them up."""
    connection, raw = ends
    line = msgspec.json.encode(SIGN) + b"\n"
    raw.sendall(line + line[:7])
    assert connection.receive(Sign) == SIGN
    raw.sendall(line[7:])
    assert connection.receive(Sign) == SIGN


@pytest.mark.parametrize("junk", [each for each in JUNK if b"\n" not in each], ids=lambda junk: repr(junk[:12]))
def test_a_senseless_line_breaks_the_conversation_in_a_known_way(ends: Ends, junk: bytes) -> None:
    """Whoever converses catches BROKEN; anything else would end the thread that calls again."""
    connection, raw = ends
    raw.sendall(junk + b"\n")
    with pytest.raises(BROKEN):
        connection.receive(Sign)


def test_silence_is_noticed(ends: Ends) -> None:
    """ROLE-2: a frozen or cut-off other side does not close the connection."""
    connection, raw = ends
    raw.sendall(b'{"service":')
    with pytest.raises(TimeoutError):
        connection.receive(Sign)


@pytest.mark.parametrize("said", [b"", b'{"service": "portal", "state": "Available"}'])
def test_an_end_in_the_middle_of_a_line_is_an_end(ends: Ends, said: bytes) -> None:
    """Half a line is none, even if it could be read."""
    connection, raw = ends
    raw.sendall(said)
    raw.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionError):
        connection.receive(Sign)


def test_closing_wakes_who_waits(ends: Ends) -> None:
    """From another thread, and with an error that its catcher knows."""
    connection, _raw = ends
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            connection.receive(Sign)
        except BROKEN as error:
            caught.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    connection.close()
    waiter.join(LATE_S)
    assert len(caught) == 1


def test_one_caller_too_many_is_hung_up_on_and_there_is_room_again_later() -> None:
    """Strangers cannot make a service start threads without end."""
    with socket.create_server((HERE, 0)) as free:
        port = free.getsockname()[1]

    def converse(connection: LineConnection, _caller: str) -> None:
        connection.send(connection.receive(str))

    listen(port, converse, silence_s=LATE_S, address=HERE)
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(socket.create_connection((HERE, port), LATE_S)) for _ in range(MOST_CALLERS)]
        one_more = stack.enter_context(socket.create_connection((HERE, port), LATE_S))
        assert one_more.recv(1) == b""
        callers[-1].sendall(b'"bye"\n')
        assert callers[-1].recv(10) == b'"bye"\n'

        def is_taken() -> bool:
            with socket.create_connection((HERE, port), LATE_S) as again, contextlib.suppress(ConnectionError):
                again.sendall(b'"bye"\n')
                return again.recv(1) != b""
            return False

        wait_until(is_taken, bool, what="room for one", within_s=LATE_S)


def test_a_caller_is_let_in_by_name_and_password_only() -> None:
    """Both have to be right."""
    hello = Hello("EnhTcpaService", "secret", "primary")
    assert hello.is_from("EnhTcpaService", "secret")
    for name, password in (("EnhTcpaService", "Secret"), ("portal", "secret"), ("", ""), ("EnhTcpaService", "")):
        assert not hello.is_from(name, password)


@pytest.mark.parametrize("junk", [each for each in JUNK if each != JUNK[8]], ids=lambda junk: repr(junk[:12]))
def test_decoding_has_one_kind_of_error(junk: bytes) -> None:
    """Neither UnicodeDecodeError nor RecursionError gets through."""
    with pytest.raises(msgspec.MsgspecError):
        decode(junk, Sign)
