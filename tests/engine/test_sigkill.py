"""SIGKILL of the orchestrator at any moment: nothing is left 10 s later, and what is meant to stay is whole.

No file either, once the janitor has seen that nothing comes late.

TESTBED_KILLS=100 for a long series; the moments follow from --testbed-seed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import statistics
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from stubs.wire import ServerName
from testbed import link_faults
from testbed.bed import Bed
from testbed.engine import labels
from testbed.faults import Target
from testbed.partitions import told
from testbed.service_proof import prove_state
from testbed.waiting import wait_until
from tests.engine.killing import GONE_WITHIN_S, Scene, kill_after, length_s, seconds_until_over
from tests.program import begin, done

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    import docker

pytestmark = pytest.mark.usefixtures("images")

KILLS = int(os.environ.get("TESTBED_KILLS", "8"))
PHASES = ("up", "run", "fault", "down")
STOPPED = Target(ServerName.PRIMARY, "portal")
CONTAINERS = 6
PARTS = CONTAINERS + 1 + 2
"""Containers, network and volumes of a pair."""

NEXT_TIMES = 3
"""So many times as long as alone the next run may take to come up, while a janitor removes what the last one left."""

LEASE = "2s"
_LINK = (["primary"], ["secondary"])
_CUT = {told(each) for each in link_faults.cuts(*_LINK)}
FAULTS: dict[tuple[str, ...], set[str]] = {
    ("cut", "primary", "secondary", "--for", LEASE): _CUT,
    ("cut", "primary", "secondary"): _CUT,
    ("pause", "primary/portal"): {"primary/portal paused"},
    ("kill", "secondary/core"): {"secondary/core stopped"},
    ("stop", "primary/portal"): {"primary/portal stopped"},
    ("cert", "secondary", "expired"): {
        "certificate of secondary expired",
        "certificate of secondary staged, and not shown yet",
    },
    ("lose", "secondary"): {"cut secondary vanished", "secondary/core stopped", "secondary/portal stopped"},
    ("fill", "primary"): {"full disk of primary"},
    ("slow-start", "secondary/portal", "--by", "30s"): {"slow start of secondary/portal by 30000 ms"},
    ("loss", "primary", "secondary", "10%"): {told(each) for each in link_faults.losses(*_LINK, 10)},
    ("rate", "primary", "secondary", "256kbit"): {told(each) for each in link_faults.rates(*_LINK, 256_000)},
    ("flap", "primary", "secondary", "600ms"): {
        told(each) for each in link_faults.flaps(*_LINK, down_ms=300, up_ms=300)
    },
}
"""Faults by hand, each with all that it may leave, in the words of `status`; the disk is a small one."""

HEALERS = (("fault", "heal", "?", "--all"), ("reset", "?"))

SUITE = """
import pytest
from testbed.faults import Kill, Pause, Stop, cut, lose

@pytest.mark.parametrize("number", range(5))
def test_under_faults(bed, nemesis, number):
    fault = [
        cut(bed.primary, bed.secondary),
        Pause(bed.primary.core),
        Kill(bed.secondary.portal),
        lose(bed.primary),
        Stop(bed.primary.portal),
    ][number]
    with nemesis.under(fault):
        pass
"""


@dataclass
class Series:
    """All kills, each with its own scene.

    Attributes:
        lengths: how long each phase takes that nobody kills, in seconds.
        hit: the phases in which something was killed that was still at work.
        over_s: how long it took until nothing was left, for each kill.
        next_s: how long runs took to come up that were begun at once.
    """

    client: docker.APIClient
    faults: Iterator[tuple[str, ...]] = field(default_factory=lambda: itertools.cycle(FAULTS))
    healers: Iterator[tuple[str, ...]] = field(default_factory=lambda: itertools.cycle(HEALERS))
    next_s: list[float] = field(default_factory=list)
    lengths: dict[str, float] = field(default_factory=dict)
    scenes: list[Scene] = field(default_factory=list)
    hit: list[str] = field(default_factory=list)
    over_s: list[float] = field(default_factory=list)

    def scene(self, folder: Path) -> Scene:
        """A new scene, which is looked at again in the end."""
        self.scenes.append(Scene(self.client, f"cli-{uuid.uuid4().hex[:8]}", folder))
        return self.scenes[-1]

    def kill(self, phase: str, process: subprocess.Popen[Any], moment: float) -> None:
        """Kill a process at a moment of its phase, from 0 to 1."""
        if kill_after(process, moment * self.lengths[phase]):
            self.hit.append(phase)

    def judge(self, scene: Scene) -> None:
        """Nothing may be left soon; or a topology that is to stay is whole, and in order: then it is taken down."""
        self.over_s.append(seconds_until_over(scene))
        left = scene.left()
        if left:
            assert len(left) == PARTS, left
            assert scene.done("status", scene.name, "--json").json["resilience"] == "normal"
            scene.done("down", scene.name)
            assert scene.left() == []

    def summary(self) -> str:
        """Of all kills, for people."""
        hits = ", ".join(f"{phase} {self.hit.count(phase)}" for phase in PHASES)
        seconds = f"{statistics.median(self.over_s):.1f} s, {max(self.over_s):.1f} s at most" if self.over_s else "-"
        following = f"; next run up after {max(self.next_s):.1f} s at most" if self.next_s else ""
        return f"killed at work, of {KILLS}: {hits}; over after {seconds} (median){following}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Draw the moments: each phase in turn."""
    if "moment" in metafunc.fixturenames:
        chance = random.Random(metafunc.config.getoption("testbed_seed"))  # noqa: S311 - to be repeated, not guessed
        moments = [(PHASES[number % len(PHASES)], chance.random()) for number in range(KILLS)]
        metafunc.parametrize(("phase", "moment"), moments, ids=[f"{phase} at {at:.3f}" for phase, at in moments])


@pytest.fixture(scope="module")
def series(
    client: docker.APIClient, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Series]:
    """All kills; at the end nothing may have come after all, late."""
    series = Series(client)
    scene = Scene(client, f"cli-{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("unharmed"))
    series.lengths["up"] = length_s(scene.testbed("up", "--name", scene.name))
    try:
        series.lengths["fault"] = length_s(scene.testbed("fault", "cut", scene.name, "primary", "secondary"))
    finally:
        series.lengths["down"] = length_s(scene.testbed("down", scene.name))
    series.lengths["run"] = length_s(scene.suite(SUITE))
    yield series
    for each in series.scenes:
        wait_until(each.janitors, lambda pids: not pids, within_s=30, what="the janitors to end", every_s=0.05)
        assert (each.left(), each.files()) == ([], [])
    request.config.get_terminal_writer().line(f" {series.summary()}")


@pytest.fixture(scope="module")
def standing(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """A topology that was started to stay."""
    name = f"cli-{uuid.uuid4().hex[:8]}"
    done("up", "--name", name, "--topology", "small-disk")
    try:
        with contextlib.closing(Bed.attach(engine, name, folder=tmp_path_factory.mktemp("standing"))) as bed:
            yield bed
    finally:
        done("down", name)


def test_what_is_killed_leaves_nothing(
    series: Series, request: pytest.FixtureRequest, tmp_path: Path, phase: str, moment: float
) -> None:
    """Containers, networks, volumes and, with them, rules and pauses; what stays is whole and can be used at once."""
    if phase == "fault":
        kill_amid_a_fault(series, request.getfixturevalue("standing"), moment)
        return
    scene = series.scene(tmp_path)
    series.kill(phase, begun(scene, phase), moment)
    series.judge(scene)


def begun(scene: Scene, phase: str) -> subprocess.Popen[Any]:
    """A process that has just begun a phase."""
    match phase:
        case "up":
            return scene.testbed("up", "--name", scene.name)
        case "down":
            scene.done("up", "--name", scene.name)
            return scene.testbed("down", scene.name)
        case _:
            return scene.suite(SUITE)


@pytest.mark.parametrize("phase", ["up", "run", "down"])
def test_the_next_run_starts_at_once(series: Series, tmp_path: Path, phase: str) -> None:
    """It waits neither for the end of what was killed nor for its janitor, and is not harmed by it."""
    killed, following = series.scene(tmp_path / "killed"), series.scene(tmp_path / "next")
    kill_after(begun(killed, phase), series.lengths[phase] / 2)
    series.next_s.append(length_s(following.testbed("up", "--name", following.name)))
    assert series.next_s[-1] < NEXT_TIMES * series.lengths["up"]
    series.judge(killed)
    assert len(following.left()) == PARTS
    assert following.done("status", following.name, "--json").json["resilience"] == "normal"
    following.done("down", following.name)


def kill_amid_a_fault(series: Series, bed: Bed, moment: float) -> None:
    """The topology stays whole; what is left is of this fault, and shows; a lease ends it, or whoever heals."""
    fault = act, *rest = next(series.faults)
    before = bed.services.at("kill", STOPPED.server, STOPPED.service)
    series.kill("fault", begin("fault", act, bed.name, *rest), moment)
    if act == "stop" and bed.services.at("kill", STOPPED.server, STOPPED.service) != before:
        # The engine was asked for it, and does it whoever is killed.
        prove_state(bed, STOPPED, "stopped", within_s=15)
    assert set(bed.status()["faults"]) <= FAULTS[fault]
    filters = {"label": f"{labels.NAME}={bed.name}"}
    assert len(series.client.containers(all=True, filters=filters)) == CONTAINERS
    if LEASE in rest:
        wait_until(
            lambda: bed.status()["faults"],
            lambda found: found == [],
            within_s=GONE_WITHIN_S,
            what=f"the end of {act} {' '.join(rest)}",
        )
    done(*(bed.name if word == "?" else word for word in next(series.healers)))
    bed.wait_until_settled()
    found = bed.status()
    assert (found["resilience"], found["faults"]) == ("normal", [])
