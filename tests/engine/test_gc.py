"""`testbed gc` as its users run it, on an engine in memory: the dead's things go, and nobody else's, whoever asks."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from testbed.engine import labels
from testbed.engine.lock import alone
from testbed.engine.recipes import MAKER_LABEL, ROLE_LABEL
from testbed.folders import forget_beds
from testbed.leftovers import YOUNG_S
from testbed.owner import folder_prefix, this_process
from tests.engine.answering import served
from tests.engine.breaking import Way
from tests.engine.lives import unborn
from tests.program import begin as begun
from tests.program import end, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engine.double import Double
    from tests.program import Ended

LIVING = str(this_process())
ELSEWHERE = LIVING.replace("-", "0", 1)
"""A process of another machine, as far as anybody here can tell."""

RUN = """
import threading
from testbed.engine import labels
print(labels.of_run("run-theirs")[labels.OWNER], flush=True)
threading.Event().wait()
"""


@pytest.fixture(scope="session")
def gone() -> str:
    """A process that has ended."""
    program = "from testbed.owner import this_process; print(this_process())"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - ours


@dataclass
class Ground:
    """An engine in memory, and a machine's folders for one user.

    Attributes:
        engine: what it has.
        folder: where the user's folders are.
        host: where the engine answers.
    """

    engine: Double
    folder: Path
    host: str

    @property
    def state(self) -> Path:
        """The testbed's own."""
        return self.folder / "state" / "portal-resilience-testbed"

    @property
    def cache(self) -> Path:
        """Where images are made."""
        return self.folder / "cache" / "portal-resilience-testbed"

    @property
    def temporary(self) -> Path:
        """For the time being."""
        return self.folder / "tmp"

    @property
    def environ(self) -> dict[str, str]:
        """That leads there."""
        return {
            "DOCKER_HOST": self.host,
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "TMPDIR": str(self.temporary),
        }

    def gc(self, *arguments: str) -> dict[str, list[str]]:
        """What the command says it did."""
        ended = run("gc", "--json", *arguments, environ=self.environ)
        assert ended.code == 0, ended
        found: dict[str, list[str]] = ended.json
        return found

    def container(self, name: str, **marks: str) -> str:
        """Let there be one with these labels; its name."""
        identity = uuid.uuid4().hex * 2
        row = {"Id": identity, "Names": [f"/{name}"], "Labels": marks, "mounted": {}, "at": [], **unborn()}
        self.engine.containers[identity] = row
        return name

    def run_of(self, name: str, owner: str | None, **more: str) -> dict[str, Any]:
        """Let a run have a container, a network and a volume, and be somebody's; the labels."""
        marks = {labels.RUN: f"run-{name}", labels.NAME: name, **more} | (
            {} if owner is None else {labels.OWNER: owner}
        )
        self.container(name, **marks)
        self.engine.networks[f"id-{name}"] = {"Id": f"id-{name}", "Name": name, "Labels": marks}
        self.engine.volumes[name] = {"Name": name, "Labels": marks}
        return marks


@pytest.fixture
def ground(double: Double, tmp_path: Path) -> Iterator[Ground]:
    """Nothing is there yet."""
    with served(tmp_path, double, Way()) as host:
        ground = Ground(double, tmp_path, host)
        for folder in (ground.state / "runs", ground.state / "beds", ground.cache, ground.temporary):
            folder.mkdir(parents=True)
        yield ground


def test_gc_leaves_alone_what_may_be_somebodys(ground: Ground, gone: str) -> None:
    """Of a living process, by whatever state folder; of one that nobody can look at here, who is named; what stays."""
    ground.run_of("living", LIVING)
    ground.run_of("elsewhere", ELSEWHERE)
    ground.run_of("nobodys", None)
    ground.run_of("stays", gone, **{labels.KEEP: "1"})
    ground.run_of("dead", gone)
    ground.run_of("half", gone, **{labels.KEEP: "6"})
    would = ground.gc("--dry-run")
    assert len(ground.engine.containers) == 6
    did = ground.gc()
    assert did == would
    assert did["containers"] == did["networks"] == did["volumes"] == ["dead", "half"]
    assert did["kept"] == ["elsewhere", "nobodys"]
    assert ground.engine.names() == {"living", "elsewhere", "nobodys", "stays"}


def test_gc_all_leaves_nothing(ground: Ground) -> None:
    """Who asks for it gets it."""
    for name, owner in (("living", LIVING), ("elsewhere", ELSEWHERE), ("nobodys", None)):
        ground.run_of(name, owner)
    assert ground.gc("--all")["kept"] == []
    assert ground.engine.names() == set()


def test_gc_sees_a_run_of_another_state_folder_live_and_die(ground: Ground) -> None:
    """It holds no lock here, and its containers are its own until it is killed."""
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        try:
            assert process.stdout is not None
            ground.run_of("theirs", process.stdout.readline().strip())
            assert ground.gc()["containers"] == []
        finally:
            process.kill()
    assert ground.gc()["containers"] == ["theirs"]


def test_gc_believes_a_lock_that_is_here(ground: Ground) -> None:
    """One that nobody holds tells of a run that died, though its process number may be somebody's, or a reboot ago."""
    for name, owner in (("one", LIVING), ("other", ELSEWHERE)):
        (ground.state / "runs" / f"run-{name}").touch()
        ground.run_of(name, owner)
    did = ground.gc()
    assert did["containers"] == ["one", "other"]
    assert {path.rpartition("/")[2] for path in did["files"]} == {"run-one", "run-other"}


def test_gc_removes_the_maker_of_an_image_only_once_it_is_dead(ground: Ground, gone: str) -> None:
    """By whatever cache it made it; what merely runs from an image of ours is somebody's business."""
    image = {ROLE_LABEL: "core", MAKER_LABEL: ""}
    ground.container("runs-from-an-image", **image)
    ground.container("runs-from-an-old-image", **{ROLE_LABEL: "core"})
    for name, maker in (("living", LIVING), ("elsewhere", ELSEWHERE), ("dead", gone)):
        ground.container(name, **image | {MAKER_LABEL: maker})
    assert ground.gc()["containers"] == ["dead"]
    assert len(ground.engine.containers) == 4
    assert ground.gc("--all")["containers"] == ["elsewhere"]


def test_gc_removes_untagged_images_and_half_fetched_libraries(ground: Ground) -> None:
    """But for one that is in use, and one so young that its tag may be on the way."""
    now = int(time.time())
    for name, age_s, used in (("old", YOUNG_S + 5, False), ("used", YOUNG_S + 5, True), ("young", 1, False)):
        identity, made = f"sha256:{name}", now - int(age_s)
        row = {"Id": identity, "Labels": {ROLE_LABEL: "debian"}, "Created": made, "used": used}
        ground.engine.images[identity] = row
    fetched = ground.cache / "fetch-x1"
    fetched.mkdir()
    did = ground.gc()
    assert did["images"] == ["sha256:old"]
    assert did["files"] == [str(fetched)]
    assert not fetched.exists()
    assert set(ground.engine.images) == {"sha256:used", "sha256:young"}


def test_gc_removes_nothing_of_images_while_some_are_made(
    ground: Ground, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody begins to make any while it removes."""
    ground.container("dead", **{MAKER_LABEL: gone})
    with alone(ground.cache, print):
        assert ground.gc()["containers"] == []
    seen: list[bool] = []
    answer = ground.engine.answer

    def looking(method: str, *asked: Any) -> tuple[int, Any]:
        if method == "DELETE":
            seen.append(is_free(ground.cache))
        return answer(method, *asked)

    monkeypatch.setattr(ground.engine, "answer", looking)
    assert ground.gc()["containers"] == ["dead"]
    assert seen == [False]


def is_free(cache: Path) -> bool:
    """Whether another process could make images now."""
    program = "import sys; from pathlib import Path; from testbed.engine.lock import if_free\n"
    program += "with if_free(Path(sys.argv[1])) as free: print(free)"
    command = [sys.executable, "-c", program, str(cache)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "True"  # noqa: S603 - ours


def test_gc_removes_folders_for_the_time_being_of_the_dead(ground: Ground, gone: str) -> None:
    """Not those of the living, nor what somebody asked to be kept, nor what only leads there."""
    prefix = folder_prefix()
    dead = ground.temporary / f"{prefix.replace(LIVING, gone)}x1"
    others = [ground.temporary / name for name in (f"{prefix}x2", f"{prefix.replace(LIVING, ELSEWHERE)}x3")]
    others += [ground.temporary / "testbed-random-x4", ground.temporary / "else"]
    for each in (dead, *others):
        each.mkdir()
        (each / "history.jsonl").touch()
    link = ground.temporary / f"{prefix.replace(LIVING, gone)}x5"
    link.symlink_to(others[-1])
    assert ground.gc("--dry-run")["files"] == [str(dead)]
    assert ground.gc()["files"] == [str(dead)]
    assert not dead.exists()
    assert all((each / "history.jsonl").exists() for each in (*others, link))


def test_a_command_that_is_killed_leaves_a_folder_that_gc_finds(ground: Ground) -> None:
    """Such a folder is made by a command that is not asked for a report."""
    program = "import sys, threading; from testbed.cli.borrowed import report_folder\n"
    program += "with report_folder(None, ()) as folder: print(folder, flush=True); threading.Event().wait()"
    environ = {"TMPDIR": str(ground.temporary), "PATH": ""}
    with subprocess.Popen(  # noqa: S603 - ours
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environ
    ) as process:
        try:
            assert process.stdout is not None
            folder = process.stdout.readline().strip()
            assert ground.gc()["files"] == []
        finally:
            process.kill()
    assert ground.gc()["files"] == [folder]
    assert list(ground.temporary.iterdir()) == []


def test_gc_says_line_by_line_what_it_did(ground: Ground, gone: str) -> None:
    """And that there was nothing, if so."""

    def said() -> list[str]:
        ended: Ended = end(begun("gc", environ=ground.environ))
        assert ended.code == 0, ended
        return ended.out.splitlines()

    assert said() == ["nothing is left over"]
    ground.run_of("dead", gone)
    ground.run_of("nobodys", None)
    kept = "kept nobodys: nobody can tell here whether its run lives (testbed gc --all)"
    assert said() == ["removed container dead", "removed network dead", "removed volume dead", kept]


@pytest.mark.parametrize("names", [["new"], ["gone", "new"]], ids=["a new name", "one whose folder is an old one"])
def test_a_topology_that_comes_up_meanwhile_keeps_its_certificates(tmp_path: Path, names: list[str]) -> None:
    """Whatever moment it comes up at: it writes them when its containers are there."""
    old = tmp_path / "gone"
    old.mkdir()

    def up() -> list[str]:
        for name in names:
            (tmp_path / name).mkdir(exist_ok=True)
        return names

    forget_beds(tmp_path, up=up)
    assert {each.name for each in tmp_path.iterdir()} == set(names)
