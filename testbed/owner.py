"""Whose something is: the process that made it, told so that others can find out later whether that still lives.

A number alone does not tell: it is given out again, it counts in one namespace only, and it means nothing on another
machine or after a restart of this one. Who cannot be looked at from here is unknown, which is never dead.
"""

from __future__ import annotations

import contextlib
import enum
import os
import re
from dataclasses import dataclass
from pathlib import Path

PREFIX = "testbed-of-"
"""Begins the name of every folder for the time being; its owner follows."""

_FORM = re.compile(r"(?P<boot>[0-9a-f-]+)_(?P<world>[0-9]+\.[0-9]+)_(?P<pid>[1-9][0-9]{0,8})_(?P<began>[0-9]+)")
_PROC = Path("/proc")
_ENDED = frozenset("ZXx")


class Standing(enum.Enum):
    """What is known of an owner."""

    LIVES = "lives"
    GONE = "gone"
    UNKNOWN = "unknown"
    """It is of another machine, an earlier start of this one, or a namespace that cannot be looked into from here."""


@dataclass(frozen=True)
class Owner:
    """A process.

    Attributes:
        boot: which start of which machine.
        world: the namespaces that its number and its clock belong to.
        pid: its number there.
        began: when it started, in clock ticks after the machine.
    """

    boot: str
    world: str
    pid: int
    began: int

    def __str__(self) -> str:
        """In letters that may stand in a label and in the name of a file."""
        return f"{self.boot}_{self.world}_{self.pid}_{self.began}"


def this_process() -> Owner:
    """This one."""
    _, began = _state_of(os.getpid()) or ("", 0)
    return Owner(_boot(), _world(), os.getpid(), began)


def folder_prefix() -> str:
    """What the name of a folder for the time being begins with, so that it is found when this process was killed."""
    return f"{PREFIX}{this_process()}_"


def standing(text: str | None) -> Standing:
    """What is known of an owner.

    Args:
        text: as it was written down, maybe with more behind it; `None`: nobody wrote it down.
    """
    found = _FORM.match(text or "")
    if found is None or (found["boot"], found["world"]) != (_boot(), _world()):
        return Standing.UNKNOWN
    pid = int(found["pid"])
    try:
        os.kill(pid, 0)  # the signal that is none: this sees processes of others that /proc may hide
    except ProcessLookupError:
        return Standing.GONE
    except PermissionError:
        pass
    seen = _state_of(pid)
    if seen is None:
        return Standing.UNKNOWN
    state, began = seen
    return Standing.GONE if state in _ENDED or began != int(found["began"]) else Standing.LIVES


def _state_of(pid: int) -> tuple[str, int] | None:
    """The state of a process and when it began; nothing, if it cannot be seen."""
    with contextlib.suppress(OSError):
        fields = (
            (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        )  # the program's name may hold spaces
        return fields[0], int(fields[19])
    return None


def _boot() -> str:
    with contextlib.suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return ""


def _world() -> str:
    """The inodes of both namespaces; a clock of its own is younger than some kernels."""
    return ".".join(_namespace(name) for name in ("pid", "time"))


def _namespace(name: str) -> str:
    with contextlib.suppress(OSError):
        return re.sub(r"\D", "", os.readlink(_PROC / "self/ns" / name))  # noqa: PTH115 - no path: "pid:[4026531836]"
    return "0"
