"""Which runs are alive: each holds a lock on a file of its own, which its end releases, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import uuid
from typing import TYPE_CHECKING

from testbed.engine.janitor import Janitor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def run(folder: Path) -> Iterator[tuple[str, Janitor]]:
    """A run: its id, and the janitor that removes what carries it when the block is left or this process dies.

    Args:
        folder: where the locks are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    identity = uuid.uuid4().hex
    path = folder / identity
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with Janitor.watch(identity) as janitor:
                yield identity, janitor
        finally:
            path.unlink(missing_ok=True)


def is_alive(folder: Path, identity: str) -> bool:
    """Whether the process of a run still holds its lock."""
    path = folder / identity
    if not path.exists():
        return False
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
