"""Programs that are asked once, over a made-up engine."""

from __future__ import annotations

import struct
from typing import Any, cast

import pytest

from testbed.engine import execs


class MadeUp:
    """An engine whose program says what it is told to, in pieces, and ends."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces, self.closed, self.created = list(pieces), False, dict[str, Any]()

    def exec_create(self, container: str, command: list[str], **how: Any) -> dict[str, str]:
        """As the engine's."""
        self.created = {"container": container, "command": command, **how}
        return {"Id": "made"}

    def exec_start(self, _identity: str, **_how: Any) -> MadeUp:
        """The connection is this very object."""
        return self

    def recv(self, _most: int) -> bytes:
        """The next piece; none at the end, before which the input must have been left open."""
        assert not self.closed
        return self.pieces.pop(0) if self.pieces else b""

    def settimeout(self, _seconds: float) -> None:
        """It never waits."""

    def close(self) -> None:
        """The program's input ends."""
        self.closed = True


def frame(content: bytes, *, stream: int = 1) -> bytes:
    """One piece of output."""
    return struct.pack(">BxxxL", stream, len(content)) + content


def test_a_program_is_asked_with_its_input_open_until_it_has_answered() -> None:
    """Which ends with the connection."""
    engine = MadeUp(frame(b'{"why"'), frame(b"warned", stream=2) + frame(b': ""}\n'))
    assert execs.asked(cast("Any", engine), "c", ["do", "it"], user="7:7") == b'{"why": ""}'
    assert engine.created == {"container": "c", "command": ["do", "it"], "stdin": True, "user": "7:7"}
    assert engine.closed


def test_a_program_that_ends_without_an_answer_is_an_error_with_its_last_words() -> None:
    """Half a line is no answer."""
    engine = MadeUp(frame(b"half"), frame(b"Traceback\nNo module named stubs\n", stream=2))
    with pytest.raises(OSError, match="do it ended without an answer: No module named stubs"):
        execs.asked(cast("Any", engine), "c", ["do", "it"], user="7:7")
    assert engine.closed


def test_a_program_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """In time."""
    monkeypatch.setattr(execs, "ANSWER_S", -1)
    engine = MadeUp()
    with pytest.raises(TimeoutError, match="do it said nothing within -1 s"):
        execs.asked(cast("Any", engine), "c", ["do", "it"], user="7:7")
    assert engine.closed
