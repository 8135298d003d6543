"""One process at a time makes images: a lock in the cache folder."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from testbed.errors import MissingError, NotInTimeError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOCK_WITHIN_S = 1800
"""So long another process's build is waited for."""


@contextmanager
def alone(cache: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock on making images; the system lets go of it when a process dies.

    Args:
        cache: the folder that the lock's file stands in; made if need be.
        say: told if another process holds it.

    Raises:
        MissingError: the folder cannot be written.
        NotInTimeError: another process held it for too long.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = (cache / "images.lock").open("w")
    except OSError as refused:
        raise MissingError(f"cannot write to {cache} ({refused}); set XDG_CACHE_HOME to a folder that can") from refused
    with lock:
        if not _lock(lock.fileno()):
            say("another process makes images; waiting for it")
            try:
                wait_until(
                    lambda: _lock(lock.fileno()),
                    bool,
                    within_s=LOCK_WITHIN_S,
                    every_s=0.1,
                    what="the images' lock",
                )
            except NotInTimeError as late:
                raise NotInTimeError(f"another process has been making images for too long: {late}") from late
        yield


@contextmanager
def if_free(cache: Path) -> Iterator[bool]:
    """Hold the lock on making images while this block runs, unless somebody has it; whether nobody makes any meanwhile.

    Where there is no such folder, or it is not ours to write, nobody makes images by it.
    """
    try:
        lock = (cache / "images.lock").open("w")
    except OSError:
        yield True
        return
    with lock:
        yield _lock(lock.fileno())


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
