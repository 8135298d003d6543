"""Types are worked out by one thread, however many read them first."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from stubs.decoding import convert, decode

THREADS, TYPES = 4, 150

AT_ONCE = f"""
import msgspec, sys, threading
from stubs.decoding import convert, decode

sys.setswitchinterval(1e-6)
ONE = {{"a": 1, "b": "x", "c": [1, 2], "d": {{"k": 1}}}}
WHOLE = {{"x": ONE, "y": [ONE, ONE], "z": 3}}
TEXT = msgspec.json.encode(WHOLE)

def fresh(number):
    parts = [("a", int), ("b", str), ("c", tuple[int, ...]), ("d", dict[str, int])]
    part = msgspec.defstruct(f"Part{{number}}", parts, frozen=True)
    return msgspec.defstruct(f"Whole{{number}}", [("x", part), ("y", tuple[part, ...]), ("z", int)], frozen=True)

read = 0
for number in range({TYPES}):
    kind, start = fresh(number), threading.Barrier({THREADS})

    def run(read_one):
        global read
        start.wait()
        assert read_one().y[1].c == (1, 2)
        read += 1

    ways = [lambda: decode(TEXT, kind), lambda: convert(WHOLE, kind)] * ({THREADS} // 2)
    threads = [threading.Thread(target=run, args=(way,)) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("read", read)
"""


def test_threads_may_be_the_first_to_read_a_type_together() -> None:
    """With msgspec's own functions in their place this ends by SIGSEGV."""
    ended = subprocess.run(  # noqa: S603 - the text above
        [sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"read {THREADS * TYPES}\n", "")


class Named(msgspec.Struct, forbid_unknown_fields=True):
    """Something to read."""

    name: str


@pytest.mark.parametrize("text", [b"", b"{", b'{"name":"\xff"}', b"[" * 100_000])
def test_what_is_no_json_is_one_kind_of_error(text: bytes) -> None:
    """Whoever reads has one error to expect."""
    with pytest.raises(msgspec.DecodeError):
        decode(text, Named)


@pytest.mark.parametrize("value", [{}, {"name": 1}, {"name": "x", "more": 1}, []])
def test_what_does_not_fit_names_its_field_either_way(value: object) -> None:
    """In the same words."""
    with pytest.raises(msgspec.ValidationError) as of_text:
        decode(msgspec.json.encode(value), Named)
    with pytest.raises(msgspec.ValidationError) as of_value:
        convert(value, Named)
    assert str(of_text.value) == str(of_value.value)


def test_what_fits_is_read_either_way() -> None:
    """From bytes, from text, and from what was read before."""
    ways = decode(b'{"name":"x"}', Named), decode('{"name":"x"}', Named), convert({"name": "x"}, Named)
    assert ways == (Named("x"),) * 3
