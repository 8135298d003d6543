"""The near end of the fault channel over a made-up stream."""

from __future__ import annotations

import json
import struct
import time
from typing import TYPE_CHECKING

import pytest

from testbed.errors import EngineError
from testbed.network.channel import Channel, RefusedError, at_once
from testbed.network.frames import Frames

if TYPE_CHECKING:
    from collections.abc import Iterable


class FakeStream:
    """Hands out given pieces; None is a time-out, and the end is the end."""

    def __init__(self, pieces: Iterable[bytes | None]) -> None:
        self.pieces = list(pieces)
        self.sent = b""
        self.closed = False

    def recv(self, most: int, /) -> bytes:
        """Next piece."""
        assert most > 0
        piece = self.pieces.pop(0) if self.pieces else b""
        if piece is None:
            raise TimeoutError
        return piece

    def sendall(self, data: bytes, /) -> None:
        """Remember it."""
        self.sent += data

    def settimeout(self, seconds: float | None, /) -> None:
        """A call without a bound could hang for ever."""
        assert seconds is not None
        assert seconds > 0

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def frame(content: bytes, *, stream: int = 1) -> bytes:
    """One frame as the engine makes it."""
    return struct.pack(">BxxxL", stream, len(content)) + content


def soon() -> float:
    """A deadline that is not reached."""
    return time.monotonic() + 60


def answer(number: int, **more: object) -> bytes:
    """One answer in one frame."""
    return frame(json.dumps({"id": number, "ok": True, **more}).encode() + b"\n")


def test_frames_put_a_line_together_from_single_bytes() -> None:
    """Where the stream is torn does not matter: headers and contents may come in pieces."""
    data = frame(b'{"a"') + frame(b"noise", stream=2) + frame(b": 1}\nnext\n")
    frames = Frames(FakeStream(bytes([byte]) for byte in data))
    assert [frames.line(soon()), frames.line(soon())] == [b'{"a": 1}', b"next"]
    assert frames.stderr == b"noise"


def test_frames_go_on_after_a_timeout() -> None:
    """What came before it is not lost."""
    data = frame(b"whole\n")
    frames = Frames(FakeStream([data[:10], None, data[10:]]))
    with pytest.raises(TimeoutError):
        frames.line(soon())
    assert frames.line(soon()) == b"whole"


def test_frames_tell_the_end() -> None:
    """A half line at the end is no line."""
    with pytest.raises(EOFError):
        Frames(FakeStream([frame(b"half")])).line(soon())


def test_frames_keep_the_deadline_without_reading() -> None:
    """A deadline that has passed is a time-out even if there is always more to read."""
    with pytest.raises(TimeoutError):
        Frames(FakeStream([frame(b"x")])).line(time.monotonic() - 1)


def test_channel_drops_an_answer_that_came_too_late() -> None:
    """After a time-out the next request gets its own answer."""
    stream = FakeStream([None, answer(1, sent=1), answer(2, sent=2)])
    channel = Channel(stream, container="c")
    with pytest.raises(EngineError, match="no answer in 5 s"):
        channel.request({"do": "probe"})
    assert channel.request({"do": "probe"})["sent"] == 2
    assert [json.loads(line)["id"] for line in stream.sent.splitlines()] == [1, 2]


def test_channel_hands_on_a_refusal_in_its_own_words() -> None:
    """The kind is an attribute, the words are the far end's."""
    refusal = {"id": 1, "ok": False, "kind": "nft", "error": "syntax error", "code": ""}
    channel = Channel(FakeStream([frame(json.dumps(refusal).encode() + b"\n")]), container="c")
    with pytest.raises(RefusedError, match="c: syntax error") as refused:
        channel.transact("nonsense")
    assert refused.value.kind == "nft"


@pytest.mark.parametrize(
    ("piece", "told"),
    [
        (b"", "far end has ended"),
        (frame(b"Traceback\nNo module named stubs\n", stream=2), "ended.*No module named stubs"),
        (frame(b"OCI runtime exec failed\n"), "not an answer: OCI runtime exec failed"),
        (frame(b"[]\n"), "not an answer"),
    ],
)
def test_channel_tells_why_it_broke(piece: bytes, told: str) -> None:
    """What the engine or Python said at the end is in the error."""
    with pytest.raises(EngineError, match=told):
        Channel(FakeStream([piece]), container="c").transact("x")


def test_channel_closes_its_stream() -> None:
    """After that each request fails in words."""
    stream = FakeStream([answer(1)])
    with Channel(stream, container="c") as channel:
        pass
    assert stream.closed
    with pytest.raises(EngineError, match="it is closed"):
        channel.transact("x")


def test_several_channels_are_asked_before_the_first_answer_is_read() -> None:
    """One that is dead spoils nobody else's answer, and its own error is told."""
    order: list[str] = []

    class Watched(FakeStream):
        def __init__(self, name: str, pieces: Iterable[bytes | None]) -> None:
            super().__init__(pieces)
            self.name = name

        def recv(self, most: int, /) -> bytes:
            order.append(f"read {self.name}")
            return super().recv(most)

        def sendall(self, data: bytes, /) -> None:
            order.append(f"ask {self.name}")
            super().sendall(data)

    channels = {name: Channel(Watched(name, [answer(1, of=name)]), container=name) for name in "ab"}
    dead = Channel(FakeStream([]), container="dead")
    outcome = at_once({channel: {"do": "x"} for channel in (*channels.values(), dead)})
    assert [name.split()[0] for name in order] == ["ask", "ask", "read", "read"]
    assert isinstance(outcome[dead], EngineError)
    for name, channel in channels.items():
        found = outcome[channel]
        assert isinstance(found, dict)
        assert found["of"] == name


def ready(pid: int) -> bytes:
    """A far end's first line."""
    return frame(json.dumps({"ready": True, "pid": pid}).encode() + b"\n")


def reopening(*following: FakeStream, first: FakeStream) -> Channel:
    """A channel whose next far ends are these."""
    later = list(following)
    return Channel(first, container="c", connect=lambda: (later.pop(0), None))


def test_a_channel_that_broke_is_opened_anew_and_ends_its_old_far_end() -> None:
    """What the old one has not done by then it never does; an answer of it is none of the new one's."""
    broken, fresh = FakeStream([]), FakeStream([ready(8), answer(2), answer(3, sent=5)])
    channel = reopening(fresh, first=broken)
    channel._pid = 7  # noqa: SLF001 - as of a far end that was greeted
    with pytest.raises(EngineError, match="far end has ended"):
        channel.request({"do": "probe"})
    channel.reopen()
    assert broken.closed
    assert channel.request({"do": "probe"})["sent"] == 5
    ended, probed = (json.loads(line) for line in fresh.sent.splitlines())
    assert (ended["do"], ended["pid"], probed["do"]) == ("end", 7, "probe")
    assert channel._pid == 8  # noqa: SLF001 - whom the next one is to end


def test_a_channel_whose_old_far_end_goes_on_is_not_opened_anew() -> None:
    """It might still do what it was asked to do: the error says so."""
    refusal = {"id": 1, "ok": False, "kind": "request", "error": "process 7 does not end", "code": ""}
    fresh = FakeStream([ready(8), frame(json.dumps(refusal).encode() + b"\n")])
    channel = reopening(fresh, first=FakeStream([]))
    channel._pid = 7  # noqa: SLF001 - as of a far end that was greeted
    with pytest.raises(EngineError, match=r"process 7 does not end; it may still do"):
        channel.reopen()


def test_a_channel_that_was_closed_is_not_opened_anew() -> None:
    """Whoever closed it is done with it."""
    channel = reopening(FakeStream([ready(8)]), first=FakeStream([]))
    channel.close()
    with pytest.raises(EngineError, match="it is closed"):
        channel.reopen()
