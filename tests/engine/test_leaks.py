"""Nothing is left behind, however a run ends; and what is meant to stay, stays."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, NamedTuple

import pytest

from testbed import leftovers, runs
from testbed.engine import labels
from testbed.engine.subnets import create_network
from testbed.leftovers import fate_in
from testbed.runs import Fate
from testbed.waiting import wait_until
from tests.engine.breaking import Failure, Way, broken
from tests.program import begin, done, end, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import docker

    from testbed.leftovers import Found

GONE_WITHIN_S = 60


class Parts(NamedTuple):
    """How many things the engine has that belong to a topology."""

    containers: int = 0
    networks: int = 0
    volumes: int = 0


NONE, WHOLE = Parts(), Parts(6, 1, 2)


def parts(client: docker.APIClient, label: str, value: str) -> Parts:
    """Count them."""
    filters = {"label": f"{label}={value}"}
    volumes = client.volumes(filters=filters)["Volumes"] or []
    containers, networks = client.containers(all=True, filters=filters), client.networks(filters=filters)
    return Parts(len(containers), len(networks), len(volumes))


def unlabelled(client: docker.APIClient, name: str) -> list[str]:
    """Networks and volumes of a topology's name, whatever their labels."""
    volumes = [one["Name"] for one in client.volumes()["Volumes"] or []]
    return [one for one in [*volumes, *(one["Name"] for one in client.networks())] if f"-{name}-" in one]


def gone(client: docker.APIClient, name: str) -> None:
    """Wait until nothing of a topology is left."""
    what = f"the last part of {name} to go"
    wait_until(
        lambda: (parts(client, labels.NAME, name), unlabelled(client, name)),
        lambda seen: seen == (NONE, []),
        within_s=GONE_WITHIN_S,
        what=what,
        every_s=0.1,
    )


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """A state folder of this test's own (`tmp_path / "state"`), as a variable of the environment."""
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def name(client: docker.APIClient) -> Iterator[str]:
    """A name of which nothing is left when the test ends."""
    name = f"cli-{uuid.uuid4().hex[:8]}"
    yield name
    run("down", name)
    gone(client, name)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Children can be interrupted even where this process ignores it, as in the background of a script."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


MOMENTS: dict[str, Callable[[Parts], bool]] = {
    "before the network": lambda parts: parts != NONE,
    "during containers": lambda parts: parts.containers >= 2,
    "while waiting": lambda parts: parts == WHOLE,
}
ENDS = [(number, moment) for number in (signal.SIGINT, signal.SIGKILL) for moment in MOMENTS]


@pytest.mark.usefixtures("interruptible", "images")
@pytest.mark.parametrize(("number", "moment"), [*ENDS, (signal.SIGTERM, "while waiting")])
def test_up_leaves_nothing_when_it_is_ended(
    client: docker.APIClient, state: dict[str, str], name: str, number: int, moment: str
) -> None:
    """Whenever, and by which signal ever; an interrupted one says no more than that."""
    process = begin("up", "--name", name, environ=state)
    wait_until(
        lambda: MOMENTS[moment](parts(client, labels.NAME, name)),
        lambda seen: seen or process.poll() is not None,
        within_s=30,
        what=moment,
        every_s=0.002,
    )
    process.send_signal(number)
    ended = end(process)
    assert ended.code == (130 if number == signal.SIGINT else -number), ended
    assert "Traceback" not in ended.err
    gone(client, name)


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(
    "way",
    [
        Way("POST .*/volumes/create", 0),
        Way("POST .*/networks/create", 0),
        Way("POST .*/networks/create", 0, Failure.UNANSWERED),
        Way("POST .*/containers/create", 0),
        Way("POST .*/containers/create", 3, Failure.UNANSWERED),
        Way("PUT .*/archive", 0),
        Way("POST .*/containers/.*/start", 1, Failure.UNSENT),
        Way("POST .*/containers/.*/start", 5),
        Way("POST .*/containers/.*/start", 2, Failure.UNANSWERED, lasting=True),
    ],
    ids=lambda way: f"{way.pattern.rpartition('/')[2]}-{way.after}-{way.how.value}",
)
def test_up_leaves_nothing_when_the_engine_fails(client: docker.APIClient, tmp_path: Path, name: str, way: Way) -> None:
    """Nothing is left when it returns, and it says in one line what could not be made."""
    with broken(tmp_path, way) as engine:
        environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "DOCKER_HOST": engine}
        ended = run("up", "--name", name, environ=environ)
        assert way.has_failed
    said = ended.refused()
    assert "made-up failure" in said if way.how is Failure.REFUSED else "cannot " in said
    assert (parts(client, labels.NAME, name), unlabelled(client, name)) == (NONE, [])
    assert not list((tmp_path / "state").rglob("*.pem"))


@pytest.mark.usefixtures("images")
def test_up_that_cannot_remove_what_it_made_names_it(
    engine: docker.DockerClient, client: docker.APIClient, tmp_path: Path, name: str
) -> None:
    """Both failures are told, that of the making and that of the removal; `gc` removes the rest later."""
    way = Way("(DELETE|POST .*/start)", 2, lasting=True)
    with broken(tmp_path, way) as host:
        ended = run("up", "--name", name, environ={"XDG_STATE_HOME": str(tmp_path / "state"), "DOCKER_HOST": host})
    made, removal = ended.err.splitlines()
    assert ended.code == 2
    assert "cannot make the " in made
    assert "testbed gc" in removal
    left = [row["Names"][0][1:] for row in client.containers(all=True, filters={"label": f"{labels.NAME}={name}"})]
    assert left
    assert all(f"cannot remove {one}: " in removal for one in left)
    mine = {one.run for one in leftovers.find(engine) if one.name == name}
    folder = tmp_path / "state" / "portal-resilience-testbed" / "runs"
    assert {runs.fate(folder, run) for run in mine} == {Fate.DIED}  # though all is there, marked to stay
    leftovers.collect(engine, fate=lambda one: Fate.DIED if one.run in mine else Fate.ALIVE).raise_failures()
    gone(client, name)


@pytest.mark.usefixtures("images")
def test_up_of_one_name_by_two_at_once_is_won_by_one(client: docker.APIClient, name: str) -> None:
    """The loser says so, leaves nothing of its own, and does not harm the winner."""
    ended = [end(process) for process in [begin("up", "--name", name) for _ in range(2)]]
    assert sorted(one.code for one in ended) == [0, 2], ended
    (loser,) = (one for one in ended if one.code)
    assert f"{name} is " in loser.refused()
    assert parts(client, labels.NAME, name) == WHOLE
    assert done("status", name, "--json").json["resilience"] == "normal"
    done("down", name)
    gone(client, name)
    assert f"no topology called {name} is up" in run("down", name).refused()


SUITE = """
import threading
from pathlib import Path
import pytest
from testbed.faults import Kill, SlowStart, cut, fill

@pytest.mark.topology(preset="small-disk")
def test_that_is_killed(bed, nemesis):
    faults = [SlowStart(bed.primary.portal, 60_000), Kill(bed.primary.portal), fill(bed.secondary)]
    with nemesis.under(*faults, cut(bed.primary, bed.secondary)):
        Path("name").write_text(bed.name)
        threading.Event().wait()
"""


@pytest.mark.usefixtures("images")
def test_session_killed_amid_a_fault_leaves_nothing(
    client: docker.APIClient, tmp_path: Path, state: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its beds nor their certificates and its lock."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    monkeypatch.setenv("XDG_STATE_HOME", state["XDG_STATE_HOME"])
    command = [sys.executable, "-m", "pytest", "-q", "test_suite.py"]
    written = tmp_path / "name"
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as session:  # noqa: S603 - ours
        try:
            wait_until(lambda: written.exists() and written.read_text(), bool, within_s=60, what="the fault")
        finally:
            session.kill()
    name = written.read_text()
    gone(client, name)
    folder = tmp_path / "state" / "portal-resilience-testbed"
    wait_until(lambda: list((folder / "runs").iterdir()), lambda left: not left, within_s=30, what="its lock to go")
    assert not list((folder / "beds").iterdir())


def half_made(client: docker.APIClient, image: str, run_id: str) -> None:
    """What a run that died early leaves: a network, a volume, one container."""
    marks = labels.of_run(run_id) | {labels.NAME: run_id, labels.KEEP: "6"}
    create_network(client, run_id, labels=marks)
    client.create_volume(run_id, labels=marks)
    client.create_container(image, ["true"], labels=marks)


@pytest.mark.usefixtures("images")
def test_gc_removes_what_is_left_of_the_dead_and_nothing_else(
    engine: docker.DockerClient, client: docker.APIClient, image: str, name: str, tmp_path: Path
) -> None:
    """A half-made topology goes; a whole one that is to stay, and that of a living run, stay."""
    done("up", "--name", name)
    kept = next(one for one in leftovers.find(engine) if one.name == name).run
    with contextlib.ExitStack() as stack:
        living, _ = stack.enter_context(runs.run(tmp_path))
        dead = f"cli-dead-{uuid.uuid4().hex[:8]}"
        for each in (living, dead):
            half_made(client, image, each)

        (tmp_path / dead).touch()  # its process, which was this one, lives

        def fate(found: Found) -> Fate:
            """What belongs to others is none of this test's business."""
            return fate_in(tmp_path)(found) if found.run in {living, dead, kept} else Fate.ALIVE

        would = leftovers.collect(engine, fate=fate, look_only=True)
        assert parts(client, labels.RUN, dead) == Parts(1, 1, 1)
        swept = leftovers.collect(engine, fate=fate)
        swept.raise_failures()
        assert swept.found() == would.found()
        assert swept.networks == swept.volumes == [dead]
        assert parts(client, labels.RUN, dead) == NONE
        assert parts(client, labels.RUN, living) == Parts(1, 1, 1)
        assert parts(client, labels.NAME, name) == WHOLE
    assert parts(client, labels.RUN, living) == NONE
