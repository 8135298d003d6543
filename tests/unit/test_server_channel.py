"""The far end of the fault channel with a made-up packet filter."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from subprocess import PIPE
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from stubs.server import channel
from stubs.server.channel import Measuring
from stubs.server.refusal import RefusedError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stubs.server.pace import Stream


class FakeFilter:
    """Remembers what it ran and was handed; refuses "bad", breaks at the text "broken"."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, bool]] = []

    def send(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Pretend."""
        self.ran.append((str(messages), False))
        for kind in map(str, messages):
            if kind != "good":
                raise RefusedError(kind, "not these")

    def run(self, text: str, *, as_json: bool = False) -> str:
        """Pretend."""
        self.ran.append((text, as_json))
        if text == "bad":
            raise RefusedError("nft", "Error: syntax error, unexpected bad")
        if text == "broken":
            raise MemoryError("no room")
        return '{"nftables": []}' if as_json else ""


def ask(*requests: object) -> list[dict[str, Any]]:
    """Serve these requests; return all lines that came back."""
    lines = b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in requests)
    answers = io.BytesIO()
    channel.serve(io.BytesIO(lines), answers, FakeFilter())
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_channel_says_that_it_is_ready_and_ends_with_its_input() -> None:
    """One line before any request; no request, no other line."""
    assert ask() == [{"ready": True, "pid": os.getpid()}]


def test_channel_runs_text_as_it_came() -> None:
    """One request is one transaction, and a listing is asked for as JSON."""
    fake = FakeFilter()
    done = channel.answer(b'{"id": 1, "do": "nft", "text": "a\\nb\\n"}', fake, Measuring.idle())
    assert (done["id"], done["ok"], done["at_ms"] > 0) == (1, True, True)
    assert channel.answer(b'{"id": 2, "do": "list", "text": "l"}', fake, Measuring.idle())["listing"] == {
        "nftables": []
    }
    assert channel.answer(b'{"id": 3, "do": "list", "text": "l\\nm"}', fake, Measuring.idle())["ok"]
    assert fake.ran == [("a\nb\n", False), ("l", True), ("l", True), ("m", True)]


@pytest.mark.parametrize(
    ("messages", "ran", "is_done"),
    [
        (["good"], ["['good']"], True),
        (["nft"], ["['nft']", "text"], True),
        (["request"], ["['request']"], False),
    ],
)
def test_messages_go_before_the_text_which_counts_where_the_kernel_refuses_them(
    messages: list[str], ran: list[str], *, is_done: bool
) -> None:
    """Messages that make no sense are a mistake, and no reason for the text."""
    fake = FakeFilter()
    line = json.dumps({"id": 1, "do": "nft", "text": "text", "messages": messages}).encode()
    assert channel.answer(line, fake, Measuring.idle())["ok"] is is_done
    assert [text for text, _ in fake.ran] == ran


def test_timed_packets_are_heard_with_how_late_they_came() -> None:
    """Over loopback: each once, in order, at once; what is no timed packet is passed over; nothing before or after."""
    measuring, fake = Measuring.idle(), FakeFilter()

    def request(**fields: Any) -> dict[str, Any]:
        return channel.answer(json.dumps({"id": 1, **fields}).encode(), fake, measuring)

    assert request(do="hear", act="look")["late"] == []
    port = request(do="hear", act="begin")["port"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"hello", ("127.0.0.1", port))
    assert request(do="timed", address="127.0.0.1", port=port, count=50)["sent"] == 50
    late = request(do="hear", act="look")["late"]
    assert [number for number, _ in late] == list(range(50))
    assert all(-100 <= late_us < 1_000_000 for _, late_us in late)
    assert request(do="hear", act="look")["late"] == []
    assert request(do="hear", act="end")["ok"]
    assert request(do="hear", act="look")["late"] == []


STREAM = {"do": "stream", "act": "begin", "address": "10.0.0.1", "count": 5, "skip": 1}


def test_a_channel_answers_while_a_stream_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """So leases are renewed on time; its measures come once, and one that is begun anew breaks the former off."""
    measuring, fake = Measuring.idle(), FakeFilter()
    gone, broken = threading.Event(), threading.Event()

    def slow(wanted: Stream, *, over: Callable[[], bool]) -> dict[str, Any]:
        while not gone.wait(0.005):
            if over():
                broken.set()
                raise RefusedError("probe", f"a stream to {wanted.address} was broken off")
        return {"sent": 5}

    def request(**fields: Any) -> dict[str, Any]:
        return channel.answer(json.dumps({"id": 1, **fields}).encode(), fake, measuring)

    def look() -> dict[str, Any]:
        return request(do="stream", act="look")

    monkeypatch.setattr("stubs.server.pace.stream", slow)
    assert look()["error"] == "no stream was begun"
    assert request(**STREAM)["ok"]
    assert request(do="nft", text="add rule")["ok"]
    assert (look()["ok"], "sent" in look()) == (True, False)
    assert request(**STREAM)["ok"]
    assert broken.is_set()
    gone.set()
    assert wait_until(look, lambda told: "sent" in told, within_s=10, what="the measures")["sent"] == 5
    assert look()["error"] == "no stream was begun"


def test_a_stream_that_fails_says_so_at_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was; the channel lives on."""
    measuring, fake = Measuring.idle(), FakeFilter()

    def look() -> dict[str, Any]:
        return channel.answer(b'{"id": 1, "do": "stream", "act": "look"}', fake, measuring)

    for error, kind in ((RefusedError("probe", "takes nothing"), "probe"), (ZeroDivisionError("nought"), "request")):

        def failing(_wanted: Stream, *, over: Callable[[], bool], error: Exception = error) -> dict[str, Any]:
            del over
            raise error

        monkeypatch.setattr("stubs.server.pace.stream", failing)
        channel.answer(json.dumps({"id": 1, **STREAM}).encode(), fake, measuring)
        told = wait_until(look, lambda told: not told["ok"], within_s=10, what="the failure")
        assert (told["kind"], str(error) in told["error"]) == (kind, True)


def test_a_far_end_is_ended_and_nobody_else() -> None:
    """By its number, if its program is the channel's.

    Each says that it runs: where one has been started only just, the kernel may know no command line of it yet.
    """
    idle = ["-c", "import sys; print(flush=True); sys.stdin.read()"]
    with (
        subprocess.Popen([sys.executable, *idle, "stubs.server.channel"], stdin=PIPE, stdout=PIPE) as old,  # noqa: S603 - ours
        subprocess.Popen([sys.executable, *idle], stdin=PIPE, stdout=PIPE) as other,  # noqa: S603 - ours
    ):
        assert [one.stdout and one.stdout.readline() for one in (old, other)] == [b"\n", b"\n"]
        ended = ask({"id": 1, "do": "end", "pid": old.pid}, {"id": 2, "do": "end", "pid": other.pid})
        assert [one["ok"] for one in ended[1:]] == [True, True]
        assert old.wait(10) == -signal.SIGKILL
        assert other.poll() is None
    assert ask({"id": 1, "do": "end", "pid": old.pid})[1]["ok"]  # there is none any more


@pytest.mark.parametrize(
    ("request_", "kind", "told"),
    [
        (b"nonsense", "request", "not a JSON line"),
        (b"\xff\xfe", "request", "not a JSON line"),
        (b"", "request", "not a JSON line"),
        (b"[1]", "request", "object is wanted, not list"),
        ({"id": 9}, "request", "unknown 'do': None"),
        ({"id": 9, "do": "fly"}, "request", "unknown 'do': 'fly'"),
        ({"id": 9, "do": ["nft"]}, "request", "unknown 'do'"),
        ({"id": 9, "do": "nft"}, "request", "'text' must be nft text"),
        ({"id": 9, "do": "nft", "text": " "}, "request", "'text' must be nft text"),
        ({"id": 9, "do": "nft", "text": "a\0b"}, "request", "'text' must be nft text"),
        ({"id": 9, "do": "nft", "text": "bad"}, "nft", "Error: syntax error, unexpected bad"),
        ({"id": 9, "do": "nft", "text": "broken"}, "request", "MemoryError: no room"),
        ({"id": 9, **STREAM, "size": 10}, "request", "a stream of"),
        ({"id": 9, **STREAM, "skip": 5}, "request", "a stream of"),
        ({"id": 9, **STREAM, "act": "stop"}, "request", "unknown 'act': 'stop'"),
        ({"id": 9, "do": "route", "device": "nosuch0", "messages": []}, "route", "no network device 'nosuch0'"),
        ({"id": 9, "do": "route", "device": "lo", "messages": [{}]}, "request", "not a message about traffic"),
        ({"id": 9, "do": "hear", "act": "shout"}, "request", "unknown 'act': 'shout'"),
        ({"id": 9, "do": "timed", "address": "10.0.0.1", "port": 0}, "request", "'port' must be"),
        ({"id": 9, "do": "end"}, "request", "'pid' must be"),
        ({"id": 9, "do": "probe"}, "request", "'address' must be an IPv4 address, not None"),
        ({"id": 9, "do": "probe", "address": 1}, "request", "'address' must be an IPv4 address, not 1"),
        ({"id": 9, "do": "probe", "address": "::1"}, "request", "'address' must be"),
        ({"id": 9, "do": "probe", "address": "10.0.0.1", "port": 0}, "request", "'port' must be"),
        ({"id": 9, "do": "probe", "address": "10.0.0.1", "port": 65536}, "request", "'port' must be"),
        ({"id": 9, "do": "probe", "address": "10.0.0.1", "count": True}, "request", "'count' must be"),
        (
            {"id": 9, "do": "probe", "address": "10.0.0.1", "protocol": "sctp"},
            "request",
            "'protocol' must be",
        ),
    ],
)
def test_channel_answers_a_bad_request_and_goes_on(request_: object, kind: str, told: str) -> None:
    """The answer names what was wrong, and the next request is served."""
    _, bad, good = ask(request_, {"id": 10, "do": "nft", "text": "fine"})
    assert (bad["ok"], bad["kind"], bad["id"]) == (False, kind, 9 if isinstance(request_, dict) else None)
    assert told in bad["error"]
    assert (good["id"], good["ok"]) == (10, True)


class FakeSocket(socket.socket):
    """Sends nothing; what `sendto` raises is given by turns."""

    outcomes: ClassVar[list[OSError | None]] = []

    def sendto(self, *arguments: object) -> int:
        """Pretend."""
        assert arguments[-1] == ("10.0.0.1", 5)
        if (error := self.outcomes.pop(0)) is not None:
            raise error
        return 0


def test_channel_counts_probes_that_its_own_filter_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused here is told apart from sent, and neither is an error."""
    monkeypatch.setattr(FakeSocket, "outcomes", [None, PermissionError(), None])
    monkeypatch.setattr(socket, "socket", FakeSocket)
    answer = ask({"id": 1, "do": "probe", "address": "10.0.0.1", "port": 5, "protocol": "udp", "count": 3})[1]
    assert (answer["ok"], answer["sent"], answer["refused"]) == (True, 2, 1)


def test_channel_tells_why_a_probe_could_not_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable network is an error of the probe, with its words."""
    monkeypatch.setattr(FakeSocket, "outcomes", [OSError(101, "Network is unreachable")])
    monkeypatch.setattr(socket, "socket", FakeSocket)
    answer = ask({"id": 1, "do": "probe", "address": "10.0.0.1", "port": 5})[1]
    assert answer["kind"] == "probe"
    assert "Network is unreachable" in answer["error"]
