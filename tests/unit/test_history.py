"""The history of a run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from testbed import history
from testbed.errors import MisuseError
from testbed.history import SCHEMA, History, read

if TYPE_CHECKING:
    from pathlib import Path

_WRITER = """
import sys
from pathlib import Path
from testbed.history import History
history = History(Path(sys.argv[1]))
for n in range(20):
    history.record("tick", n=n)
print("written", flush=True)
sys.stdin.read()
"""


class _SetClock:
    def wall(self) -> datetime:
        return datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

    def monotonic_ms(self) -> float:
        return 1234.5


def test_history_stamps_every_record_with_both_clocks(tmp_path: Path) -> None:
    """A record carries wall time in ISO 8601 and monotonic milliseconds, beside its fields."""
    path = tmp_path / "h.jsonl"
    with History(path, clock=_SetClock()) as history:
        history.record("fault", server="primary")
    schema, fault = read(path)
    assert schema.fields == {"schema": SCHEMA}
    assert (fault.kind, fault.at, fault.monotonic_ms) == ("fault", "2030-01-02T03:04:05+00:00", 1234.5)
    assert fault.fields == {"server": "primary"}


def test_history_pairs_an_operation_by_its_id(tmp_path: Path) -> None:
    """Two operations under way at once are told apart by their ids."""
    path = tmp_path / "h.jsonl"
    with History(path) as history:
        first, second = history.invoke("change", key="a"), history.invoke("change", key="b")
        history.complete(second, "info")
        history.complete(first, "ok", id=7)
    ended = [(record.kind, record.fields["op"]) for record in read(path)[3:]]
    assert ended == [("info", second), ("ok", first)]
    assert first != second


def test_history_is_readable_up_to_the_last_full_line(tmp_path: Path) -> None:
    """A line that a crash cut short is dropped, and the ones before it are kept."""
    path = tmp_path / "h.jsonl"
    with History(path) as history:
        history.record("kept")
        history.record("cut")
    path.write_bytes(path.read_bytes()[:-9])
    assert [record.kind for record in read(path)] == ["history", "kept"]


def test_history_survives_a_sigkill_of_its_writer(tmp_path: Path) -> None:
    """Every record that was written before a SIGKILL is in the file, though nobody closed it."""
    path = tmp_path / "h.jsonl"
    with subprocess.Popen(  # noqa: S603 -- our own interpreter and text
        [sys.executable, "-c", _WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
    assert [record.fields["n"] for record in read(path)[1:]] == list(range(20))


def test_history_keeps_lines_whole_and_in_order_between_threads(tmp_path: Path) -> None:
    """Records of many threads never mix, and stand in the order of their stamps."""
    path = tmp_path / "h.jsonl"
    with History(path) as history:

        def write(thread: int) -> None:
            for n in range(100):
                history.complete(history.invoke("work", thread=thread, n=n), "ok")

        threads = [threading.Thread(target=write, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    records = read(path)
    assert len(records) == 1 + 8 * 100 * 2
    stamps = [record.monotonic_ms for record in records]
    assert stamps == sorted(stamps)
    assert len({record.fields["op"] for record in records if record.kind == "invoke"}) == 800


def test_history_refuses_a_file_that_exists(tmp_path: Path) -> None:
    """A second run never writes into the first one's history."""
    path = tmp_path / "h.jsonl"
    History(path).close()
    before = path.read_bytes()
    with pytest.raises(MisuseError, match="already"):
        History(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("fields", [{"at": "now"}, {"monotonic_ms": 1}, {"value": object()}])
def test_history_refuses_a_record_it_could_not_read_back(tmp_path: Path, fields: dict[str, object]) -> None:
    """A reserved name or a value that is not JSON is refused, and leaves no line behind."""
    path = tmp_path / "h.jsonl"
    with History(path) as history, pytest.raises(MisuseError):
        history.record("bad", **fields)
    assert len(read(path)) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json\n",
        b'{"kind": "tick", "at": "", "monotonic_ms": 0}\n',
        b'{"kind": "history", "at": "", "monotonic_ms": 0, "schema": 999}\n',
        b'{"kind": "history", "at": "", "monotonic_ms": 0, "schema": 1}\nbroken\n{}\n',
    ],
)
def test_history_reader_refuses_what_is_no_history_of_its_schema(tmp_path: Path, content: bytes) -> None:
    """An empty, foreign, newer or damaged file is an error, never a short history."""
    path = tmp_path / "h.jsonl"
    path.write_bytes(content)
    with pytest.raises(MisuseError):
        read(path)


def test_history_lines_are_plain_json(tmp_path: Path) -> None:
    """Other tools can read the file line by line."""
    path = tmp_path / "h.jsonl"
    with History(path) as history:
        history.record("screen", detail="Grüße\nzwei Zeilen")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["history", "screen"]


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_a_history_is_read_the_same_in_pieces_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Lines go on across them; a damaged one is named by its number, and half a line at the end is left out."""
    path = tmp_path / "h.jsonl"
    with History(path) as written:
        for number in range(5):
            written.record("note", number=number)
    whole = read(path)
    monkeypatch.setattr(history, "_CHUNK", chunk)
    assert read(path) == whole
    path.write_bytes(path.read_bytes() + b'{"kind": "not')
    assert read(path) == whole
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(MisuseError, match="line 7"):
        read(path)
