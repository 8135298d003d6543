"""Several runs at once on one engine never touch each other, and each leaves nothing.

TESTBED_ROUNDS=10 for a long series.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from testbed.engine import labels
from tests.engine.test_leaks import NONE, parts, unlabelled

if TYPE_CHECKING:
    from pathlib import Path

    import docker

ROUNDS = int(os.environ.get("TESTBED_ROUNDS", "1"))
SIDE_BY_SIDE = 4
WITHIN_S = 300

SUITE = """
import json
from pathlib import Path

import pytest

from testbed.faults import Kill, Pause, cut, lose
from testbed.waiting import wait_until

pytestmark = pytest.mark.topology(time_scale=0.02)  # slow enough that four at once do not starve each other
FAULTS = {
    "cut": (
        lambda bed: cut(bed.primary, bed.secondary),
        "stand-alone",
        {"cut primary -> secondary", "cut secondary -> primary"},
    ),
    "portal frozen": (lambda bed: Pause(bed.primary.portal), "failover", {"primary/portal paused"}),
    "core killed": (lambda bed: Kill(bed.primary.core), "failover", {"primary/core stopped"}),
    "server lost": (
        lambda bed: lose(bed.primary),
        "failover",
        {"cut primary vanished", "primary/core stopped", "primary/portal stopped"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_alone_in_the_world(bed, nemesis, fault):
    make, expected, own = FAULTS[fault]
    Path("seen.json").write_text(json.dumps({"name": bed.name, "addresses": [str(s.address) for s in bed.servers]}))
    assert bed.status()["faults"] == []
    with nemesis.under(make(bed)):
        wait_until(bed.status, lambda seen: seen["resilience"] == expected, within_s=60, what=expected)
        assert set(bed.status()["faults"]) == own
    bed.wait_until_settled()
    assert bed.status()["faults"] == []
    assert bed.links.current() == ()
"""


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("_round", range(ROUNDS))
def test_runs_side_by_side_do_not_touch_each_other(client: docker.APIClient, tmp_path: Path, _round: int) -> None:
    """Each sees exactly its own faults, has addresses of its own, passes, and leaves nothing, whatever its label.

    Rules of the packet filter go with the containers whose namespaces hold them.
    """
    folders = [tmp_path / f"{number}-{uuid.uuid4().hex[:6]}" for number in range(SIDE_BY_SIDE)]
    running = [begin(folder) for folder in folders]
    ended = [process.communicate(timeout=WITHIN_S)[0] for process in running]
    codes = [process.returncode for process in running]
    assert codes == [0] * SIDE_BY_SIDE, "\n".join(ended)
    seen = [json.loads((folder / "seen.json").read_text()) for folder in folders]
    assert len({one["name"] for one in seen}) == SIDE_BY_SIDE
    addresses = [address for one in seen for address in one["addresses"]]
    assert len(set(addresses)) == 2 * SIDE_BY_SIDE
    for one in seen:
        assert parts(client, labels.NAME, one["name"]) == NONE
        assert unlabelled(client, one["name"]) == []


def begin(folder: Path) -> subprocess.Popen[str]:
    """Begin a run."""
    folder.mkdir()
    (folder / "test_suite.py").write_text(SUITE)
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_suite.py"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
