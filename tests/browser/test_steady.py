"""The browser of these tests is not disturbed by containers that come and go."""

from __future__ import annotations

import os
import subprocess
import sys

from testbed.clients.chromium import STEADY

TRY = """
import errno, os, socket
socket.socket(socket.AF_INET).close()
socket.socket(socket.AF_UNIX).close()
try:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
except OSError as refused:
    print(errno.errorcode[refused.errno], os.nice(0))
"""


def test_a_steady_program_gets_no_netlink_socket_and_every_other() -> None:
    """So it cannot be told of an interface, and finds its servers all the same; it gives way to them."""
    command = [sys.executable, str(STEADY), sys.executable, "-c", TRY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own list, no shell
    assert done.stdout == f"EAFNOSUPPORT {os.nice(0) + 10}\n"
