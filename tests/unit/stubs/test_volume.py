"""The faults on a server's volume: what fills a disk gives all of it back, and only a small disk is filled."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, Self

import pytest

from stubs.server import volume


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Where services keep their data."""
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


@pytest.fixture
def faults(tmp_path: Path) -> Path:
    """Where it is written which faults are in force; not there yet."""
    return tmp_path / "faults"


@pytest.fixture
def harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the code ever be wrong, the test must not fill the machine's disk."""
    monkeypatch.setattr(volume, "take", lambda _filler: pytest.fail("the machine's disk was about to be filled up"))


@pytest.fixture
def small(disk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as a disk of its own that takes 3 MiB in a file."""
    monkeypatch.setattr(Path, "is_mount", lambda path: path == disk)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(total=3 << 20))
    opened = Path.open

    class Bounded:
        def __init__(self, file: Any) -> None:
            self._file = file

        def write(self, data: bytes) -> int:
            if self._file.seek(0, 2) + len(data) > 3 << 20:
                raise OSError(errno.ENOSPC, "No space left on device")
            return int(self._file.write(data))

        def fileno(self) -> int:
            return int(self._file.fileno())

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

    def bounded(path: Path, *args: Any, **options: Any) -> Any:
        file = opened(path, *args, **options)
        return Bounded(file) if path.parent == disk else file

    monkeypatch.setattr(Path, "open", bounded)
    return disk


@pytest.mark.usefixtures("harmless")
@pytest.mark.parametrize("is_mount", [False, True])
def test_a_disk_that_is_not_small_is_never_filled(
    disk: Path, faults: Path, monkeypatch: pytest.MonkeyPatch, *, is_mount: bool
) -> None:
    """It would be the machine's own, mounted there or not."""
    monkeypatch.setattr(Path, "is_mount", lambda _path: is_mount)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(total=volume.LARGEST + 1))
    with pytest.raises(volume.RefusedError, match="no small disk of its own"):
        volume.carry_out(["fill"], disk, faults)
    assert list(disk.iterdir()) == []
    assert not faults.exists()


def test_what_fills_a_disk_takes_all_and_gives_it_back(small: Path, faults: Path) -> None:
    """It is written down before, and no word of it is left afterwards; healing twice does no harm."""
    assert volume.carry_out(["fill"], small, faults) == {"taken": 3 << 20}
    assert [path.name for path in faults.iterdir()] == ["full-disk"]
    for _ in range(2):
        assert volume.carry_out(["empty"], small, faults) == {}
    assert [*small.iterdir(), *faults.iterdir()] == []


def test_a_database_gives_up_what_it_holds_in_reserve(small: Path, faults: Path) -> None:
    """Its write-ahead log would take changes although the disk is full; no row of it is lost."""
    path = small / "portal.sqlite"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE items (body TEXT)")
    writer.execute("INSERT INTO items VALUES (?)", ("x" * 100_000,))
    log = path.with_name("portal.sqlite-wal")
    assert log.stat().st_size > 100_000
    volume.carry_out(["fill"], small, faults)
    assert log.stat().st_size == 0
    assert writer.execute("SELECT length(body) FROM items").fetchall() == [(100_000,)]
    writer.close()


def test_a_database_that_cannot_give_it_up_is_told(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk would look full and take changes all the same."""
    monkeypatch.setattr(volume, "_BUSY_S", 0.05)
    path = small / "portal.sqlite"
    reader, writer = (sqlite3.connect(path, isolation_level=None) for _ in range(2))
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE items (body TEXT)")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM items").fetchall()
    writer.execute("INSERT INTO items VALUES ('x')")
    with pytest.raises(volume.RefusedError, match=r"portal\.sqlite is too busy"):
        volume.shed(path)
    reader.close()
    writer.close()


def test_a_probe_says_why_a_byte_was_not_taken(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the system's word; it leaves nothing behind."""

    def full(_file: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert volume.probe(disk) == {"why": ""}
    monkeypatch.setattr("os.fsync", full)
    assert volume.probe(disk) == {"why": "ENOSPC"}
    assert list(disk.iterdir()) == []


def test_slow_starts_are_a_file_that_a_service_looks_for(disk: Path, faults: Path) -> None:
    """For this service alone; and it goes again, even twice."""
    volume.carry_out(["slow", "core", "2500"], disk, faults)
    assert {path.name: path.read_text() for path in faults.iterdir()} == {"slow-core": "2500\n"}
    for _ in range(2):
        volume.carry_out(["swift", "core"], disk, faults)
    assert list(faults.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["burn"], ["slow", "core"], ["slow", "core", "soon"]])
def test_what_makes_no_sense_is_refused(words: list[str], disk: Path, faults: Path) -> None:
    """And does nothing."""
    with pytest.raises((volume.RefusedError, ValueError)):
        volume.carry_out(words, disk, faults)
    assert not faults.exists()
