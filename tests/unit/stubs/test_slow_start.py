"""A service that is to start slowly waits, as long as it was told and no longer than the fault is there."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from testbed.starts import read
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbed.starts import Starts

WITHIN_S = 10
FOREVER = "600000\n"

PROGRAM = """
import signal, sys
from pathlib import Path
from stubs.slow_start import hold_back
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
hold_back(Path(sys.argv[1]))
print("began", flush=True)
"""


@pytest.fixture
def fault(tmp_path: Path) -> Path:
    """The file that makes the start slow."""
    return tmp_path / "slow-portal"


@pytest.fixture
def held(fault: Path) -> Iterator[subprocess.Popen[str]]:
    """A service whose start is held, for a time that no test waits."""
    fault.write_text(FOREVER)
    with begun(fault) as process:
        wait_until(lambda: known(fault).starts, bool, within_s=WITHIN_S, what="the start to be held")
        yield process
        process.kill()


def begun(fault: Path) -> subprocess.Popen[str]:
    """Start a service."""
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(fault)], stdout=subprocess.PIPE, text=True)  # noqa: S603 - of ours


def known(fault: Path) -> Starts:
    """What it wrote down."""
    return read(fault.read_text())


def output(process: subprocess.Popen[str]) -> str:
    """What it printed until its end."""
    return process.communicate(timeout=WITHIN_S)[0]


def test_a_start_without_the_fault_is_as_usual(fault: Path) -> None:
    """And nothing is written."""
    assert output(begun(fault)) == "began\n"
    assert not fault.exists()


def test_a_slow_start_takes_as_much_longer_and_every_one_does(fault: Path) -> None:
    """The record of each says when it woke and when it began; the fault stays until it is healed."""
    fault.write_text("100\n")
    for _ in range(2):
        assert output(begun(fault)) == "began\n"
    known(fault).prove("portal")
    assert [start.began_at_ms is not None for start in known(fault).starts] == [True, True]


def test_a_held_start_begins_when_the_fault_is_healed(held: subprocess.Popen[str], fault: Path) -> None:
    """Whoever takes the file away; it does not come back."""
    fault.unlink()
    assert output(held) == "began\n"
    assert not fault.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_held_start_can_be_stopped(held: subprocess.Popen[str], number: signal.Signals) -> None:
    """At once and in order: nothing has begun that would have to end."""
    held.send_signal(number)
    assert output(held) == ""
    assert held.returncode == 0


def test_a_restart_of_a_held_start_is_held_again(held: subprocess.Popen[str], fault: Path) -> None:
    """It is another start."""
    held.send_signal(signal.SIGHUP)
    wait_until(lambda: len(known(fault).starts), lambda count: count == 2, within_s=WITHIN_S, what="another start")
    assert {start.began_at_ms for start in known(fault).starts} == {None}
