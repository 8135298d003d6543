"""Gives a process, and all that it starts, an /etc/hosts of its own; nobody else on the machine sees it.

In a mount namespace of its own the file is covered by another one: as root at once, else in a user namespace in which
everybody is who they were. Whether it helps is proved by resolving, in a child first: what fails half way there harms
nobody. Standard library only; no threads may run.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HOSTS = "/etc/hosts"

PROOF_S = 5
"""How long it may take to resolve every name, in seconds."""

_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000
_BIND, _RECURSIVE, _SLAVE = 0x1000, 0x4000, 0x80000

_libc = ctypes.CDLL(None, use_errno=True)


def why_not(file: Path, names: Mapping[str, str]) -> str:
    """Why a process cannot resolve these names by that file; empty: it can. Tries it out in a child.

    Args:
        file: what is to stand in the place of /etc/hosts.
        names: each with the address that it must lead to.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _try(write, file, names)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        said = told.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    return said or (f"they were not resolved in {PROOF_S} s" if status else "")


def give(file: Path) -> None:
    """Let this process and all that it starts see a file in the place of /etc/hosts. There is no way back.

    Raises:
        OSError: it may not, or there is nothing whose place could be taken.
    """
    user, group = os.geteuid(), os.getegid()
    if not _unshare(_NEW_MOUNTS):
        _check(_unshare(_NEW_USERS | _NEW_MOUNTS), "a mount namespace of its own")
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    # What the machine mounts later is seen here, and nothing of this is seen there.
    _check(_mount(None, "/", _RECURSIVE | _SLAVE), "mounts of its own")
    _check(_mount(os.fsencode(file), HOSTS, _BIND), f"a {HOSTS} of its own")


def _try(write: int, file: Path, names: Mapping[str, str]) -> None:
    """The child's part; it ends here."""
    try:
        signal.alarm(PROOF_S)  # a resolver that asks the network may take its time
        give(file)
        for name, address in names.items():
            found = {str(one[4][0]) for one in socket.getaddrinfo(name, None, socket.AF_INET)}
            if found != {address}:
                os.write(write, f"{name} leads to {', '.join(found)}, whatever {HOSTS} says".encode())
    except socket.gaierror as error:
        os.write(write, f"what is in {HOSTS} is not resolved here ({error}): see nsswitch.conf".encode())
    except OSError as error:
        os.write(write, f"{error.strerror or error}".encode())
    except Exception as error:  # noqa: BLE001 - whatever it is, names are not resolved, and this process ends here
        os.write(write, repr(error).encode())
    finally:
        os._exit(0)


def _unshare(what: int) -> bool:
    return not _libc.unshare(what)


def _mount(source: bytes | None, target: str, flags: int) -> bool:
    return not _libc.mount(source, target.encode(), None, ctypes.c_ulong(flags), None)


def _check(is_done: bool, what: str) -> None:  # noqa: FBT001 - read as the condition it is
    if not is_done:
        number = ctypes.get_errno()
        hint = " (not permitted here)" if number in (errno.EPERM, errno.EACCES) else ""
        raise OSError(number, f"it cannot have {what}{hint}: {os.strerror(number)}")
