"""The far end of the fault channel with a made-up packet filter."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from stubs.server import channel


class FakeFilter:
    """Remembers what it ran; refuses the text "bad", breaks at the text "broken"."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, bool]] = []

    def run(self, text: str, *, as_json: bool = False) -> str:
        """Pretend."""
        self.ran.append((text, as_json))
        if text == "bad":
            raise channel.RefusedError("nft", "Error: syntax error, unexpected bad")
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
    assert ask() == [{"ready": True}]


def test_channel_runs_text_as_it_came() -> None:
    """One request is one transaction, and a listing is asked for as JSON."""
    fake = FakeFilter()
    assert channel.answer(b'{"id": 1, "do": "nft", "text": "a\\nb\\n"}', fake) == {"id": 1, "ok": True}
    assert channel.answer(b'{"id": 2, "do": "list", "text": "l"}', fake)["listing"] == {"nftables": []}
    assert fake.ran == [("a\nb\n", False), ("l", True)]


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
        ({"id": 9, "do": "probe"}, "request", "'address' must be an IPv4 address, not None"),
        ({"id": 9, "do": "probe", "address": 1}, "request", "'address' must be an IPv4 address, not 1"),
        ({"id": 9, "do": "probe", "address": "::1"}, "request", "'address' must be"),
        ({"id": 9, "do": "probe", "address": "10.0.0.1", "port": 0}, "request", "'port' must be"),
        ({"id": 9, "do": "probe", "address": "10.0.0.1", "port": 65536}, "request", "'port' must be"),
        ({"id": 9, "do": "probe", "address": "10.0.0.1", "count": True}, "request", "'count' must be"),
        (
            {"id": 9, "do": "probe", "address": "10.0.0.1", "protocol": "icmp"},
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
    assert good == {"id": 10, "ok": True}


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_channel_counts_probes_that_its_own_filter_refused(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused here is told apart from sent, and neither is an error."""
    refusals = iter([None, PermissionError(), None])

    def send_probe(address: str, *, port: int, protocol: str) -> None:
        assert (address, port) == ("10.0.0.1", 5)
        assert protocol in ("udp", "tcp")
        if (error := next(refusals)) is not None:
            raise error

    monkeypatch.setattr(channel, "send_probe", send_probe)
    request = {"id": 1, "do": "probe", "address": "10.0.0.1", "port": 5, "protocol": protocol, "count": 3}
    assert ask(request)[1] == {"id": 1, "ok": True, "sent": 2, "refused": 1}


def test_channel_tells_why_a_probe_could_not_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable network is an error of the probe, with its words."""

    def send_probe(*_: object, **__: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(channel, "send_probe", send_probe)
    answer = ask({"id": 1, "do": "probe", "address": "10.0.0.1"})[1]
    assert answer["kind"] == "probe"
    assert "Network is unreachable" in answer["error"]
