"""`testbed crowd` as its users run it: figures and verdicts, wrong use, and an end by Ctrl-C."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from testbed.waiting import wait_until
from tests.program import begin, end, run

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.bed import Bed


def test_a_crowd_is_counted_and_the_topology_stays(name: str, watched: Bed, tmp_path: Path) -> None:
    """JSON on stdout, progress on stderr, files in the report; two users have twenty clients."""
    ended = run("crowd", name, "--clients", "20", "--every", "500ms", "--report", str(tmp_path), "--json")
    assert ended.code == 0, ended
    found = ended.json
    assert found == json.loads((tmp_path / "crowd.json").read_text())
    assert [(phase["phase"], phase["back"]) for phase in found["phases"]] == [
        ("log-in", 20),
        ("failover", 20),
        ("failback", 20),
    ]
    assert {row["verdict"] for row in found["verdicts"]} == {"pass"}
    assert "failover: The primary's portal is killed" in ended.err
    assert (tmp_path / "crowd.html").exists()
    assert '"kind": "crowd"' in (tmp_path / "history.jsonl").read_text()
    assert watched.status()["resilience"] == "normal"


def test_who_is_not_back_in_time_ends_it_with_one(name: str, watched: Bed) -> None:
    """In 1 ms nobody is; the topology is healed all the same."""
    ended = run("crowd", name, "--clients", "2", "--within", "1ms")
    assert ended.code == 1, ended
    assert "0/2" in ended.out
    assert "2 of 2 are not at the secondary" in ended.out
    assert watched.status()["faults"] == []


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_an_end_by_a_signal_heals(name: str, watched: Bed, by: signal.Signals) -> None:
    """The portal that it killed runs again: when an interrupted one has ended, and soon after a SIGKILL."""
    process = begin("crowd", name, "--clients", "5", "--every", "4s")
    wait_until(watched.status, lambda seen: bool(seen["faults"]), within_s=90, what="the failover")
    process.send_signal(by)
    ended = end(process)
    assert (ended.code, ended.out) == (130 if by is signal.SIGINT else -by, "")
    assert "Traceback" not in ended.err
    within_s = 0 if by is signal.SIGINT else 10
    wait_until(watched.status, lambda seen: not seen["faults"], within_s=within_s, what="the portal to run again")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("no-such-bed",), "no topology called no-such-bed is up"),
        (("demo", "--clients", "0"), "0 is not in the range"),
        (("demo", "--within", "soon"), "'soon' is no duration"),
        (("demo", "--every", "0s"), "'0s' is no duration"),
    ],
)
def test_wrong_use_is_one_line_at_once(arguments: tuple[str, ...], says: str) -> None:
    """Exit 2, before anything is done."""
    assert says in run("crowd", *arguments).refused()


def test_a_topology_that_is_disturbed_takes_no_crowd(name: str, watched: Bed) -> None:
    """A fault of somebody else's would be held against the portals."""
    assert run("fault", "kill", name, "secondary/portal").code == 0
    assert "is not in normal running" in run("crowd", name).refused()
    assert run("fault", "heal", name, "--all").code == 0
    assert watched.name == name
