"""Starts clients, and sees whether processes live."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from testbed.conformance.command import Command, Order
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from testbed.conformance.acts import Ended


class Start(Protocol):
    """Starts a program."""

    def __call__(self, *arguments: str, **order: Any) -> Command:
        """With these arguments."""


def order(folder: Path, *arguments: str, **more: Any) -> Order:
    """What is to be run, which prints to a folder."""
    fields = {"environ": {}, "out": str(folder / "client.out"), "err": str(folder / "client.err"), **more}
    return Order(arguments=arguments, **fields)


def lives(pid: int) -> bool:
    """Whether there is such a process, zombies not counted."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def numbers(path: Path, count: int) -> list[int]:
    """So many process numbers, as soon as they are printed."""
    what = f"{count} process numbers"
    lines = wait_until(
        lambda: path.read_text().split() if path.exists() else [],
        lambda seen: len(seen) == count,
        within_s=20,
        what=what,
    )
    return [int(line) for line in lines]


def gone(pids: list[int]) -> None:
    """Wait until none of them lives."""
    wait_until(lambda: [pid for pid in pids if lives(pid)], lambda left: not left, within_s=10, what="nobody")


def ended(command: Command) -> Ended:
    """How it ended, once it has."""
    found = wait_until(command.ended, lambda seen: seen is not None, within_s=10, what="the end")
    assert found is not None
    return found
