"""The fault channel's far end: a loop in the server container that changes the network and sends probes.

Started as `python3 -m stubs.server.channel` by an exec with stdin open, as user 0 with NET_ADMIN alone. It
says one line when it is ready, with its process number, then answers each request line by one line, and ends at the
end of its input: when whoever opened it is gone, so is it. It knows no rules of its own; the text of a transaction
comes with the request.

Requests (JSON objects, `id` comes back in the answer):

- `{"id": 1, "do": "nft", "text": "…"}`: run the text as one transaction; answers `{"id": 1, "ok": true}`. With
  `messages` (see `stubs.server.netfilter`) these are tried before, as one transaction, and the text where they fail.
- `{"id": 2, "do": "list", "text": "list …"}`: answers with nft's own JSON under `listing`; each line of the text is a
  command of its own, and their answers are put together.
- `{"id": 3, "do": "route", "device": "eth0", "messages": […]}`: see `stubs.server.route`.
- `{"id": 4, "do": "probe", "address": "10.0.0.2", "port": 50796, "protocol": "udp", "count": 3}`: answers
  `sent` and `refused`, the latter being those that the packet filter of this very server did not let out.
- `{"id": 5, "do": "ask", …}` likewise, with `answers`: see `stubs.server.probes`.
- `{"id": 6, "do": "stream", "act": "begin", …}`, and `{"id": 6, "do": "stream", "act": "look"}`, whose answer has the
  measures once there are some: see `stubs.server.pace`.
- `{"id": 7, "do": "hear", "act": "begin" | "look" | "end"}`, and at another server `{"id": 8, "do": "timed", "address":
  "10.0.0.2", "port": 40000, "count": 100}`: how late packets arrive, see `stubs.server.arrivals`.
- `{"id": 9, "do": "end", "pid": 123}`: end another far end of this container, see `stubs.server.predecessor`.

Each answer says under `at_ms` when it was done, in milliseconds of the monotonic clock, which all containers of a
machine share with their host. A failure answers `{"id": …, "ok": false, "kind": "request" | "nft" | "probe" | "route",
"error": "what was wrong", "code": "ENOENT or the like, may be empty"}`.

Imports the standard library alone, to start fast.
"""

from __future__ import annotations

import gc
import ipaddress
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from stubs import ports
from stubs.server import pace, predecessor, probes, route
from stubs.server.arrivals import Ear, send_timed
from stubs.server.nftables import Nftables
from stubs.server.refusal import RefusedError
from stubs.server.streaming import Streaming

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

MOST_PROBES = 20_000
_LARGEST = 1500  # bytes of a probe; more would not fit into one packet
_SMALLEST = 64


class Filter(Protocol):
    """What runs nft text, and hands over what is made ready."""

    def run(self, text: str, *, as_json: bool = False) -> str:
        """Run the text as one transaction and return its output; a refusal raises RefusedError."""

    def send(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Hand messages to the kernel as one transaction; a refusal raises RefusedError."""


class Measuring(NamedTuple):
    """What goes on between two requests.

    Attributes:
        ear: hears timed packets.
        streaming: sends streams.
    """

    ear: Ear
    streaming: Streaming

    @classmethod
    def idle(cls) -> Self:
        """Nothing does."""
        return cls(Ear(), Streaming())


def answer(line: bytes, packet_filter: Filter, measuring: Measuring) -> dict[str, Any]:
    """Carry out one request and make its answer. Never raises: every request gets one."""
    number: Any = None
    try:
        request = parse(line)
        number = request.get("id")
        result = carry_out(request, packet_filter, measuring)
        return {"id": number, "ok": True, "at_ms": round(time.monotonic() * 1000, 3), **result}
    except RefusedError as error:
        return {"id": number, "ok": False, "kind": error.kind, "error": str(error), "code": error.code}
    except Exception as error:  # noqa: BLE001  # the loop must outlive whatever a request does
        said = f"{type(error).__name__}: {error}"
        return {"id": number, "ok": False, "kind": "request", "error": said, "code": ""}


def parse(line: bytes) -> dict[str, Any]:
    """Read one request line."""
    try:
        request = json.loads(line)
    except ValueError as error:
        raise RefusedError("request", f"not a JSON line: {error}") from error
    if not isinstance(request, dict):
        raise RefusedError("request", f"a JSON object is wanted, not {type(request).__name__}")
    return request


def carry_out(  # noqa: PLR0911 - one for each kind
    request: Mapping[str, Any], packet_filter: Filter, measuring: Measuring
) -> dict[str, Any]:
    """Do what a request asks; the result is what its answer adds to `ok`."""
    match request.get("do"):
        case "nft":
            transact(request, packet_filter)
            return {}
        case "list":
            return {"listing": listing(text_of(request), packet_filter)}
        case "route":
            route.send(str(request.get("device")), request.get("messages", ()))
            return {}
        case "probe":
            return {**probes.send_probes(**probe_of(request))}
        case "ask":
            return probes.ask(**probe_of(request))
        case "stream":
            return {**stream(request, measuring.streaming)}
        case "hear":
            return hear(request.get("act"), measuring.ear)
        case "timed":
            return {**send_timed(address_of(request), port=port_of(request), count=count_of(request))}
        case "end":
            predecessor.end(whole(request, "pid", 0, most=(1 << 31) - 1))
            return {}
        case unknown:
            known = "nft, list, route, probe, ask, stream, hear, timed, end"
            raise RefusedError("request", f"unknown 'do': {unknown!r} ({known})")


def transact(request: Mapping[str, Any], packet_filter: Filter) -> None:
    """Hand the messages over as one transaction, if there are some; if not, or if they are refused, run the text."""
    text = text_of(request)
    if "messages" in request:
        try:
            return packet_filter.send(request["messages"])
        except RefusedError as error:
            if error.kind != "nft":
                raise
    packet_filter.run(text)
    return None


def hear(act: object, ear: Ear) -> dict[str, Any]:
    """Begin to hear timed packets, say how late they came, or end it."""
    match act:
        case "begin":
            return {"port": ear.begin()}
        case "look":
            return {"late": ear.look()}
        case "end":
            ear.end()
            return {}
        case unknown:
            raise RefusedError("request", f"unknown 'act': {unknown!r} (begin, look, end)")


def stream(request: Mapping[str, Any], streaming: Streaming) -> Mapping[str, Any]:
    """Begin to stream, or say how that went."""
    match request.get("act"):
        case "begin":
            streaming.begin(stream_of(request))
            return {}
        case "look":
            return streaming.look()
        case unknown:
            raise RefusedError("request", f"unknown 'act': {unknown!r} (begin, look)")


def listing(text: str, packet_filter: Filter) -> dict[str, Any]:
    """Run each line as a command and put the answers together: nft 1.0.6 fails at the second one of a text."""
    answers = [json.loads(packet_filter.run(line, as_json=True)) for line in text.splitlines()]
    return {"nftables": [entry for one in answers for entry in one["nftables"]]}


def text_of(request: Mapping[str, Any]) -> str:
    """Take the nft text out of a request."""
    text = request.get("text")
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise RefusedError("request", f"'text' must be nft text, not {text!r}")
    return text


def probe_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """Take the target of a probe out of a request."""
    protocol = request.get("protocol", "udp")
    if protocol not in ("udp", "tcp", "icmp"):
        raise RefusedError("request", f"'protocol' must be 'udp', 'tcp' or 'icmp', not {protocol!r}")
    return {
        "address": address_of(request),
        "protocol": protocol,
        "port": port_of(request),
        "count": count_of(request),
    }


def stream_of(request: Mapping[str, Any]) -> pace.Stream:
    """Take the measures of a stream out of a request."""
    size = whole(request, "size", _LARGEST, most=_LARGEST)
    count = whole(request, "count", 2, most=MOST_PROBES)
    skip = whole(request, "skip", 1, most=MOST_PROBES)
    device, handle = str(request.get("device")), whole(request, "class", 1, most=(1 << 32) - 1)
    if size < _SMALLEST or skip >= count:
        raise RefusedError("request", f"a stream of {count} probes of {size} bytes, {skip} of them not measured")
    return pace.Stream(
        address=address_of(request),
        port=port_of(request),
        size=size,
        packets=count,
        skip=skip,
        room=whole(request, "room", 4096, most=1 << 20),
        carried=lambda: route.class_bytes(device, handle),
    )


def address_of(request: Mapping[str, Any]) -> str:
    """Take the address out of a request."""
    address = request.get("address")
    try:
        return str(ipaddress.IPv4Address(address if isinstance(address, str) else ""))
    except ValueError as error:
        raise RefusedError("request", f"'address' must be an IPv4 address, not {address!r}") from error


def port_of(request: Mapping[str, Any]) -> int:
    """Take a port out of a request."""
    return whole(request, "port", ports.PROBE, most=65535)


def count_of(request: Mapping[str, Any]) -> int:
    """Take a number of packets out of a request."""
    return whole(request, "count", 1, most=MOST_PROBES)


def whole(request: Mapping[str, Any], key: str, default: int, *, most: int) -> int:
    """Take a whole number from 1 to `most` out of a request."""
    value = request.get(key, default)
    if type(value) is not int or not 1 <= value <= most:  # a bool is an int, but not meant
        raise RefusedError("request", f"{key!r} must be a whole number from 1 to {most}, not {value!r}")
    return value


def serve(requests: BinaryIO, answers: BinaryIO, packet_filter: Filter) -> None:
    """Answer each line until the input ends."""
    measuring = Measuring.idle()
    say(answers, {"ready": True, "pid": os.getpid()})
    for line in requests:
        say(answers, answer(line, packet_filter, measuring))
    measuring.ear.end()


def say(answers: BinaryIO, message: dict[str, Any]) -> None:
    """Write one line, at once."""
    answers.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
    answers.flush()


def main() -> int:
    """Serve stdin and stdout; a library that is not there is said in place of the ready line."""
    try:
        packet_filter = Nftables()
    except RefusedError as error:
        say(sys.stdout.buffer, {"ready": False, "error": str(error)})
        return 1
    gc.freeze()  # what is there now stays: a collection need not look at it in the middle of a change
    serve(sys.stdin.buffer, sys.stdout.buffer, packet_filter)
    return 0


if __name__ == "__main__":
    sys.exit(main())
