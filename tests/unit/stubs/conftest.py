"""Portals that were not started, closed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stubs.wire import Site
from tests.unit.stubs.portals import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The primary's portal, serving."""
    made = Bench(tmp_path)
    made.serve()
    yield made
    made.store.database.close()


@pytest.fixture
def passive(tmp_path: Path) -> Iterator[Bench]:
    """The secondary's portal in normal running."""
    made = Bench(tmp_path, Site.SECONDARY)
    made.stand_by()
    yield made
    made.store.database.close()
