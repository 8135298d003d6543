"""Packets that prove network faults: marked so that no listener ever sees them. Sends; judges nothing.

Runs in the server containers, and on the host for links that begin there. The standard library alone, to start fast.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct
from typing import TYPE_CHECKING

from stubs import ports
from stubs.server.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PAYLOAD = b"probe"
IP_RECVERR = 11  # of linux/in.h; Python's socket has no name for it before 3.14
_ERROR = struct.Struct("=IBBB")  # the begin of sock_extended_err: errno, origin, type, code
_FROM_ICMP = 2
_UNREACHABLE = 3  # ICMP destination unreachable
_CODES = {3: "reject", 13: "prohibit"}


def send_probes(address: str, *, port: int, protocol: str, count: int) -> dict[str, int]:
    """Send probes; say how many left, and how many the packet filter of this very server refused.

    A TCP probe is the first packet of a connection that is given up before it is repeated.

    Raises:
        RefusedError: they could not be sent for another reason than the own packet filter.
    """
    with explained(address, protocol, port):
        if protocol == "tcp":
            return _counted(count, lambda: _begin_connection(address, port))
        with marked(protocol) as sender:
            target = (address, 0 if protocol == "icmp" else port)
            return _counted(count, lambda: sender.sendto(_datagram(protocol), target))


def ask(address: str, *, port: int, protocol: str, count: int, wait_s: float = 0.5) -> dict[str, object]:
    """Send probes one by one, and wait for what each is answered with.

    Returns:
        `sent`, `refused` (by the packet filter of this very server), and `answers`: how many were answered with
        "reset" (TCP), "reject" or "prohibit" (ICMP), in another way, or with "nothing" within `wait_s`.

    Raises:
        RefusedError: as `send_probes`.
    """
    answers: dict[str, int] = {}

    def one() -> None:
        said = _ask_once(address, port, protocol, wait_s)
        answers[said] = answers.get(said, 0) + 1

    with explained(address, protocol, port):
        return {**_counted(count, one), "answers": answers}


@contextlib.contextmanager
def explained(address: str, protocol: str, port: int) -> Iterator[None]:
    """Say of an error of this block which probe it is about.

    Raises:
        RefusedError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise RefusedError("probe", f"{protocol} probe to {address} port {port}: {error}") from error


def _counted(count: int, act: Callable[[], object]) -> dict[str, int]:
    refused = 0
    for _ in range(count):
        try:
            act()
        except PermissionError:
            refused += 1
    return {"sent": count - refused, "refused": refused}


def marked(protocol: str, *, dscp: int = ports.PROBE_DSCP) -> socket.socket:
    """A socket whose packets are marked as probes."""
    if protocol == "icmp":
        made = _echo_socket()
    else:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)  # the upper six bits of the byte
    return made


def _echo_socket() -> socket.socket:
    """Without privileges where the kernel allows that (the server containers), else as root (this host)."""
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    except PermissionError:
        try:
            return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        except PermissionError as error:
            raise RefusedError("probe", "ICMP needs net.ipv4.ping_group_range to hold this group, or root") from error


def _datagram(protocol: str) -> bytes:
    if protocol != "icmp":
        return _PAYLOAD
    body = b"\x08\x00\x00\x00\x00\x01\x00\x01" + _PAYLOAD + b"\0"  # an echo request: type 8, code 0
    total = sum(struct.unpack(f">{len(body) // 2}H", body))
    total = (total >> 16) + (total & 0xFFFF)
    return body[:2] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + body[4:]


def _begin_connection(address: str, port: int) -> None:
    with marked("tcp") as probe:
        probe.setblocking(False)  # noqa: FBT003 - the name of the call says it
        result = probe.connect_ex((address, port))
        # Refused at once: the answer of a fault, which was faster than the call.
        if result not in (0, errno.EINPROGRESS, errno.ECONNREFUSED, errno.EHOSTUNREACH):
            raise OSError(result, errno.errorcode.get(result, "?"))


def _ask_once(address: str, port: int, protocol: str, wait_s: float) -> str:
    with marked(protocol) as probe:
        probe.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        probe.setblocking(False)  # noqa: FBT003 - the name of the call says it
        failed = probe.connect_ex((address, 0 if protocol == "icmp" else port))
        if protocol != "tcp":
            probe.send(_datagram(protocol))
        poll = select.poll()
        poll.register(probe, select.POLLOUT if protocol == "tcp" else select.POLLIN)
        if failed in (0, errno.EINPROGRESS):
            poll.poll(wait_s * 1000)
            failed = 0
        return _icmp_answer(probe) or _answer(failed or probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def _icmp_answer(probe: socket.socket) -> str:
    """What an ICMP message said of the probe; empty if none came."""
    try:
        _, messages, _, _ = probe.recvmsg(256, 256, socket.MSG_ERRQUEUE)
    except OSError:  # nothing there; some kernels say it with the connection's own error
        return ""
    for level, kind, content in messages:
        if (level, kind) == (socket.IPPROTO_IP, IP_RECVERR):
            _, origin, type_, code = _ERROR.unpack_from(content)
            if origin == _FROM_ICMP:
                known = _CODES.get(code) if type_ == _UNREACHABLE else None
                return known or f"ICMP type {type_} code {code}"
    return ""


def _answer(failed: int) -> str:
    match failed:
        case 0 | errno.EINPROGRESS:
            return "nothing"
        case errno.ECONNREFUSED:
            return "reset"
        case errno.EPERM:
            raise PermissionError(failed, "refused by the own packet filter")
        case other:
            return errno.errorcode.get(other, str(other))
