"""Tests of the simulated disks: the stores that they hand on to each other."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from stubs.wire import Site
from testbed.simulator import disk as disks
from testbed.simulator.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _no_idle_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test gets is what it has released itself."""
    monkeypatch.setattr(disks, "_idle", {site: [] for site in Site})


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _with_a_change_taken_back() -> bytes:
    """What is on a secondary's disk that lists one change as taken back."""
    disk = Disk(Site.SECONDARY)
    disk.store.put("contacts", "alice", None, {"name": "Bob"})
    assert disk.store.discard() == 1
    return disk.content()


def test_a_store_is_handed_on() -> None:
    """A new one takes a hundred times as long."""
    disk = Disk(Site.SECONDARY)
    store = disk.store
    disk.rest()
    assert Disk(Site.SECONDARY).store is store


def test_garbage_that_another_thread_collects_gives_its_store_back_whole() -> None:
    """As in a process whose other threads are busy while a walk's worlds are dropped."""
    with _no_collection():
        dropped = Disk(Site.SECONDARY)
        dropped.own_begins()
        dropped.fill(full=True)
        store = dropped.store
        circle: list[object] = [dropped]
        circle.append(circle)  # which only the collector ends
        del dropped, circle
        thread = threading.Thread(target=gc.collect)
        thread.start()
        thread.join()
    taken = Disk(Site.SECONDARY)
    assert taken.store is store
    assert taken.store.put("contacts", "alice", None, {"name": "Bob" * 10_000})  # it grows again


@pytest.mark.parametrize("end", [Disk.begin_again, Disk.rest, Disk.__del__])
def test_the_next_user_of_a_store_knows_nothing_of_what_the_former_did(end: Callable[[Disk], None]) -> None:
    """However the former user let go of it."""
    content = _with_a_change_taken_back()
    former = Disk(Site.SECONDARY)
    former.own_begins()
    store = former.store
    end(former)
    taken = Disk(Site.SECONDARY, image=content)
    assert taken.store is store
    taken.store.discard()
    assert len(taken.store.discarded()) == 1  # would be none if a time of its own serving had begun
