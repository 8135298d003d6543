"""The fault channel's far end: a loop in the server container that runs nft transactions and sends probes.

Started as `python3 -m stubs.server.channel` by an exec with stdin open, as user 0 with NET_ADMIN alone. It
says one line when it is ready, then answers each request line by one line, and ends at the end of its input:
when whoever opened it is gone, so is it. It knows no rules of its own; the text of a transaction comes with
the request.

Requests (JSON objects, `id` comes back in the answer):

- `{"id": 1, "do": "nft", "text": "…"}`: run the text as one transaction; answers `{"id": 1, "ok": true}`.
- `{"id": 2, "do": "list", "text": "list …"}`: answers with nft's own JSON under `listing`.
- `{"id": 3, "do": "probe", "address": "10.0.0.2", "port": 50796, "protocol": "udp", "count": 3}`: answers
  `sent` and `refused`, the latter being those that the packet filter of this very server did not let out.

A failure answers `{"id": …, "ok": false, "kind": "request" | "nft" | "probe", "error": "what was wrong"}`.

Imports the standard library alone, to start fast.
"""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import json
import socket
import sys
from typing import TYPE_CHECKING, Any, Protocol

from stubs import ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

LIBRARY = "libnftables.so.1"
MOST_PROBES = 1000
_JSON_OUTPUT = 1 << 4  # NFT_CTX_OUTPUT_JSON of libnftables.h
_TOS = ports.PROBE_DSCP << 2  # the code point is the upper six bits of the byte


class RefusedError(Exception):
    """A request that could not be carried out.

    Attributes:
        kind: "request" (it makes no sense), "nft" (libnftables or the kernel refused it) or "probe".
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Filter(Protocol):
    """What runs nft text."""

    def run(self, text: str, *, as_json: bool = False) -> str:
        """Run the text as one transaction and return its output; a refusal raises RefusedError."""


class Nftables:
    """libnftables through ctypes: no process is started for a change."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise RefusedError("nft", f"this image lacks {LIBRARY}: {error}") from error
        declare(self._library)
        self._context = self._library.nft_ctx_new(0)
        if not self._context:
            raise RefusedError("nft", "libnftables gave no context")
        self._library.nft_ctx_buffer_output(self._context)
        self._library.nft_ctx_buffer_error(self._context)

    def run(self, text: str, *, as_json: bool = False) -> str:
        """Run the text as one transaction: all of it, or nothing.

        Raises:
            RefusedError: with nft's own words.
        """
        self._library.nft_ctx_output_set_flags(self._context, _JSON_OUTPUT if as_json else 0)
        failed = self._library.nft_run_cmd_from_buffer(self._context, text.encode())
        # Both buffers are read each time: reading is what empties them.
        output: bytes = self._library.nft_ctx_get_output_buffer(self._context)
        complaint: bytes = self._library.nft_ctx_get_error_buffer(self._context)
        if failed:
            raise RefusedError("nft", complaint.decode(errors="replace").strip() or "refused without a word")
        return output.decode(errors="replace")


def declare(library: ctypes.CDLL) -> None:
    """Tell ctypes the types: it would cut a pointer to 32 bits otherwise."""
    for name, result, arguments in (
        ("nft_ctx_new", ctypes.c_void_p, [ctypes.c_uint32]),
        ("nft_ctx_buffer_output", ctypes.c_int, [ctypes.c_void_p]),
        ("nft_ctx_buffer_error", ctypes.c_int, [ctypes.c_void_p]),
        ("nft_ctx_output_set_flags", None, [ctypes.c_void_p, ctypes.c_uint]),
        ("nft_run_cmd_from_buffer", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p]),
        ("nft_ctx_get_output_buffer", ctypes.c_char_p, [ctypes.c_void_p]),
        ("nft_ctx_get_error_buffer", ctypes.c_char_p, [ctypes.c_void_p]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


def send_probes(address: str, *, port: int, protocol: str, count: int) -> dict[str, int]:
    """Send marked packets that no listener ever sees; say how many left and how many were refused right here.

    A TCP probe is the first packet of a connection that is given up before it is repeated.

    Raises:
        RefusedError: they could not be sent for another reason than the own packet filter.
    """
    sent = refused = 0
    for _ in range(count):
        try:
            send_probe(address, port=port, protocol=protocol)
        except PermissionError:
            refused += 1
        except OSError as error:
            raise RefusedError("probe", f"{protocol} probe to {address} port {port}: {error}") from error
        else:
            sent += 1
    return {"sent": sent, "refused": refused}


def send_probe(address: str, *, port: int, protocol: str) -> None:
    """Send one marked packet; PermissionError means that this server's own filter dropped it."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _TOS)
        if protocol == "udp":
            probe.sendto(b"probe", (address, port))
            return
        probe.setblocking(False)  # noqa: FBT003  # the name of the call says it
        result = probe.connect_ex((address, port))
        if result not in (0, errno.EINPROGRESS):
            raise OSError(result, errno.errorcode.get(result, "?"))


def answer(line: bytes, packet_filter: Filter) -> dict[str, Any]:
    """Carry out one request and make its answer. Never raises: every request gets one."""
    number: Any = None
    try:
        request = parse(line)
        number = request.get("id")
        return {"id": number, "ok": True, **carry_out(request, packet_filter)}
    except RefusedError as error:
        return {"id": number, "ok": False, "kind": error.kind, "error": str(error)}
    except Exception as error:  # noqa: BLE001  # the loop must outlive whatever a request does
        return {"id": number, "ok": False, "kind": "request", "error": f"{type(error).__name__}: {error}"}


def parse(line: bytes) -> dict[str, Any]:
    """Read one request line."""
    try:
        request = json.loads(line)
    except ValueError as error:
        raise RefusedError("request", f"not a JSON line: {error}") from error
    if not isinstance(request, dict):
        raise RefusedError("request", f"a JSON object is wanted, not {type(request).__name__}")
    return request


def carry_out(request: Mapping[str, Any], packet_filter: Filter) -> dict[str, Any]:
    """Do what a request asks; the result is what its answer adds to `ok`."""
    match request.get("do"):
        case "nft":
            packet_filter.run(text_of(request))
            return {}
        case "list":
            return {"listing": json.loads(packet_filter.run(text_of(request), as_json=True))}
        case "probe":
            return send_probes(**probe_of(request))
        case unknown:
            raise RefusedError("request", f"unknown 'do': {unknown!r} (nft, list, probe)")


def text_of(request: Mapping[str, Any]) -> str:
    """Take the nft text out of a request."""
    text = request.get("text")
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise RefusedError("request", f"'text' must be nft text, not {text!r}")
    return text


def probe_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """Take the target of a probe out of a request."""
    address, protocol = request.get("address"), request.get("protocol", "udp")
    try:
        ipaddress.IPv4Address(address if isinstance(address, str) else "")
    except ValueError as error:
        raise RefusedError("request", f"'address' must be an IPv4 address, not {address!r}") from error
    if protocol not in ("udp", "tcp"):
        raise RefusedError("request", f"'protocol' must be 'udp' or 'tcp', not {protocol!r}")
    return {
        "address": address,
        "protocol": protocol,
        "port": whole(request, "port", ports.PROBE, most=65535),
        "count": whole(request, "count", 1, most=MOST_PROBES),
    }


def whole(request: Mapping[str, Any], key: str, default: int, *, most: int) -> int:
    """Take a whole number from 1 to `most` out of a request."""
    value = request.get(key, default)
    if type(value) is not int or not 1 <= value <= most:  # a bool is an int, but not meant
        raise RefusedError("request", f"{key!r} must be a whole number from 1 to {most}, not {value!r}")
    return value


def serve(requests: BinaryIO, answers: BinaryIO, packet_filter: Filter) -> None:
    """Answer each line until the input ends."""
    say(answers, {"ready": True})
    for line in requests:
        say(answers, answer(line, packet_filter))


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
    serve(sys.stdin.buffer, sys.stdout.buffer, packet_filter)
    return 0


if __name__ == "__main__":
    sys.exit(main())
