"""SIGKILL of the orchestrator at any moment: nothing is left 10 s later, and what is meant to stay is whole.

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

from testbed.bed import Bed
from testbed.engine import labels
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
CONTAINERS = 6
PARTS = CONTAINERS + 1 + 2
"""Containers, network and volumes of a pair."""

LEASE = "2s"
FAULTS = (
    ("cut", "primary", "secondary", "--for", LEASE),
    ("cut", "primary", "secondary"),
    ("pause", "primary/portal"),
    ("kill", "secondary/core"),
    ("stop", "primary/portal"),
    ("cert", "secondary", "expired"),
    ("lose", "secondary"),
)

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
    """

    client: docker.APIClient
    faults: Iterator[tuple[str, ...]] = field(default_factory=lambda: itertools.cycle(FAULTS))
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
        return f"killed at work, of {KILLS}: {hits}; over after {seconds} (median)"


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
        assert each.left() == []
    request.config.get_terminal_writer().line(f" {series.summary()}")


@pytest.fixture(scope="module")
def standing(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """A topology that was started to stay."""
    name = f"cli-{uuid.uuid4().hex[:8]}"
    done("up", "--name", name)
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
    process: subprocess.Popen[Any]
    match phase:
        case "up":
            process = scene.testbed("up", "--name", scene.name)
        case "down":
            scene.done("up", "--name", scene.name)
            process = scene.testbed("down", scene.name)
        case _:
            process = scene.suite(SUITE)
    series.kill(phase, process, moment)
    series.judge(scene)


def kill_amid_a_fault(series: Series, bed: Bed, moment: float) -> None:
    """The topology stays whole; a fault with a lease ends by itself, any other is healed by the next command."""
    act, *rest = next(series.faults)
    series.kill("fault", begin("fault", act, bed.name, *rest), moment)
    filters = {"label": f"{labels.NAME}={bed.name}"}
    assert len(series.client.containers(all=True, filters=filters)) == CONTAINERS
    if LEASE in rest:
        wait_until(
            lambda: bed.status()["faults"],
            lambda found: found == [],
            within_s=GONE_WITHIN_S,
            what=f"the end of {act} {' '.join(rest)}",
        )
    done("reset", bed.name)
    found = bed.status()
    assert (found["resilience"], found["faults"]) == ("normal", [])
