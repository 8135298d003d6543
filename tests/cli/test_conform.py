"""`testbed conform` as its users run it: a command, a client that runs already, wrong use, and an end by Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from testbed.conformance import given
from testbed.engine import labels
from testbed.waiting import wait_until
from tests.program import begin, end, run

if TYPE_CHECKING:
    import docker

    from testbed.bed import Bed

CORRECT = (sys.executable, "-m", "tests.conform.clients.correct")


def topologies(client: docker.DockerClient) -> set[str]:
    """The topologies that conform made, and that the engine has anything of."""
    found = client.api.containers(all=True, filters={"label": labels.NAME})
    return {name for row in found if (name := str(row["Labels"][labels.NAME])).startswith("conform-")}


def test_a_command_gets_a_topology_of_its_own_and_a_report(client: docker.DockerClient, tmp_path: Path) -> None:
    """JSON on stdout, progress on stderr, JUnit and history in the report; nothing is left in the engine."""
    before = topologies(client)
    report = tmp_path / "report"
    shell = 'test "$1" = "$TESTBED_CA" && test -s "$2" && exec "$3" -m tests.conform.clients.correct'
    command = ("sh", "-c", shell, "sh", "{ca}", "{hosts}", sys.executable)
    ended = run("conform", "--only", "failover", "--within", "20s", "--report", str(report), "--json", "--", *command)
    assert ended.code == 0, ended
    found = ended.json
    assert found == json.loads((report / "conform.json").read_text())
    assert (found["schema"], found["exit_status"]) == ("portal-resilience-testbed/conform", 0)
    assert {(row["check"], row["verdict"]) for row in found["verdicts"]} == {
        ("redirect", "pass"),
        ("reconnect", "pass"),
        ("hammering", "pass"),
    }
    suites = ET.parse(report / "junit.xml").getroot()  # noqa: S314 - it is ours
    assert [(one.attrib["name"], one.attrib["failures"], one.attrib["errors"]) for one in suites] == [
        ("conform.failover", "0", "0"),
        ("conform.run", "0", "0"),
    ]
    assert '"kind": "fault"' in (report / "history.jsonl").read_text()
    assert (report / "client.err").exists()
    assert "failover: The primary's portal is killed" in ended.err
    assert topologies(client) <= before


def environment(name: str, folder: Path, bed: Bed) -> dict[str, str]:
    """What a client is given that somebody starts by hand at a topology that is up."""
    for file, content in given.files(bed).items():
        (folder / file).write_bytes(content)
    assert name == bed.name
    return {**os.environ, **given.variables(bed, folder)}


def test_a_client_that_runs_already_is_observed(name: str, watched: Bed, tmp_path: Path) -> None:
    """It is judged, and runs on; the topology stays, healed."""
    with subprocess.Popen(CORRECT, env=environment(name, tmp_path, watched)) as client:  # noqa: S603 - an example
        try:
            ended = run("conform", "--observe", name, "--only", "failover", "--within", "20s")
            assert ended.code == 0, ended
            assert "redirect     pass     REDIR-1" in ended.out
            assert client.poll() is None
        finally:
            client.kill()
    assert watched.status()["resilience"] == "normal"


def test_a_client_at_another_address_is_not_taken_for_it(name: str, watched: Bed, tmp_path: Path) -> None:
    """Whom nobody saw is unknown, whatever others did: exit 1, with a clear line."""
    with subprocess.Popen(CORRECT, env=environment(name, tmp_path, watched)) as client:  # noqa: S603 - an example
        try:
            ended = run("conform", "--observe", name, "--client", "192.0.2.1", "--within", "500ms")
        finally:
            client.kill()
    assert ended.code == 1
    assert "the client never connected to any server in 0.5 s" in ended.out


def test_a_topology_that_is_disturbed_is_not_observed(name: str, watched: Bed) -> None:
    """A fault of somebody else's would be held against the client."""
    assert run("fault", "kill", name, "secondary/portal").code == 0
    assert "is not in normal running" in run("conform", "--observe", name).refused()
    assert run("fault", "heal", name, "--all").code == 0
    assert watched.name == name


def test_ctrl_c_leaves_nothing(client: docker.DockerClient, tmp_path: Path) -> None:
    """Neither the client, which ignores SIGTERM, nor the topology."""
    before, number = topologies(client), tmp_path / "number"
    shell = 'trap "" TERM INT; echo $$ > "$1"; while :; do sleep 0.1; done'
    process = begin("conform", "--within", "60s", "--", "sh", "-c", shell, "sh", str(number))
    pid = int(wait_until(lambda: number.exists() and number.read_text(), bool, within_s=60, what="the client"))
    process.send_signal(signal.SIGINT)
    assert end(process).code == 130
    assert not Path(f"/proc/{pid}").exists()
    wait_until(lambda: topologies(client) - before, lambda left: not left, within_s=60, what="nothing of it")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--", "no-such-program"), "no program is called 'no-such-program'"),
        ((), "say what to run"),
        (("--observe", "demo", "--", "true"), "not both"),
        (("--observe", "demo", "--topology", "pair"), "--observe takes one that is up"),
        (("--client", "10.0.0.1", "--", "true"), "--client goes with --observe"),
        (("--only", "failovr", "--", "true"), "no scenario is called 'failovr'; there are failover"),
        (("--kind", "assistant", "--only", "failback", "--", "true"), "failback says nothing about"),
        (("--within", "soon", "--", "true"), "'soon' is no duration"),
        (("--topology", "not-select", "--", "true"), "resilience is not ready in this topology (unmet: CFG-2"),
        (("--topology", "nothing", "--", "true"), "no file and no preset is called 'nothing'"),
        (("--observe", "no-such-bed"), "no topology called no-such-bed is up"),
        (("--report", "/dev/null/x", "--", "true"), "cannot write a report to /dev/null/x"),
    ],
)
def test_wrong_use_is_one_line_at_once(arguments: tuple[str, ...], says: str) -> None:
    """Exit 2, before anything is started."""
    assert says in run("conform", *arguments).refused()
