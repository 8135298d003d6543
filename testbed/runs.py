"""Which runs are alive: each holds a lock on a file of its own, which its end releases, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import uuid
from typing import IO, TYPE_CHECKING

from testbed.engine.janitor import Janitor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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
    with _held(path):
        try:
            with Janitor.watch(identity) as janitor:
                yield identity, janitor
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def to_the_end(identities: Iterable[str]) -> Iterator[None]:
    """What runs created is removed while this block runs; if this process dies in it, janitors go on with that.

    Args:
        identities: of the runs.

    Raises:
        MissingError: no janitor starts; nothing was removed yet.
    """
    with contextlib.ExitStack() as stack:
        janitors = [stack.enter_context(Janitor.watch(identity)) for identity in identities]
        for janitor in janitors:
            janitor.confirm()
        try:
            yield
        except Exception:
            for janitor in janitors:
                janitor.keep()  # whoever tried says what could not be removed; it would fail again
            raise
        for janitor in janitors:
            janitor.keep()


def _held(path: Path) -> IO[str]:
    while True:
        lock = path.open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return lock
        lock.close()  # somebody took it for a dead run's, between the opening and the lock


def forget_dead(folder: Path) -> None:
    """Remove the locks of runs that were killed."""
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError), path.open() as lock:  # held, or gone by itself
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def is_alive(folder: Path, identity: str) -> bool:
    """Whether the process of a run still holds its lock."""
    try:
        with (folder / identity).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
