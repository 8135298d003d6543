"""Whether the process that made something still lives: who cannot be looked at is unknown, which is never dead."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from testbed import owner
from testbed.owner import Standing, folder_prefix, standing, this_process
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "import sys; from testbed.owner import this_process; print(this_process(), flush=True); sys.stdin.read()"


@pytest.fixture
def other() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process, and what it says of itself."""
    with subprocess.Popen(  # noqa: S603 - ours
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


def test_a_process_lives_until_it_has_ended(other: tuple[subprocess.Popen[str], str]) -> None:
    """This one, another one; not one that was killed, whether its parent has taken note of that or not."""
    process, text = other
    assert standing(str(this_process())) is Standing.LIVES
    assert standing(text) is Standing.LIVES
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: standing(text), lambda seen: seen is Standing.GONE, within_s=10, what="the death to show")
    assert process.returncode is None  # a zombie up to here
    process.wait()
    assert standing(text) is Standing.GONE


def test_a_number_that_was_given_out_again_is_another_process() -> None:
    """It began at another time."""
    later = dataclasses.replace(this_process(), began=this_process().began + 1)
    assert standing(str(later)) is Standing.GONE


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        str(dataclasses.replace(this_process(), boot="00000000-0000-0000-0000-000000000000")),
        str(dataclasses.replace(this_process(), world="1.1", pid=999_999_999)),
        str(dataclasses.replace(this_process(), pid=0)),
        str(dataclasses.replace(this_process(), pid=-1)),
    ],
    ids=["nobody", "nothing", "nonsense", "another start", "another namespace", "number 0", "number -1"],
)
def test_who_cannot_be_looked_at_is_unknown(text: str | None) -> None:
    """Of another machine or an earlier start of this one, of another namespace, or of nobody at all."""
    assert standing(text) is Standing.UNKNOWN


def test_a_process_that_is_hidden_is_unknown(
    other: tuple[subprocess.Popen[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a signal, so it is there; nobody sees since when."""
    _, text = other
    monkeypatch.setattr(owner, "_state_of", lambda _pid: None)
    assert standing(text) is Standing.UNKNOWN


def test_the_name_of_a_folder_tells_whose_it_is() -> None:
    """With anything behind it, and short enough for a name."""
    name = f"{folder_prefix()}k3_x9abc"
    assert standing(name.removeprefix(owner.PREFIX)) is Standing.LIVES
    assert len(name) < 200
    assert "/" not in name
