"""A TLS socket of the testbed's own side is never left open."""

from __future__ import annotations

import socket
import struct

import pytest

from testbed.tls import client_context
from testbed.waiting import wait_until

HERE = "127.0.0.1"


def test_who_was_reset_before_the_handshake_leaves_no_socket() -> None:
    """Every test counts a socket that was left open as its failure, so this one speaks for itself."""
    with socket.create_server((HERE, 0)) as server:
        plain = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        wait_until(lambda: _is_reset(plain), bool, within_s=5, what="the reset")
        with pytest.raises(ConnectionError):
            client_context().wrap_socket(plain, server_hostname=HERE)


def _is_reset(plain: socket.socket) -> bool:
    try:
        plain.getpeername()
    except OSError:
        return True
    return False
