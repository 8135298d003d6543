"""A client's process: what it is given, how its end is told, and what is kept of what it prints."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from testbed.conformance import given
from testbed.conformance.attempts import parse
from testbed.conformance.command import check
from testbed.conformance.keeper import AGAIN_S, below
from testbed.conformance.printed import LAST_BYTES, LAST_LINES, MOST_BYTES, Printed
from testbed.errors import BedError, FaultError, MisuseError
from testbed.waiting import wait_until
from tests.unit.conformance.processes import ended, gone

if TYPE_CHECKING:
    from tests.unit.conformance.processes import Start


def test_a_client_gets_its_variables_and_its_output_is_kept(started: Start, tmp_path: Path) -> None:
    """Beside the variables that this process has."""
    with started("sh", "-c", 'echo "$TESTBED_NAME $HOME"', environ={"TESTBED_NAME": "demo"}) as command:
        assert (ended(command).code, ended(command).said) == (0, ())
    assert (tmp_path / "client.out").read_text() == f"demo {os.environ['HOME']}\n"


def test_a_crash_is_told_with_exit_code_and_last_lines(started: Start) -> None:
    """Of stderr, the last few that are not empty."""
    text = "for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; echo >&2; exit 3"
    with started("sh", "-c", text) as command:
        found = ended(command)
    assert (found.code, len(found.said), found.said[-1]) == (3, LAST_LINES, "line 7")


def test_a_signal_is_told_as_one(started: Start) -> None:
    """Negative, as Python's subprocess has it."""
    with started("sh", "-c", "kill -SEGV $$") as command:
        assert ended(command).code == -signal.SIGSEGV


def test_a_client_is_asked_to_end_first(started: Start, tmp_path: Path) -> None:
    """Signals come as if nobody had ever touched them."""
    with started("bash", "-c", "trap 'echo asked; exit 0' TERM; echo ready; while :; do read -t 1 <> <(:); done"):
        what = "the client to be ready"
        wait_until((tmp_path / "client.out").read_text, lambda seen: "ready" in seen, within_s=10, what=what)
    assert (tmp_path / "client.out").read_text() == "ready\nasked\n"


def test_ending_twice_is_fine(started: Start) -> None:
    """Nobody else is met."""
    with started("sleep", "60") as command:
        command.end()


def test_a_client_is_started_again_whenever_it_has_ended(started: Start, tmp_path: Path) -> None:
    """At a bounded rate; to whoever asks, it has never ended."""
    began = time.monotonic()
    with started("sh", "-c", "echo once more; exit 7", again=True) as command:
        wait_until(
            (tmp_path / "client.out").read_text, lambda seen: seen.count("once") == 3, within_s=20, what="three starts"
        )
        assert time.monotonic() - began >= 2 * AGAIN_S
        assert command.ended() is None
        assert command.last_end() is not None
        assert "last with exit code 7" in command.told()["started again"]


def test_a_keeper_that_somebody_ended_is_no_client_that_runs(started: Start) -> None:
    """And the client does not outlive it."""
    command = started("sleep", "60")
    keeper = command.keeper_pid
    (pid,) = below(keeper)
    os.kill(keeper, signal.SIGKILL)
    gone([pid])
    with pytest.raises(BedError, match="the process that keeps the client was ended"):
        wait_until(command.ended, lambda _seen: False, within_s=10, what="it to be told")
    with pytest.raises(BedError, match="see whether it still runs"):
        command.end()


def test_of_a_long_output_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    """And how much is missing stands between."""
    path = tmp_path / "out"
    printed = Printed(path, most=10)
    for number in range(2000):
        printed.add(b"%08d\n" % number)
    printed.close()
    kept = path.read_bytes()
    assert kept.startswith(b"00000000\n0\n[13894 bytes are left out here]\n")
    assert kept.endswith(b"00001998\n00001999\n")
    assert printed.last_lines()[-1] == "00001999"
    assert len(kept) < 10 + LAST_BYTES + 100


def test_a_short_output_is_kept_whole(tmp_path: Path) -> None:
    """Also one that is just a little too long for the beginning."""
    for most in (20, 15, 3):
        printed = Printed(tmp_path / "out", most=most)
        printed.add(b"0123456789")
        printed.add(b"abcdef")
        printed.close()
        assert (tmp_path / "out").read_bytes() == b"0123456789abcdef"


def test_a_full_disk_ends_nobody() -> None:
    """What could not be written is left out, and the last lines are told all the same."""
    printed = Printed(Path("/dev/full"))
    printed.add(b"one\n")
    printed.add(b"two\n")
    assert printed.last_lines() == ["one", "two"]
    printed.close()


def test_a_client_that_prints_without_end_fills_no_disk(started: Start, tmp_path: Path) -> None:
    """What is kept stays below the bound, while it goes on."""
    with started("sh", "-c", "yes; :"):
        wait_until(
            lambda: (tmp_path / "client.out").stat().st_size, lambda size: size >= MOST_BYTES, within_s=30, what="a lot"
        )
    assert MOST_BYTES <= (tmp_path / "client.out").stat().st_size < MOST_BYTES + 2 * LAST_BYTES


def test_a_program_that_is_not_there_is_wrong_use(started: Start, tmp_path: Path) -> None:
    """Neither one that is not on PATH, nor a file that cannot be run."""
    with pytest.raises(MisuseError, match="no program is called 'no-such-program'"):
        check(["no-such-program"])
    with pytest.raises(MisuseError, match="no program is called"):
        started(str(tmp_path / "nothing"))
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    with pytest.raises(MisuseError, match="cannot run"):
        started(str(broken))


def test_placeholders_are_filled_and_other_braces_left_alone() -> None:
    """Every one in an argument, however often."""
    values = {"TESTBED_CA": "/ca.pem", "TESTBED_PRIMARY_HOST": "p.test"}
    arguments = ["--ca={ca}", "{primary_host}:{primary_host}", '{"a": {ca2}}', "{CA}", "{}", "{unknown}"]
    filled = ["--ca=/ca.pem", "p.test:p.test", '{"a": {ca2}}', "{CA}", "{}", "{unknown}"]
    assert given.filled(arguments, values) == filled


def test_help_has_a_line_for_every_variable() -> None:
    """Each with its prefix."""
    assert [line.split()[0] for line in given.help_text().splitlines()] == [f"TESTBED_{name}" for name in given.ABOUT]


def test_a_proxy_of_the_environment_is_passed_by() -> None:
    """Where one is named, and beside what was passed by before."""
    names = {"p.test": "10.0.0.1"}
    assert given.past_proxies(names, {"HOME": "/", "https_proxy": ""}) == {}
    past = given.past_proxies(names, {"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "localhost"})
    assert past == dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,p.test,10.0.0.1")


def test_attempts_are_read_from_nfts_listing() -> None:
    """By the address that they came from; an unknown form is an error, and never no attempts."""
    rows = [{"elem": {"val": "10.0.0.1", "counter": {"packets": 7, "bytes": 420}}}]
    assert parse({"nftables": [{"metainfo": {}}, {"set": {"name": "tried", "elem": rows}}]}) == {"10.0.0.1": 7}
    assert parse({"nftables": [{"set": {"name": "tried"}}]}) == {}
    wrongs: list[Any] = [{}, {"nftables": []}, {"nftables": [{"set": {"elem": ["10.0.0.1"]}}]}]
    for wrong in wrongs:
        with pytest.raises(FaultError, match="not known here"):
            parse(wrong)
