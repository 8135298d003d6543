"""Whoever heals in a dead process's place: what it is told, and that a stop which is still at work does not win."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from stubs.wire import ServerName
from testbed import environment, understudy
from testbed.bed import Bed
from testbed.errors import EngineError, MisuseError
from testbed.understudy import told

PRIMARY, SECONDARY = ServerName.PRIMARY, ServerName.SECONDARY


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (b"", []),
        (b"done\n", None),
        (b"stopping primary/portal\nstopping secondary/core\n", [(PRIMARY, "portal"), (SECONDARY, "core")]),
        (b"stopping primary/portal\ndone\n", None),
    ],
)
def test_the_last_word_says_whether_there_is_something_to_heal(
    words: bytes, meant: list[tuple[ServerName, str]] | None
) -> None:
    """Without a word the other one died; what it had asked the engine to stop may stop late."""
    assert told(words) == meant


class Fake:
    """A bed whose engine is at work on a stop: whatever is started meanwhile is stopped."""

    def __init__(self) -> None:
        self.services = self
        self.is_stopping = True
        self.runs = True
        self.heals = 0
        self.fails = 1

    def kill(self, server: ServerName, service: str) -> None:
        """It is over, and so is the stop."""
        assert (server, service) == (PRIMARY, "portal")
        if self.fails:
            self.fails -= 1
            raise EngineError("not now")
        self.is_stopping = self.runs = False

    def heal(self) -> None:
        """Let it run; one that stops will have stopped by the next look."""
        self.heals += 1
        self.runs = not self.is_stopping

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """A bed that is found by any name, and an understudy without patience."""
    fake = Fake()
    monkeypatch.setattr(environment, "engine", lambda: None)
    monkeypatch.setattr(Bed, "attach", lambda *_args, **_options: fake)
    monkeypatch.setattr(understudy, "QUIET_S", 0.6)
    return fake


def test_a_stop_that_is_at_work_is_cut_short_before_all_is_healed(fake: Fake) -> None:
    """Once, even if the engine fails at first; and healing goes on for a while, as other things may land late."""
    understudy.heal("demo", stopping=[(PRIMARY, "portal")])
    assert fake.runs
    assert fake.heals >= 2


def test_a_topology_that_is_gone_needs_no_healing(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends at once."""

    def attach(*_args: Any, **_options: Any) -> Any:
        raise MisuseError("no topology called demo is up")

    monkeypatch.setattr(Bed, "attach", attach)
    with contextlib.suppress(ZeroDivisionError):
        understudy.heal("demo")
    assert fake.heals == 0
