"""Faults on a server's own volume: a disk that is full, a service that starts slowly. Run by an exec, not by a service.

    python3 -m stubs.server.volume fill             take all that is left of the disk
    python3 -m stubs.server.volume empty            give it back
    python3 -m stubs.server.volume probe            try to write a byte
    python3 -m stubs.server.volume slow core 2500   let every start of a service take so many milliseconds longer
    python3 -m stubs.server.volume swift core       let it take no longer than usual, one that is under way included

Says what it did as one JSON object, `{"error": …}` if it could not. Works as the stubs' own user, without a
capability, and in the server container, which no fault ever ends. What is in force is a file in `installation.FAULTS`,
written before the deed: so anybody can see and heal it, whoever did it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

from stubs.installation import DATA, FAULTS, FULL_DISK, slow_start

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 64 << 20
"""A disk of more bytes is none that a topology made to be filled up."""

_FILLER, _PROBE = "filler", "probe"
_CHUNK = bytes(1 << 20)
_BUSY_S = 5.0


class RefusedError(Exception):
    """It makes no sense here."""


def fill(disk: Path, faults: Path) -> dict[str, Any]:
    """Take all that is left of the disk; the bytes taken.

    Raises:
        RefusedError: it is not a disk of its own: the machine's would be filled.
    """
    if not disk.is_mount() or shutil.disk_usage(disk).total > LARGEST:
        raise RefusedError("the server has no small disk of its own")
    mark(faults / FULL_DISK, "")
    for database in disk.rglob("*.sqlite"):
        shed(database)
    return {"taken": take(disk / _FILLER)}


def shed(database: Path) -> None:
    """Give back what a database holds in reserve: its log would take changes that need no new room on the disk.

    Raises:
        RefusedError: somebody reads or writes all the time.
    """
    with contextlib.closing(sqlite3.connect(database, timeout=_BUSY_S)) as db:
        (busy, _pages, _moved) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise RefusedError(f"{database.name} is too busy to give back what it holds in reserve")


def take(filler: Path) -> int:
    """Write until nothing more is taken; how much the file holds then."""
    with filler.open("ab", buffering=0) as file:
        while True:
            try:
                file.write(_CHUNK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return os.fstat(file.fileno()).st_size


def empty(disk: Path, faults: Path) -> dict[str, Any]:
    """Give back what `fill` took; nothing happens to a disk that is not full."""
    (disk / _FILLER).unlink(missing_ok=True)
    (faults / FULL_DISK).unlink(missing_ok=True)
    return {}


def probe(disk: Path) -> dict[str, Any]:
    """Whether the disk takes a byte; if not, the system's word for why."""
    path = disk / _PROBE
    try:
        with path.open("wb", buffering=0) as file:
            file.write(b"?")
            os.fsync(file.fileno())
    except OSError as error:
        return {"why": errno.errorcode.get(error.errno or 0, str(error))}
    finally:
        path.unlink(missing_ok=True)
    return {"why": ""}


def mark(path: Path, text: str) -> None:
    """Write down that a fault is in force; at once and as a whole, as a service may read it meanwhile."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def carry_out(words: list[str], disk: Path, faults: Path) -> dict[str, Any]:
    """Do what the command line asks.

    Raises:
        RefusedError: it makes no sense.
        OSError, sqlite3.Error, ValueError: it could not be done.
    """
    match words:
        case ["fill"]:
            return fill(disk, faults)
        case ["empty"]:
            return empty(disk, faults)
        case ["probe"]:
            return probe(disk)
        case ["slow", service, duration_ms]:
            mark(faults / slow_start(service), f"{int(duration_ms)}\n")
            return {}
        case ["swift", service]:
            (faults / slow_start(service)).unlink(missing_ok=True)
            return {}
    raise RefusedError(f"unknown: {' '.join(words)}")


def main() -> None:
    """Do it and say so."""
    try:
        said = carry_out(sys.argv[1:], DATA, FAULTS)
    except (RefusedError, OSError, sqlite3.Error, ValueError) as error:
        said = {"error": str(error)}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    sys.stdin.read()  # whoever asked has read it: what a program says last that ends at once may be lost


if __name__ == "__main__":
    main()
