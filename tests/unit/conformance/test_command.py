"""A client's process: what it is given, how its end is told, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from testbed.conformance import given
from testbed.conformance.attempts import parse
from testbed.conformance.command import LAST_LINES, Command, check
from testbed.errors import FaultError, MisuseError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from testbed.conformance.acts import Ended

STUBBORN = "trap '' TERM; (trap '' TERM; echo $BASHPID; sleep 60) & echo $$; wait"
"""A shell and its child, which both ignore SIGTERM, and say their numbers."""


def lives(pid: int) -> bool:
    """Whether there is such a process, zombies not counted."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def numbers(path: Path) -> list[int]:
    """The two process numbers that the stubborn one printed."""
    what = "two process numbers"
    lines = wait_until(lambda: path.read_text().split(), lambda seen: len(seen) == 2, within_s=10, what=what)
    return [int(line) for line in lines]


def gone(pids: list[int]) -> None:
    """Wait until none of them lives."""
    wait_until(lambda: [pid for pid in pids if lives(pid)], lambda left: not left, within_s=10, what="nobody")


def ended(command: Command) -> Ended:
    """How it ended, once it has."""
    found = wait_until(command.ended, lambda seen: seen is not None, within_s=10, what="the end")
    assert found is not None
    return found


def test_a_client_gets_its_variables_and_its_output_is_kept(tmp_path: Path) -> None:
    """Beside the variables that this process has."""
    with Command.start(["sh", "-c", 'echo "$TESTBED_NAME $HOME"'], {"TESTBED_NAME": "demo"}, tmp_path) as command:
        assert (ended(command).code, ended(command).said) == (0, ())
    assert (tmp_path / "client.out").read_text() == f"demo {os.environ['HOME']}\n"


def test_a_crash_is_told_with_exit_code_and_last_lines(tmp_path: Path) -> None:
    """Of stderr, the last few that are not empty."""
    text = "for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; echo >&2; exit 3"
    with Command.start(["sh", "-c", text], {}, tmp_path) as command:
        found = ended(command)
    assert (found.code, len(found.said), found.said[-1]) == (3, LAST_LINES, "line 7")


def test_a_signal_is_told_as_one(tmp_path: Path) -> None:
    """Negative, as Python's subprocess has it."""
    with Command.start(["sh", "-c", "kill -SEGV $$"], {}, tmp_path) as command:
        assert ended(command).code == -signal.SIGSEGV


def test_whatever_it_started_ends_with_it(tmp_path: Path) -> None:
    """Also what ignores SIGTERM; and what a client left behind that ended long ago."""
    with Command.start(["bash", "-c", STUBBORN], {}, tmp_path) as command:
        pids = numbers(tmp_path / "client.out")
        assert command.ended() is None
        assert all(map(lives, pids))
    gone(pids)
    with Command.start(["bash", "-c", "sleep 60 & echo $! $$"], {}, tmp_path) as command:
        assert ended(command).code == 0
        pids = numbers(tmp_path / "client.out")
        assert [lives(pid) for pid in pids] == [True, False]
    gone(pids)


def test_ending_twice_is_fine(tmp_path: Path) -> None:
    """Nobody else's process group is met."""
    with Command.start(["sleep", "60"], {}, tmp_path) as command:
        command.end()


def test_it_ends_when_this_side_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves no time to tidy up: the watcher does."""
    text = (
        "import sys, time, pathlib; from testbed.conformance.command import Command\n"
        "Command.start(sys.argv[2:], {}, pathlib.Path(sys.argv[1])); time.sleep(60)"
    )
    arguments = [sys.executable, "-c", text, str(tmp_path), "bash", "-c", STUBBORN]
    with subprocess.Popen(arguments) as orchestrator:  # noqa: S603 - the text above
        wait_until((tmp_path / "client.out").exists, bool, within_s=20, what="the client")
        pids = numbers(tmp_path / "client.out")
        orchestrator.kill()
    gone(pids)


def test_a_program_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    """Neither one that is not on PATH, nor a file that cannot be run."""
    with pytest.raises(MisuseError, match="no program is called 'no-such-program'"):
        check(["no-such-program"])
    with pytest.raises(MisuseError, match="no program is called"):
        Command.start([str(tmp_path / "nothing")], {}, tmp_path)
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    with pytest.raises(MisuseError, match="cannot run"):
        Command.start([str(broken)], {}, tmp_path)


def test_placeholders_are_filled_and_other_braces_left_alone() -> None:
    """Every one in an argument, however often."""
    values = {"TESTBED_CA": "/ca.pem", "TESTBED_PRIMARY_HOST": "p.test"}
    arguments = ["--ca={ca}", "{primary_host}:{primary_host}", '{"a": {ca2}}', "{CA}", "{}", "{unknown}"]
    filled = ["--ca=/ca.pem", "p.test:p.test", '{"a": {ca2}}', "{CA}", "{}", "{unknown}"]
    assert given.filled(arguments, values) == filled


def test_help_has_a_line_for_every_variable() -> None:
    """Each with its prefix."""
    assert [line.split()[0] for line in given.help_text().splitlines()] == [f"TESTBED_{name}" for name in given.ABOUT]


def test_attempts_are_read_from_nfts_listing() -> None:
    """By the address that they came from; an unknown form is an error, and never no attempts."""
    rows = [{"elem": {"val": "10.0.0.1", "counter": {"packets": 7, "bytes": 420}}}]
    assert parse({"nftables": [{"metainfo": {}}, {"set": {"name": "tried", "elem": rows}}]}) == {"10.0.0.1": 7}
    assert parse({"nftables": [{"set": {"name": "tried"}}]}) == {}
    wrongs: list[Any] = [{}, {"nftables": []}, {"nftables": [{"set": {"elem": ["10.0.0.1"]}}]}]
    for wrong in wrongs:
        with pytest.raises(FaultError, match="not known here"):
            parse(wrong)
