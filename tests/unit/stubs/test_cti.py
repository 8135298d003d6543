"""A portal's CTI link: a core that is slow to speak is not lost, one that is gone is; none is called in a spin."""

from __future__ import annotations

import queue
import socket
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from stubs.lines import Hello
from stubs.portal.cti import CtiLink
from stubs.wire import CoreFacts, CoreWord, ServerName

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "127.0.0.1"
LATE_S = 30.0
SILENCE_S = 0.2
PAUSE_S = 0.05
FACTS = CoreFacts(server=ServerName.PRIMARY, select=True, supports_resiliency=True, backs_up_portal=True)
WORD = msgspec.json.encode(CoreWord(facts=FACTS, portals=())) + b"\n"


class Core:
    """A core that says what a test makes it say."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.told: queue.SimpleQueue[str] = queue.SimpleQueue()
        host, port = listener.getsockname()
        self.link = CtiLink(
            host,
            port,
            hello=Hello("service", "password", "primary"),
            heard=lambda _word: self.told.put("heard"),
            lost=lambda: self.told.put("lost"),
            silence_s=SILENCE_S,
            pause_s=PAUSE_S,
        )
        self.link.start()

    def take(self, *, speak: bool) -> socket.socket:
        """Take the next call."""
        connected, _caller = self.listener.accept()
        if speak:
            connected.sendall(WORD)
        return connected


@pytest.fixture
def core() -> Iterator[Core]:
    """One that listens."""
    with socket.create_server((HERE, 0)) as listener:
        listener.settimeout(LATE_S)
        yield Core(listener)


def test_a_core_that_is_slow_to_speak_is_called_again_and_not_lost(core: Core) -> None:
    """ROLE-10: its silence ends the connection, no more."""
    with core.take(speak=True), core.take(speak=True):
        assert [core.told.get(timeout=LATE_S) for _ in range(2)] == ["heard", "heard"]
        assert core.link.up


def test_a_core_that_hangs_up_is_lost_once_nobody_takes_the_next_call(core: Core) -> None:
    """Once, however often it is called in vain."""
    with core.take(speak=True):
        core.listener.close()
    assert [core.told.get(timeout=LATE_S) for _ in range(2)] == ["heard", "lost"]
    assert not core.link.up
    with pytest.raises(queue.Empty):
        core.told.get(timeout=4 * PAUSE_S)


def test_a_core_that_takes_the_next_call_and_says_nothing_is_lost(core: Core) -> None:
    """As a frozen core does: its kernel answers for it."""
    with core.take(speak=True), core.take(speak=False):
        assert [core.told.get(timeout=LATE_S) for _ in range(2)] == ["heard", "lost"]


def test_a_core_that_is_back_is_heard_again(core: Core) -> None:
    """After it was lost."""
    with core.take(speak=True), core.take(speak=False), core.take(speak=True):
        assert [core.told.get(timeout=LATE_S) for _ in range(3)] == ["heard", "lost", "heard"]


def test_a_core_that_hangs_up_each_time_is_not_called_in_a_spin(core: Core) -> None:
    """Between the beginnings of two calls is the pause at least; the first may have begun long ago."""
    calls = 6
    began = time.monotonic()
    for _ in range(calls):
        core.take(speak=True).close()
    assert time.monotonic() - began >= (calls - 2) * PAUSE_S
