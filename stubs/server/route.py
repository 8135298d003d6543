"""Hands queueing disciplines and classes to the kernel of this network namespace (rtnetlink). Knows none of them.

What a message holds comes with the request; here it gets its header, the number of the network device, and its answer.
The standard library alone, to start fast.
"""

from __future__ import annotations

import base64
import binascii
import errno
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from stubs.server.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence number, port
_TRAFFIC = struct.Struct("=BxxxiIII")  # tcmsg: family, device, handle, parent, info
_REQUEST_WITH_ECHO = 0x1 | 0x8  # NLM_F_REQUEST, NLM_F_ECHO: without it the kernel tells listeners only
_REQUEST_WITH_ANSWER = 0x1 | 0x4  # NLM_F_REQUEST, NLM_F_ACK
ERROR = 2  # NLMSG_ERROR: the answer to each message; 0 means that it was done
_NEW_CLASS, _GET_CLASS = 40, 42  # RTM_NEWTCLASS, RTM_GETTCLASS
_STATISTICS, _BASIC = 7, 1  # TCA_STATS2, TCA_STATS_BASIC
_WAIT_S = 2.0


def send(device: str, messages: Sequence[Mapping[str, Any]]) -> None:
    """Hand the messages over, one after the other, until one is refused.

    Args:
        device: name of the network device that all of them are about.
        messages: each with `type`, `flags`, `handle`, `parent`, `info` (whole numbers), `attributes` (base64), and
            `despite`: names of errors that are as good as done.

    Raises:
        RefusedError: of kind "route", with the name of the kernel's error as its code; or the request makes no sense.
    """
    try:
        index = socket.if_nametoindex(device)
        packed = [(_packed(index, message), tuple(message.get("despite", ()))) for message in messages]
    except OSError as error:
        raise RefusedError("route", f"no network device {device!r}: {error}", code="ENODEV") from error
    except (KeyError, TypeError, ValueError, struct.error, binascii.Error) as error:
        raise RefusedError("request", f"not a message about traffic: {error!r}") from error
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(_WAIT_S)
        kernel.bind((0, 0))
        for number, (content, despite) in enumerate(packed, start=1):
            _exchange(kernel, content, despite, number)


def class_bytes(device: str, handle: int) -> int | None:
    """How many bytes a class has sent on a device, of whatever sender; None if there is no such class or device."""
    try:
        index = socket.if_nametoindex(device)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            kernel.settimeout(_WAIT_S)
            kernel.bind((0, 0))
            length = HEADER.size + _TRAFFIC.size
            head = HEADER.pack(length, _GET_CLASS, _REQUEST_WITH_ECHO, 0, 0)
            kernel.send(head + _TRAFFIC.pack(socket.AF_UNSPEC, index, handle, 0, 0))
            answer = kernel.recv(65536)
    except OSError:
        return None
    _, kind, _, _, _ = HEADER.unpack_from(answer)
    if kind != _NEW_CLASS:
        return None
    counted = _attribute(_attribute(answer[HEADER.size + _TRAFFIC.size :], _STATISTICS), _BASIC)
    return int(struct.unpack_from("=Q", counted)[0]) if counted else None


def _attribute(content: bytes, wanted: int) -> bytes:
    """The content of one attribute among others; empty if it is not there."""
    place = 0
    while place + 4 <= len(content):
        length, kind = struct.unpack_from("=HH", content, place)
        if length < 4:  # noqa: PLR2004 - its own head
            break
        if kind & 0x3FFF == wanted:  # the upper bits are flags
            return content[place + 4 : place + length]
        place += (length + 3) & ~3
    return b""


def _packed(index: int, message: Mapping[str, Any]) -> bytes:
    head = _TRAFFIC.pack(socket.AF_UNSPEC, index, message["handle"], message["parent"], message.get("info", 0))
    content = head + base64.b64decode(message.get("attributes", ""), validate=True)
    length = HEADER.size + len(content)
    return HEADER.pack(length, message["type"], message["flags"] | _REQUEST_WITH_ANSWER, 0, 0) + content


def _exchange(kernel: socket.socket, content: bytes, despite: Sequence[str], number: int) -> None:
    try:
        kernel.send(content)
        answer = kernel.recv(65536)
    except OSError as error:
        raise RefusedError("route", f"message {number}: {error}", code=error_name(error.errno or 0)) from error
    _, kind, _, _, _ = HEADER.unpack_from(answer)
    (failed,) = struct.unpack_from("=i", answer, HEADER.size)
    if kind != ERROR:
        raise RefusedError("route", f"message {number}: an answer of type {kind}")
    if failed and error_name(-failed) not in despite:
        raise RefusedError("route", f"message {number}: {os.strerror(-failed)}", code=error_name(-failed))


def error_name(number: int) -> str:
    """The kernel's error by its name."""
    return errno.errorcode.get(number, str(number))
