"""Switches Python's search for cycles off while much is made that holds none. Changes nothing else."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """No search for cycles while the block runs: among many values it takes longer than what is done with them."""
    searches = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searches:
            gc.enable()
