"""Folders that killed processes left on this machine, and their removal: certificates, and what was temporary."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from testbed import owner
from testbed.owner import Standing, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from pathlib import Path


def forget_beds(
    folder: Path, *, up: Callable[[], Container[str]], name: str = "*", look_only: bool = False
) -> list[str]:
    """Remove the certificates of topologies that are gone; attaching to one that is up would write them again.

    A topology writes them when all its containers are there. So a folder that was there before its name is asked for,
    which is just before it goes, is of none that is up or comes up.

    Args:
        folder: holds one folder a topology.
        up: the names of those that are up now.
        name: only of the topology of this name.
        look_only: remove nothing, and say what would be.

    Returns:
        Paths of what was removed.
    """
    return removed((each for each in _entries(folder, name) if each.name not in up()), look_only=look_only)


def forget_temporary(folder: Path, *, of: str = "", look_only: bool = False) -> list[str]:
    """Remove folders for the time being whose process is gone.

    Args:
        folder: where the system has such things.
        of: only those of this process (`testbed.owner`).
        look_only: remove nothing, and say what would be.

    Returns:
        Paths of what was removed.
    """
    gone = [
        each
        for each in _entries(folder, f"{owner.PREFIX}{of}*")
        if each.lstat().st_uid == os.getuid() and standing(each.name.removeprefix(owner.PREFIX)) is Standing.GONE
    ]
    return removed(gone, look_only=look_only)


def removed(folders: Iterable[Path], *, look_only: bool) -> list[str]:
    """Remove folders, one after the other.

    Args:
        folders: which.
        look_only: remove nothing, and say what would be.

    Returns:
        Paths of what was removed.
    """
    found = []
    for each in folders:
        found.append(str(each))
        if not look_only:
            shutil.rmtree(each, ignore_errors=True)
    return found


def _entries(folder: Path, pattern: str) -> list[Path]:
    """The folders in a folder; no links, as they may lead to somebody's."""
    return [each for each in sorted(folder.glob(pattern)) if each.is_dir() and not each.is_symlink()]
