"""The core's configuration on disk: versioned, saved atomically. One file, nothing else."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import msgspec

from stubs.core.configuration import Configuration
from stubs.decoding import decode

if TYPE_CHECKING:
    from pathlib import Path


class Saved(msgspec.Struct, frozen=True):
    """A configuration and its version; each save makes the next version.

    Attributes:
        version: counts the saves.
        configuration: the whole.
        installed: the version that the last factory reset made; the first one if there was none.
    """

    version: int
    configuration: Configuration
    installed: int = 1


class StaleError(Exception):
    """Somebody saved since this configuration was loaded; load again."""


class ConfigurationFile:
    """The one place where a core keeps its configuration.

    Args:
        path: the file; written at the first start.
        installed: the configuration after installation.
    """

    def __init__(self, path: Path, installed: Configuration) -> None:
        self._path = path
        self._installed = installed
        self._lock = threading.Lock()
        if path.exists():
            self._saved = decode(path.read_bytes(), Saved)
        else:
            self._saved = Saved(1, installed)
            self._write(self._saved)

    @property
    def saved(self) -> Saved:
        """What is in force."""
        return self._saved

    def save(self, configuration: Configuration, *, loaded: int) -> Saved:
        """Replace the version that was loaded; on disk when this returns (CFG-8).

        Raises:
            StaleError: another version is in force.
        """
        with self._lock:
            if loaded != self._saved.version:
                raise StaleError(f"version {loaded} was loaded, version {self._saved.version} is in force")
            following = Saved(loaded + 1, configuration, self._saved.installed)
            self._write(following)
            self._saved = following
        return following

    def reset(self) -> None:
        """Back to the configuration after installation, as a further version."""
        with self._lock:
            version = self._saved.version + 1
            self._saved = Saved(version, self._installed, version)
            self._write(self._saved)

    def _write(self, saved: Saved) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(saved))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
