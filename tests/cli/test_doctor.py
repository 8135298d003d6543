"""`testbed doctor` as its users run it: what it says is so, and it leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from testbed.engine import labels
from tests.program import Ended, done, run

if TYPE_CHECKING:
    from pathlib import Path

    import docker

NEEDED = {"engine", "kernel", "subnets", "disk"}

DEAD = """
import sys, tempfile
from testbed.owner import folder_prefix
print(tempfile.mkdtemp(prefix=folder_prefix()))
"""
"""A process that ends, and leaves what it had for the time being."""


def rows(ended: Ended) -> dict[str, Any]:
    """What it looked at, by what that is."""
    found: list[dict[str, Any]] = ended.json
    return {row["check"]: row for row in found}


def networks(client: docker.DockerClient) -> set[str]:
    """Of the kind that it tries."""
    filters = {"label": labels.RUN}
    return {one["Name"] for one in client.api.networks(filters=filters) if one["Name"].startswith("prt-doctor-")}


@pytest.mark.usefixtures("described")
def test_doctor_says_what_this_machine_has(client: docker.DockerClient) -> None:
    """Where topologies come up, nothing that is needed lacks; what lacks has its remedy; versions are the engine's."""
    ended = run("doctor", "--json")
    assert ended.code == 0, ended
    found = rows(ended)
    assert set(found) >= {*NEEDED, "images", "left-overs", "mmdebstrap", "chromium", "firefox", "curl", "kernel: delay"}
    assert all(row["ok"] for row in found.values() if row["needed"])
    assert all(row["remedy"] for row in found.values() if not row["ok"])
    assert client.version()["Version"] in found["engine"]["detail"]
    assert found["images"]["ok"], found["images"]
    assert networks(client) == set()


@pytest.mark.usefixtures("described")
def test_doctor_finds_out_about_the_kernel_by_trying() -> None:
    """An option that delays need is named where it lacks, as a fault that asks for it would."""
    found = rows(run("doctor", "--json"))
    for check in ("kernel: reject", "kernel: loss", "kernel: rate"):
        assert found[check]["ok"], found[check]
        assert "works, tried in a server" in found[check]["detail"]
    delay = found["kernel: delay"]
    assert delay["ok"] or "CONFIG_NET_SCH_NETEM" in delay["remedy"], delay


def test_doctor_tells_of_files_that_gc_would_remove(tmp_path: Path) -> None:
    """Of those in this user's folders, as of what is in the engine."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(temporary)}

    def told() -> str:
        return str(rows(run("doctor", "--json", environ=environ))["left-overs"]["detail"])

    assert "file" not in told()
    left = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", DEAD], env=environ, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert "1 file" in told()
    would = run("gc", "--dry-run", "--json", environ=environ).json
    assert would["files"] == [left]


def test_doctor_without_an_engine_says_how_to_get_one() -> None:
    """Exit code 2, as of whatever is needed and lacks."""
    ended = run("doctor", "--json", environ={"DOCKER_HOST": "unix:///nowhere.sock"})
    assert ended.code == 2, ended
    engine = rows(ended)["engine"]
    assert (engine["ok"], engine["needed"]) == (False, True)
    assert "docker.io" in engine["detail"]


def test_doctor_for_people_has_a_line_for_each() -> None:
    """And what to do below what lacks."""
    shown, found = done("doctor").out.splitlines(), rows(run("doctor", "--json"))
    marks = {line.split()[0] for line in shown if not line.startswith(" ")}
    assert marks <= {"ok", "note", "LACKS"}
    lacking = [row for row in found.values() if not row["ok"] and row["check"] != "left-overs"]
    assert {row["remedy"] for row in lacking} <= {line.strip() for line in shown}
