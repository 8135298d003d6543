"""Which runs are alive: each holds a lock on a file of its own, which its end releases, however it ends.

The file stands until nothing of the run is left, or all of it is to be kept: one that nobody holds tells of left-overs.
Of a run whose file is not here, as it may have another state folder, the owner of what it made tells (`testbed.owner`).
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import uuid
from typing import IO, TYPE_CHECKING

from testbed.engine.janitor import Janitor
from testbed.owner import Standing, standing

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator
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
    with _held(path), Janitor.watch(identity, mark=path) as janitor:
        yield identity, janitor


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


def forget_dead(folder: Path, *, left: Container[str] = ()) -> list[Path]:
    """Remove the locks of runs that were killed.

    Args:
        folder: where the locks are.
        left: runs of which something is still there: theirs stay.

    Returns:
        What was removed.
    """
    removed = []
    for path in dead(folder):
        if path.name not in left:
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def dead(folder: Path) -> list[Path]:
    """The locks of runs that were killed, or that could not remove what they made."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in paths if fate(folder, path.name) is Fate.DIED]


class Fate(enum.Enum):
    """What became of a run."""

    ALIVE = "alive"
    DIED = "died"
    """It ended, and did not remove what it made."""
    ENDED = "ended"
    """Its process is gone, and either it ended as it should, or its lock is in another state folder."""
    UNKNOWN = "unknown"
    """Nobody can tell here whether it lives: it may."""


def fate(folder: Path, identity: str, *, owners: Collection[str | None] = ()) -> Fate:
    """What became of a run: whether its process still holds its lock, and whether the lock is still there.

    Args:
        folder: where the locks are.
        identity: of the run.
        owners: of what it made, as their labels say; they count where its lock is not here.
    """
    try:
        with (folder / identity).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return _by_owners(owners)
    except BlockingIOError:
        return Fate.ALIVE
    return Fate.DIED


def _by_owners(owners: Collection[str | None]) -> Fate:
    seen = {standing(owner) for owner in owners} or {Standing.UNKNOWN}
    if Standing.LIVES in seen:
        return Fate.ALIVE
    return Fate.UNKNOWN if Standing.UNKNOWN in seen else Fate.ENDED
