"""Pictures of a story, step by step, as files: `STORY-NUMBER-STEP.png`."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Photographed(Protocol):
    """What a picture can be taken of: a page."""

    def screenshot(self) -> bytes:
        """A picture of it (PNG)."""


class Album:
    """Takes a picture of each step.

    Args:
        folder: where they go; made with the first.
        story: what the steps belong to.
    """

    def __init__(self, folder: Path, story: str) -> None:
        self._folder = folder
        self._story = story
        self._number = itertools.count(1)

    def take(self, page: Photographed, step: str) -> Path:
        """What the page shows now; where the picture lies."""
        return self.keep(page.screenshot(), step)

    def keep(self, picture: bytes, step: str) -> Path:
        """Put a picture in; where it lies."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{slug(self._story)}-{next(self._number)}-{slug(step)}.png"
        path.write_bytes(picture)
        return path


def slug(text: str) -> str:
    """The text as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-")
