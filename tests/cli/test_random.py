"""`testbed random` and `testbed replay` on containers: figures, a report, and nothing that is left behind."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from testbed.defects import DEFECTS
from testbed.engine import labels
from testbed.schedules.schedule import read
from testbed.waiting import wait_until
from tests.program import begin, end, run

if TYPE_CHECKING:
    from pathlib import Path

    import docker

DEFECT = "secondary-never-yields"
"""The simulator finds it with one fault, and containers show it: both portals serve over a whole link."""


def topologies(client: docker.DockerClient) -> set[str]:
    """The topologies that were made for schedules, and that the engine has anything of."""
    found = client.api.containers(all=True, filters={"label": labels.NAME})
    return {name for row in found if (name := str(row["Labels"][labels.NAME])).startswith("random-")}


def test_a_short_run_is_judged_and_leaves_a_report(client: docker.DockerClient, tmp_path: Path) -> None:
    """Twenty clients work, all is well in the end, and the history can be judged again."""
    before = topologies(client)
    ended = run("random", "--seed", "7", "--minutes", "0.2", "--report", str(tmp_path), "--json")
    assert ended.code == 0, ended
    found = ended.json
    assert (found["outcome"], found["seed"], found["wrong"], found["shrunk"]) == ("pass", 7, [], None)
    assert found["faults"] == read((tmp_path / "schedule.json").read_text()).faults > 0
    assert found["operations"]["ok"] > 20
    judged = {one["checker"]: one["outcome"] for one in found["verdicts"]}
    assert judged["in step"] == judged["changes kept"] == judged["sessions"] == "pass", found
    assert run("recheck", str(tmp_path / "history.jsonl")).code == 0
    assert "seed 7" in ended.err
    assert topologies(client) <= before


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of a schedule that the simulator found with the defect, and saved."""
    file = str(tmp_path_factory.mktemp("found") / "found.json")
    walk = ("simulate", "--faults", "1", "--hurried", "0", "--failback", "automatic", "--defect", DEFECT)
    ended = run(*walk, "--save", file)
    assert ended.code == 1, ended
    return file


def test_a_schedule_that_the_simulator_found_is_harmless_without_its_defect(found: str, tmp_path: Path) -> None:
    """Where it is to be at rest the pair is given time, and the oracle judges it there."""
    assert run("simulate", "--replay", found).code == 0
    ended = run("replay", found, "--report", str(tmp_path / "report"), "--json")
    assert ended.code == 0, ended
    judged = {one["checker"]: one["outcome"] for one in ended.json["verdicts"]}
    assert judged["roles"] == "pass", ended.json


def test_a_schedule_that_the_simulator_found_fails_on_containers_as_well(found: str, tmp_path: Path) -> None:
    """With the same defect planted there, and by a rule that the defect breaks."""
    assert run("simulate", "--replay", found, "--defect", DEFECT).code == 1
    wrong = ("--defect", f"secondary:{DEFECT}")
    ended = run("replay", found, *wrong, "--report", str(tmp_path / "report"), "--json")
    assert ended.code == 1, ended
    failed = {rule for one in ended.json["verdicts"] if one["outcome"] == "fail" for rule in one["rules"]}
    assert failed & set(DEFECTS[DEFECT].breaks), ended.json


def test_ctrl_c_leaves_nothing(client: docker.DockerClient, tmp_path: Path) -> None:
    """In the midst of a fault, with all clients at work."""
    before = topologies(client)
    process = begin("random", "--seed", "7", "--minutes", "5", "--report", str(tmp_path))
    told = tmp_path / "history.jsonl"
    wait_until(lambda: told.exists() and '"injected"' in told.read_text(), bool, within_s=90, what="the first fault")
    process.send_signal(signal.SIGINT)
    assert end(process).code == 130
    wait_until(lambda: topologies(client) - before, lambda left: not left, within_s=60, what="nothing of it")
