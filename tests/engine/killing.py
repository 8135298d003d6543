"""Kills the orchestrator at a moment of a phase, and says how soon nothing of it was left."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docker.errors import NotFound

from testbed import owner
from testbed.engine import labels
from testbed.waiting import wait_until
from tests.program import Ended, begin, end

if TYPE_CHECKING:
    import docker

GONE_WITHIN_S = 10.0
"""How soon after a SIGKILL nothing may be left."""

JANITOR = b"testbed.engine.janitor"


@dataclass
class Scene:
    """One topology's name with a state folder of its own, by which its janitors are found."""

    client: docker.APIClient
    name: str
    state: Path
    environ: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        temporary = self.state / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        self.environ = {"XDG_STATE_HOME": str(self.state), "TMPDIR": str(temporary)}

    def testbed(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return begin(*arguments, environ=self.environ)

    def done(self, *arguments: str) -> Ended:
        """Run a command, which must end well."""
        ended = end(self.testbed(*arguments))
        assert ended.code == 0, ended
        return ended

    def suite(self, text: str) -> subprocess.Popen[bytes]:
        """Begin a run of a suite, whose beds have names of their own."""
        folder = self.state / "suite"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "test_suite.py").write_text(text)
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_suite.py"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **self.environ},
        )

    def runs(self) -> set[str]:
        """The runs that were begun here and did not end well, by their locks."""
        folder = self.state / "portal-resilience-testbed" / "runs"
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    def left(self) -> list[str]:
        """What the engine has of these runs, or of the name."""
        wanted = [f"{labels.RUN}={run}" for run in sorted(self.runs())] + [f"{labels.NAME}={self.name}"]
        found: set[str] = set()
        for label in wanted:
            filters = {"label": label}
            with contextlib.suppress(NotFound):  # what goes while it is listed
                found |= {f"container {one['Names'][0]}" for one in self.client.containers(all=True, filters=filters)}
                found |= {f"network {one['Name']}" for one in self.client.networks(filters=filters)}
                found |= {f"volume {one['Name']}" for one in self.client.volumes(filters=filters)["Volumes"] or []}
        return sorted(found)

    def files(self) -> list[Path]:
        """What this machine has of these runs: locks, certificates of topologies, and what was for the time being."""
        ours = self.state / "portal-resilience-testbed"
        kinds = ((ours / "runs", "*"), (ours / "beds", "*"), (self.state / "tmp", f"{owner.PREFIX}*"))
        return sorted(path for folder, pattern in kinds for path in folder.glob(pattern))

    def janitors(self) -> list[int]:
        """The janitors that work for processes of this scene."""
        mine = f"XDG_STATE_HOME={self.state}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
                if JANITOR in words and mine in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found


def length_s(process: subprocess.Popen[Any]) -> float:
    """How long a process takes that nobody kills; it must end well."""
    began = time.monotonic()
    with process:
        assert process.wait(100) == 0
    return time.monotonic() - began


def kill_after(process: subprocess.Popen[Any], seconds: float) -> bool:
    """Kill it that long after now; whether it was still at work."""
    with process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        was_at_work = process.poll() is None
        process.kill()
    return was_at_work


def seconds_until_over(scene: Scene) -> float:
    """Wait until nothing is left of a scene, or what is left is left for good: then it must be whole.

    Raises:
        NotInTimeError: some of it is left after 10 s, and janitors are at it still; names it.
    """
    began = time.monotonic()
    wait_until(
        lambda: (scene.left(), scene.janitors()),
        lambda seen: not (seen[0] and seen[1]),
        within_s=GONE_WITHIN_S,
        what=f"the last part of {scene.name} to go, or all to stay",
        every_s=0.05,
    )
    return time.monotonic() - began
