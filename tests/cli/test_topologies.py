"""A topology beyond the pair, by hand: an Application Server in place of the primary's portal."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

from testbed import leftovers
from testbed.bed import Bed
from testbed.waiting import wait_until
from tests.program import done, run

if TYPE_CHECKING:
    from pathlib import Path

    import docker

WITHIN_S = 20.0


def test_an_application_server_is_started_described_and_faulted_by_its_name(
    client: docker.DockerClient, tmp_path: Path
) -> None:
    """`up` names its portal as the primary's, status says which is out of use, and faults reach it (CFG-10)."""
    name = f"cli-{uuid.uuid4().hex[:8]}"
    try:
        servers = done("up", "--name", name, "--topology", "application-primary", "--json").json["servers"]
        assert servers["primary"]["portal_url"] == servers["application"]["portal_url"]
        assert f"//application.{name}.test:" in servers["application"]["portal_url"]
        assert servers["application"]["core_url"] is None
        assert [found.keeps for found in leftovers.find(client) if found.name == name] == [True]
        found = done("status", name, "--json").json
        assert found["servers"]["primary"]["portal"] == "out of use"
        assert set(found["servers"]["application"]) == {"portal", "platform_view", "sync"}
        assert "application/portal stands in for it" in run("fault", "start", name, "primary/portal").refused()
        assert "it has portal" in run("fault", "kill", name, "application/core").refused()
        with contextlib.closing(Bed.attach(client, name, folder=tmp_path)) as bed:
            done("fault", "lose", name, "application")
            _eventually(bed, "failover")
            done("fault", "restore", name, "application")
            _eventually(bed, "normal")
            done("fault", "cut", name, "primary,application", "secondary")
            _eventually(bed, "stand-alone")
            done("fault", "heal", name, "primary,application", "secondary")
            bed.wait_until_settled()
    finally:
        done("down", name)


def _eventually(bed: Bed, resilience: str) -> None:
    wait_until(
        lambda: bed.status()["resilience"],
        lambda seen: seen == resilience,
        within_s=WITHIN_S,
        what=f"resilience to be {resilience}",
    )
