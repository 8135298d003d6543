"""Keeps what a program prints in a file of a bounded size: its beginning and its end. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 4 * 1024 * 1024
"""How much of the beginning is kept."""

LAST_BYTES = 4096
"""How much of the end is kept beside."""

LAST_LINES = 5
"""How many lines are told when the program has ended."""


class Printed:
    """What one program prints to one file.

    Args:
        path: of the file; made anew.
        most: how many bytes are written as they come.
    """

    def __init__(self, path: Path, *, most: int = MOST_BYTES) -> None:
        self._file = path.open("wb", buffering=0)
        self._room = most
        self._left_out = 0
        self._last = b""

    def add(self, data: bytes) -> None:
        """Take in more of it."""
        now, later = data[: self._room], data[self._room :]
        if self._write(now):
            self._room -= len(now)
            self._left_out += len(later)
        else:
            self._room = 0
            self._left_out += len(data)
        self._last = (self._last + data)[-LAST_BYTES:]

    def last_lines(self) -> list[str]:
        """The last few lines that are not empty, as far as they lie in the last few kilobytes."""
        return [line for line in self._last.decode(errors="replace").splitlines() if line.strip()][-LAST_LINES:]

    def close(self) -> None:
        """Write how much was left out, and the end of it."""
        if self._left_out:
            end = self._last[-self._left_out :]
            gap = self._left_out - len(end)
            self._write(f"\n[{gap} bytes are left out here]\n".encode() if gap else b"")
            self._write(end)
        self._file.close()

    def _write(self, data: bytes) -> bool:
        """Whether it could be written: a full disk ends no client, and no keeper of one."""
        try:
            self._file.write(data)
        except OSError:
            return False
        return True
