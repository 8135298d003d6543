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

from stubs.wire import ServerName
from testbed.conformance import given
from testbed.engine import labels
from testbed.waiting import wait_until
from tests.program import begin, end, run
from tests.programs import need

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
    assert {one["rule"]: one["verdict"] for one in found["rules"]} == {"REDIR-1": "pass", "CLIENT-2": "pass"}
    assert 'id="REDIR-1"' in (report / "conform.html").read_text()
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


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_whoever_is_killed_amid_a_fault_leaves_a_topology_healed(
    name: str, watched: Bed, tmp_path: Path, by: signal.Signals
) -> None:
    """Of a service that was killed no lease gives anything back, and a topology that stays has no janitor."""

    def portal() -> str:
        return str(watched.services.states()[ServerName.PRIMARY]["portal"])

    with subprocess.Popen(CORRECT, env=environment(name, tmp_path, watched)) as client:  # noqa: S603 - an example
        try:
            process = begin("conform", "--observe", name, "--only", "failover", "--within", "20s")
            wait_until(portal, lambda seen: seen == "stopped", within_s=60, what="the portal to be killed")
            process.send_signal(by)
            assert end(process).code == (130 if by is signal.SIGINT else -signal.SIGKILL)
        finally:
            client.kill()
    wait_until(portal, lambda seen: seen == "running", within_s=10, what="the portal to be back")
    watched.wait_until_settled()
    assert watched.status()["faults"] == []


def test_a_client_at_another_address_is_not_taken_for_it(name: str, watched: Bed, tmp_path: Path) -> None:
    """Whom nobody saw is unknown, whatever others did: exit 1, with a clear line."""
    with subprocess.Popen(CORRECT, env=environment(name, tmp_path, watched)) as client:  # noqa: S603 - an example
        try:
            ended = run("conform", "--observe", name, "--client", "192.0.2.1", "--connect-within", "500ms")
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


SHELL = 'trap "" TERM INT; echo $$ > "$1"; while :; do sleep 0.1; done'
"""Does not end when it is asked to."""


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_whoever_is_ended_leaves_nothing(client: docker.DockerClient, tmp_path: Path, by: signal.Signals) -> None:
    """Neither the client, which has left its group and ignores SIGTERM, nor the topology; what was known is kept."""
    before, number, report = topologies(client), tmp_path / "number", tmp_path / "report"
    words = ("timeout", "600", "setsid", "sh", "-c", SHELL, "sh", str(number))
    process = begin("conform", "--connect-within", "60s", "--report", str(report), "--", *words)
    pid = int(wait_until(lambda: number.exists() and number.read_text(), bool, within_s=60, what="the client"))
    process.send_signal(by)
    assert end(process).code == (130 if by is signal.SIGINT else -signal.SIGKILL)
    wait_until(Path(f"/proc/{pid}").exists, lambda there: not there, within_s=10, what="the client to be gone")
    wait_until(lambda: topologies(client) - before, lambda left: not left, within_s=60, what="nothing of it")
    if by is signal.SIGINT:
        found = json.loads((report / "conform.json").read_text())
        assert (found["exit_status"], found["broken"]) == (2, "the run broke off: it was interrupted")
        assert {row["verdict"] for row in found["verdicts"]} == {"unknown"}
        assert "the run broke off" in (report / "conform.html").read_text()


@pytest.mark.parametrize(
    ("told", "option"),
    [
        pytest.param(("--cacert", "{ca}"), (), id="told whom to trust"),
        pytest.param((), ("--trust-by-environment",), id="trusts by environment"),
    ],
)
def test_a_program_that_ends_each_time_is_started_again(
    told: tuple[str, ...], option: tuple[str, ...], tmp_path: Path
) -> None:
    """A plain curl, which knows a name, a user and whom to trust, and resolves that name like anything else."""
    need("curl")
    log_in = '{"user": "{user}", "password": "{password}"}'
    curl = ("curl", "--disable", "--silent", "--show-error", "--fail", *told, "--json", log_in)
    report = tmp_path / "report"
    options = ("--again", "--names", "hosts", "--only", "split-brain", "--within", "20s", "--report", str(report))
    ended = run("conform", *options, *option, "--", *curl, "{api_url}/session")
    if "cannot be made to resolve" in ended.err:
        pytest.skip(ended.err)
    assert ended.code == 0, ended
    found = json.loads((report / "conform.json").read_text())
    assert [row["verdict"] for row in found["verdicts"] if row["check"] == "stay"] == ["pass", "pass"]
    assert found["names_resolve"] is True
    assert found["ended"] is None
    assert "it ended" in found["facts"]["started again"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--", "no-such-program"), "no program is called 'no-such-program'"),
        ((), "say what to run"),
        (("--observe", "demo", "--again"), "--observe runs none"),
        (("--observe", "demo", "--names", "none"), "--observe runs none"),
        (("--connect-within", "soon", "--", "true"), "'soon' is no duration"),
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
