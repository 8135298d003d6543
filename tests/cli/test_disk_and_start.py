"""Full disks and slow starts by hand: injected, shown, healed."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import pytest

from stubs.wire import ServerName
from testbed.bed import Bed
from testbed.errors import RefusedError
from testbed.faults import Target
from testbed.waiting import wait_until
from tests.program import done, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import docker

WITHIN_S = 20
ENTRY = {"name": "Reception", "number": "100"}
PORTAL = Target(ServerName.PRIMARY, "portal")


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    """The name of a topology whose servers have small disks."""
    name = f"cli-{uuid.uuid4().hex[:8]}"
    try:
        done("up", "--name", name, "--topology", "small-disk")
        yield name
    finally:
        run("down", name)


@pytest.fixture
def bed(client: docker.DockerClient, small: str, tmp_path: Path) -> Iterator[Bed]:
    """The same, looked at from here."""
    with contextlib.closing(Bed.attach(client, small, folder=tmp_path)) as bed:
        yield bed


def write(bed: Bed) -> None:
    """Let the administrator of the primary add something."""
    bed.inspectors[ServerName.PRIMARY].administer("POST", "directory", ENTRY)


@pytest.mark.parametrize("undo", [["fault", "heal", "?", "primary"], ["fault", "heal", "?", "--all"], ["reset", "?"]])
def test_fault_fill_fills_a_disk_until_it_is_healed(bed: Bed, undo: list[str]) -> None:
    """By whichever command; in between it shows, refuses writes, and is refused a second time."""
    done("fault", "fill", bed.name, "primary")
    assert "fault: full disk of primary" in done("status", bed.name).out
    with pytest.raises(RefusedError) as refused:
        write(bed)
    assert refused.value.code == "not_stored"
    assert "the disk of the primary is full already" in run("fault", "fill", bed.name, "primary").refused()
    done(*(bed.name if part == "?" else part for part in undo))
    assert bed.status()["faults"] == []
    write(bed)


@pytest.mark.parametrize("undo", [["fault", "heal", "?", "primary"], ["fault", "heal", "?", "--all"], ["reset", "?"]])
def test_fault_slow_start_holds_every_start_until_it_is_healed(bed: Bed, undo: list[str]) -> None:
    """It shows; the portal that is killed and started stays away until then."""
    done("fault", "slow-start", bed.name, "primary/portal", "--by", "50m")
    assert done("status", bed.name, "--json").json["faults"] == ["slow start of primary/portal by 3000000 ms"]
    done("fault", "kill", bed.name, "primary/portal")
    done("fault", "start", bed.name, "primary/portal")
    wait_until(bed.status, lambda seen: seen["resilience"] == "failover", within_s=WITHIN_S, what="the takeover")
    assert "slow already" in run("fault", "slow-start", bed.name, "primary/portal", "--by", "1s").refused()
    done(*(bed.name if part == "?" else part for part in undo))
    bed.wait_until_settled()
    assert bed.status()["faults"] == []
    assert bed.volumes.starts(PORTAL) is None


def test_down_leaves_no_disk(client: docker.DockerClient) -> None:
    """A disk that was filled up goes with its server."""
    name = f"cli-{uuid.uuid4().hex[:8]}"
    try:
        done("up", "--name", name, "--topology", "small-disk")
        done("fault", "fill", name, "secondary")
    finally:
        done("down", name)
    assert not [volume.name for volume in client.volumes.list() if f"-{name}-" in str(volume.name)]
