"""Nothing that a client has started outlives its run, whatever group, session or parent it has by then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from testbed.conformance.command import Command
from testbed.conformance.keeper import GRACE_S, KILL_S
from tests.unit.conformance.processes import ended, gone, lives, numbers, order

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conformance.processes import Start

STUBBORN = "trap '' TERM; (trap '' TERM; echo $BASHPID; sleep 60) & echo $$; wait"
"""A shell and its child, which both ignore SIGTERM, and say their numbers."""

DAEMON = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.setsid()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setpgid(0, 0)
        os.write(1, b"%d\\n" % os.getpid())
        time.sleep(60)
    os._exit(0)
os.wait()
os.write(1, b"%d\\n" % os.getpid())
time.sleep(60)
"""
"""Leaves its session, and has a child that has lost its parent, in a session and a group of its own."""

WAYS = {
    "stubborn": ("bash", "-c", STUBBORN),
    "timeout": ("timeout", "600", "bash", "-c", STUBBORN),
    "setsid": ("setsid", "bash", "-c", STUBBORN),
    "daemon": (sys.executable, "-c", DAEMON),
}
"""Clients of two processes each, which print their numbers and do not end when they are asked to."""


@pytest.mark.parametrize("way", WAYS)
def test_a_client_that_left_its_group_ends_with_the_run(started: Start, tmp_path: Path, way: str) -> None:
    """It is asked, and killed when its grace is over; nobody waits longer than that."""
    with started(*WAYS[way]) as command:
        pids = numbers(tmp_path / "client.out", 2)
        assert command.ended() is None
        assert all(map(lives, pids))
        began = time.monotonic()
    assert time.monotonic() - began < GRACE_S + KILL_S
    assert [pid for pid in pids if lives(pid)] == []


def test_what_a_client_left_behind_ends_too(started: Start, tmp_path: Path) -> None:
    """It ended long ago itself."""
    with started("bash", "-c", "setsid sleep 60 & echo $! $$") as command:
        assert ended(command).code == 0
        pids = numbers(tmp_path / "client.out", 2)
        assert [lives(pid) for pid in pids] == [True, False]
    assert not lives(pids[0])


@pytest.mark.parametrize("way", WAYS)
def test_it_ends_when_this_side_is_killed(tmp_path: Path, way: str) -> None:
    """SIGKILL leaves no time to tidy up: the keeper does."""
    text = (
        "import pathlib, sys, time\n"
        "from testbed.conformance.command import Command\n"
        "from tests.unit.conformance.processes import order\n"
        "kept = Command.start(order(pathlib.Path(sys.argv[1]), *sys.argv[2:]))\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", text, str(tmp_path), *WAYS[way]]) as orchestrator:  # noqa: S603 - ours
        try:
            pids = numbers(tmp_path / "client.out", 2)
        finally:
            orchestrator.kill()
    gone(pids)


def test_it_ends_when_this_side_is_killed_as_soon_as_it_runs(tmp_path: Path) -> None:
    """No moment is left in which nobody watches: here it is that in which the order was given, and nothing heard."""
    text = (
        "import os, pathlib, signal, sys\n"
        "from testbed.conformance.command import Command\n"
        "from tests.unit.conformance.processes import order\n"
        "Command._await = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Command.start(order(pathlib.Path(sys.argv[1]), *sys.argv[2:]))\n"
    )
    arguments = [
        sys.executable,
        "-c",
        text,
        str(tmp_path),
        "bash",
        "-c",
        "echo $$ > $0; sleep 60",
        str(tmp_path / "pid"),
    ]
    dead = subprocess.run(arguments, check=False)  # noqa: S603 - the text above
    assert dead.returncode == -signal.SIGKILL
    # Either it never came to run, or it is gone.
    gone([int(text) for text in [(tmp_path / "pid").read_text()] if text] if (tmp_path / "pid").exists() else [])


def test_nobody_else_ends_with_a_client(started: Start, tmp_path: Path) -> None:
    """A process of this one's own is no business of the keeper's."""
    with subprocess.Popen(["sleep", "60"]) as other:  # noqa: S607 - as any
        try:
            with started("bash", "-c", STUBBORN):
                numbers(tmp_path / "client.out", 2)
            assert other.poll() is None
            assert os.getpgid(other.pid) == os.getpgid(0)
        finally:
            other.kill()


def test_a_program_that_cannot_be_kept_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Better no client than one that nobody ends."""
    monkeypatch.setattr(Command, "_await", lambda *_args, **_options: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        Command.start(order(tmp_path, "sleep", "60"))
