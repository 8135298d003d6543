"""What a killed orchestrator left is removed by its watcher."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from testbed.engine import labels
from testbed.engine.janitor import Janitor
from testbed.engine.sweep import sweep
from testbed.errors import EngineError, MissingError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    import docker

ORCHESTRATOR = """
import sys, threading, docker
from testbed.engine import labels
from testbed.engine.janitor import Janitor
from testbed.engine.subnets import create_network
run_id, image = sys.argv[1:]
client = docker.from_env().api
mark = {labels.RUN: run_id}
with Janitor.watch(run_id) as janitor:
    network = create_network(client, run_id, labels=mark)
    client.create_volume(run_id, labels=mark)
    made = client.create_container(image, ["sleep", "600"], entrypoint=[], labels=mark,
        networking_config=client.create_networking_config({run_id: client.create_endpoint_config()}))
    client.start(made["Id"])
    def create_on():
        other = docker.from_env().api
        for _ in range(20):
            other.create_container(image, ["true"], entrypoint=[], labels=mark)
    for _ in range(3):
        threading.Thread(target=create_on, daemon=True).start()
    print(janitor.pid, flush=True)
    threading.Event().wait()
"""


def left(client: docker.APIClient, run_id: str) -> int:
    """How many things of a run there are."""
    filters = {"label": f"{labels.RUN}={run_id}"}
    volumes = client.volumes(filters=filters)["Volumes"] or []
    return len([*client.containers(all=True, filters=filters), *client.networks(filters=filters), *volumes])


def is_running(pid: int) -> bool:
    """Whether there is such a process, not counting one that waits for its parent."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123  # a process, not a path of ours
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_janitor_removes_all_after_sigkill(client: docker.APIClient, image: str, run_id: str) -> None:
    """Containers, network and volume go, what lands a second after the death too, and the watcher ends."""
    command = [sys.executable, "-c", ORCHESTRATOR, run_id, image]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as orchestrator:  # noqa: S603  # ours
        try:
            assert orchestrator.stdout is not None
            janitor = int(orchestrator.stdout.readline())
            assert left(client, run_id) >= 3
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                wait_until(partial(ignores, janitor, number), bool, within_s=10, what="the watcher")
                os.kill(janitor, number)
        finally:
            os.kill(orchestrator.pid, signal.SIGKILL)
    wait_until(lambda: left(client, run_id), lambda count: count == 0, within_s=30, what="the removal")
    time.sleep(1.5)  # several looks of the watcher that find nothing
    client.create_volume(run_id, labels={labels.RUN: run_id})
    wait_until(lambda: is_running(janitor), lambda runs: not runs, within_s=60, what="the watcher's end")
    assert left(client, run_id) == 0


def ignores(pid: int, number: int) -> bool:
    """Whether a process ignores a signal."""
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123  # a process, not a path of ours
        ignored = next(int(line.split()[1], 16) for line in status if line.startswith("SigIgn"))
    return bool(ignored >> (number - 1) & 1)


def test_janitor_removes_all_when_the_block_is_left(client: docker.APIClient, run_id: str) -> None:
    """Leaving the block, by an error too, returns when nothing is left."""

    def run() -> None:
        with Janitor.watch(run_id):
            client.create_volume(run_id, labels={labels.RUN: run_id})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert left(client, run_id) == 0


def test_janitor_keeps_what_is_to_be_kept(client: docker.APIClient, run_id: str) -> None:
    """After the word to keep, the watcher is gone and nothing was removed."""
    with Janitor.watch(run_id) as janitor:
        client.create_volume(run_id, labels={labels.RUN: run_id})
        janitor.keep()
    assert not is_running(janitor.pid)
    assert left(client, run_id) == 1
    assert sweep(client, {labels.RUN: run_id}).volumes == [run_id]


def test_janitor_that_does_not_start_is_told(run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watcher that cannot run is an error, because what a killed run leaves would stay unseen."""
    monkeypatch.setattr(sys, "executable", "/bin/false")

    def run() -> None:
        with Janitor.watch(run_id) as janitor:
            janitor.confirm()

    with pytest.raises(MissingError, match="does not start"):
        run()


def test_janitor_that_was_killed_is_told(run_id: str) -> None:
    """A watcher that died before its end makes leaving the block an error."""
    janitor = Janitor.watch(run_id)
    janitor.confirm()
    os.kill(janitor.pid, signal.SIGKILL)
    with pytest.raises(EngineError, match="could not remove everything"):
        janitor.remove()
