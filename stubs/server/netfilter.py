"""Hands changes of the packet filter to the kernel of this network namespace (nfnetlink). Knows no rules of its own.

libnftables asks the kernel for all that it has before it changes one thing. A change that is made ready elsewhere takes
a fraction of that. What a message holds comes with the request; here they get their headers, and their answers.
The standard library alone, to start fast.
"""

from __future__ import annotations

import base64
import binascii
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from stubs.server.refusal import RefusedError
from stubs.server.route import ERROR, HEADER, error_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FAMILY = struct.Struct("!BBH")  # nfgenmsg: family, version, and in the marks of a batch whose it is
_NETFILTER = 12  # NETLINK_NETFILTER
_NFTABLES = 10  # NFNL_SUBSYS_NFTABLES
_INET = 1  # NFPROTO_INET
_BEGIN, _END = 0x10, 0x11  # NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END
_REQUEST, _ANSWER = 0x1, 0x4  # NLM_F_REQUEST, NLM_F_ACK
_WAIT_S = 2.0


class Netfilter:
    """One socket for all changes: when one is closed, the kernel first waits for what earlier changes left behind."""

    def __init__(self) -> None:
        self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
        self._kernel.settimeout(_WAIT_S)
        self._kernel.bind((0, 0))
        self._last = 0

    def send(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Hand the messages over as one transaction: all of them or nothing.

        Args:
            messages: each with `type` (of nf_tables), `flags` (whole numbers) and `attributes` (base64).

        Raises:
            RefusedError: of kind "nft", with the name of the kernel's error as its code; or the request makes no sense.
        """
        before, self._last = self._last, self._last + len(messages)
        try:
            packed = [_packed(number, message) for number, message in enumerate(messages, start=before + 1)]
        except (KeyError, TypeError, ValueError, struct.error, binascii.Error) as error:
            raise RefusedError("request", f"not a message about the packet filter: {error!r}") from error
        try:
            self._kernel.send(b"".join([_mark(_BEGIN, self._last), *packed, _mark(_END, self._last)]))
            left = len(packed)
            while left:
                number, failed = _answer(self._kernel.recv(65536))
                if number <= before:  # of an earlier one, which had failed by then
                    continue
                if failed:
                    said = f"message {number - before}: {os.strerror(-failed)}"
                    raise RefusedError("nft", said, code=error_name(-failed))
                left -= 1
        except OSError as error:
            raise RefusedError("nft", f"no answer of the kernel: {error}", code=error_name(error.errno or 0)) from error


def _answer(answer: bytes) -> tuple[int, int]:
    """Which message was answered, and with which error; 0 means that it was done."""
    _, kind, _, number, _ = HEADER.unpack_from(answer)
    if kind != ERROR:
        raise RefusedError("nft", f"an answer of type {kind}")
    return number, struct.unpack_from("=i", answer, HEADER.size)[0]


def _packed(number: int, message: Mapping[str, Any]) -> bytes:
    content = _FAMILY.pack(_INET, 0, 0) + base64.b64decode(message["attributes"], validate=True)
    kind, flags = _NFTABLES << 8 | message["type"], message["flags"] | _REQUEST | _ANSWER
    return HEADER.pack(HEADER.size + len(content), kind, flags, number, 0) + content


def _mark(kind: int, number: int) -> bytes:
    return HEADER.pack(HEADER.size + _FAMILY.size, kind, _REQUEST, number, 0) + _FAMILY.pack(0, 0, _NFTABLES)
