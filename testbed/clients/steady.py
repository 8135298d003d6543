"""Starts a browser that does not notice when network interfaces come and go: `steady.py PROGRAM ARG…`.

Chromium ends what it is loading (ERR_NETWORK_CHANGED) whenever any interface of the machine changes, and every
container that starts or ends is such a change. It learns of them from a netlink socket, has no option to leave that
be, and takes the network for steady where it gets no such socket. So it gets none: a seccomp filter refuses it. On a
machine whose system calls are not known here nothing is refused, and the browser is as nervous as it comes.

Firefox is told by a preference to leave that be; the filter does it no harm.

It also steps back behind everything else that wants the processors: portals that are driven at a two-hundredth of
their own pace lose each other when they wait for a browser. And it ends with whoever started it, SIGKILL included.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import sys
from pathlib import Path

STEADY = Path(__file__)
"""This program."""

_SOCKET_CALLS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""The kernel's name of an architecture (`audit.h`), and its number of the call `socket`."""

_STEP_BACK = 10
_AF_NETLINK = 16
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_SET_DEATH_SIGNAL = 1
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EAFNOSUPPORT
_CALL_AT, _ARCHITECTURE_AT, _FAMILY_AT = 0, 4, 16


class _Step(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("steps", ctypes.POINTER(_Step)))


def refuse_netlink() -> None:
    """Let this process, and all that it starts, have no netlink socket.

    Raises:
        OSError: the kernel takes no filter.
    """
    known = _SOCKET_CALLS.get(platform.machine())
    if known is None:
        return
    architecture, call = known
    steps = (_Step * 8)(
        _Step(_LOAD, 0, 0, _ARCHITECTURE_AT),
        _Step(_IF_EQUAL, 0, 5, architecture),
        _Step(_LOAD, 0, 0, _CALL_AT),
        _Step(_IF_EQUAL, 0, 3, call),
        _Step(_LOAD, 0, 0, _FAMILY_AT),
        _Step(_IF_EQUAL, 0, 1, _AF_NETLINK),
        _Step(_RETURN, 0, 0, _REFUSE),
        _Step(_RETURN, 0, 0, _ALLOW),
    )
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Filter(len(steps), steps)
    for arguments in ((_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "the kernel takes no seccomp filter")


def end_with_parent() -> None:
    """Have this process, whatever it becomes, killed when the one that started it ends.

    Raises:
        OSError: the kernel does not do that.
    """
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel sends no signal when a parent ends")
    if os.getppid() != parent:  # it ended meanwhile
        raise SystemExit(1)


if __name__ == "__main__":
    end_with_parent()
    os.nice(_STEP_BACK)
    refuse_netlink()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - the browser that was given
