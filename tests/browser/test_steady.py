"""The browsers of these tests are not disturbed by containers that come and go, and outlive nobody."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from testbed.clients.steady import STEADY
from testbed.waiting import wait_until

TRY = """
import errno, os, socket
socket.socket(socket.AF_INET).close()
socket.socket(socket.AF_UNIX).close()
try:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
except OSError as refused:
    print(errno.errorcode[refused.errno], os.nice(0))
"""

START = """
import subprocess, sys
program = "import signal; print(flush=True); signal.pause()"
command = [sys.executable, sys.argv[1], sys.executable, "-c", program]
started = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
started.stdout.readline()
print(started.pid, flush=True)
input()
"""


def test_a_steady_program_gets_no_netlink_socket_and_every_other() -> None:
    """So it cannot be told of an interface, and finds its servers all the same; it gives way to them."""
    command = [sys.executable, str(STEADY), sys.executable, "-c", TRY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own list, no shell
    assert done.stdout == f"EAFNOSUPPORT {os.nice(0) + 10}\n"


def test_a_steady_program_ends_with_whoever_started_it() -> None:
    """Though killed, which leaves no time to clear up, and though the program is in a group of its own."""
    command = [sys.executable, "-c", START, str(STEADY)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:  # noqa: S603 - as above
        assert starter.stdout is not None
        program = int(starter.stdout.readline())
        assert runs(program)
        starter.kill()
    try:
        wait_until(lambda: runs(program), lambda still: not still, within_s=10, what="the program to end")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(program, signal.SIGKILL)


def runs(process: int) -> bool:
    """Whether a process is there, and no mere entry of one that ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
