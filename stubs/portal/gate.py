"""A gate that can be shut with certainty: once `shut` returns, nobody is inside any more."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class ShutError(Exception):
    """The gate is shut; nothing was done."""


class Gate:
    """Shut at first. Many may be inside at once."""

    def __init__(self) -> None:
        self._open = False
        self._inside = 0
        self._moved = threading.Condition()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Be inside while the block runs.

        Raises:
            ShutError: the gate is shut.
        """
        with self._moved:
            if not self._open:
                raise ShutError
            self._inside += 1
        try:
            yield
        finally:
            with self._moved:
                self._inside -= 1
                self._moved.notify_all()

    def open(self) -> None:
        """Let callers in."""
        with self._moved:
            self._open = True

    def shut(self) -> None:
        """Let nobody in any more, and wait until all have left."""
        with self._moved:
            self._open = False
            self._moved.wait_for(lambda: self._inside == 0)
