"""The engine's n-th call fails, for each n, alone or with all that follow, in three ways: undone or named.

All n are gone through on an engine in memory (`tests.engine.double`), which a last test holds against the real one.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import docker
import pytest

from stubs.wire import ServerName
from testbed import layout
from testbed.engine import labels
from testbed.engine.images import Images
from testbed.engine.pods import PodBuilder
from testbed.engine.records import records
from testbed.engine.services import Services
from testbed.engine.sweep import clear, sweep
from testbed.faults import Kill, Lose, Pause, Stop, Target
from testbed.history import History
from testbed.nemesis import Nemesis
from testbed.topology import Topology
from tests.engine.breaking import ENGINE, Failure, Way, broken
from tests.engine.double import Double, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.faults import Fault

NAME, RUN = "failing", "run-of-failing"
TOPOLOGY = Topology()
MADE_UP = Images("server:1", "core:1", "portal:1", ())
PRIMARY = ServerName.PRIMARY
FAULTS: tuple[Fault, ...] = (
    Kill(Target(PRIMARY, "portal")),
    Stop(Target(PRIMARY, "core")),
    Pause(Target(PRIMARY, "portal")),
    Lose(PRIMARY),
)
EVERY_WAY = [(how, lasting) for how in Failure for lasting in (False, True)]


class DeafNemesis(Nemesis):
    """One whose cuts do nothing: they go through channels that are open, over no call of the engine."""

    def _change_links(self, *_links: Any) -> None:
        pass


class Trial:
    """One topology on one engine, reached by a way that fails what it is told to."""

    def __init__(self, way: Way, client: docker.DockerClient, images: Images, history: History) -> None:
        self.way, self.client, self._images = way, client, images
        bed = SimpleNamespace(
            services=Services(client, NAME), installed=lambda server: layout.services(TOPOLOGY, server)
        )
        self.nemesis = DeafNemesis(cast("Bed", bed), history, within_s=0.05)

    def up(self) -> None:
        """As `Bed.up`, until all containers run."""
        records(self.client, NAME)
        PodBuilder(self.client, self._images, TOPOLOGY, name=NAME, run=RUN, keep=False).build()

    def down(self) -> None:
        """As `Bed.down`."""
        clear(self.client.api, {labels.NAME: NAME})

    def under(self, fault: Fault) -> None:
        """Inject a fault and heal it."""
        with self.nemesis.under(fault):
            pass

    def fails(self, act: Callable[[], None], number: int, way: tuple[Failure, bool]) -> str | None:
        """Let its call of this number fail; all that was said of it, or nothing if it went well."""
        self.way.after, (self.way.how, self.way.lasting) = number, way
        self.way.failed = self.way._met = 0  # noqa: SLF001 - begins to count anew
        try:
            act()
        except Exception as error:  # noqa: BLE001 - judged by the caller
            return "; ".join(told(error))
        finally:
            self.way.after = None
        return None

    def calls(self, act: Callable[[], None]) -> int:
        """How many calls something takes."""
        before = len(self.way.seen)
        act()
        return len(self.way.seen) - before


def told(error: BaseException | None) -> Iterator[str]:
    """The messages of an error: of a group's members, and of what came before it."""
    if error is None:
        return
    yield str(error)
    for member in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from told(member)
    yield from told(error.__context__)


@contextlib.contextmanager
def trial(folder: Path, monkeypatch: pytest.MonkeyPatch, engine: Path, images: Images) -> Iterator[Trial]:
    """A topology that is to be, on this engine."""
    way = Way()
    with broken(folder, way, engine=engine) as host, History(folder / "history.jsonl") as history:
        monkeypatch.setenv("DOCKER_HOST", host)
        with contextlib.closing(docker.from_env(timeout=10)) as client:
            yield Trial(way, client, images, history)


@pytest.fixture
def double(tmp_path: Path) -> Iterator[tuple[Path, Double]]:
    """An engine in memory."""
    with served(tmp_path) as found:
        yield found


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, double: tuple[Path, Double]) -> Iterator[Trial]:
    """A topology that is to be, in memory."""
    with trial(tmp_path, monkeypatch, double[0], MADE_UP) as found:
        yield found


@pytest.mark.parametrize("way", EVERY_WAY)
def test_up_leaves_nothing_but_what_carries_its_label(
    tried: Trial, double: tuple[Path, Double], way: tuple[Failure, bool]
) -> None:
    """So that the run's janitor finds all of it; and it never says that it went well when it did not."""
    engine = double[1]
    count = tried.calls(tried.up)
    assert count > 30
    tried.down()
    for number in range(count):
        said = tried.fails(tried.up, number, way)
        assert said is not None, f"call {number} failed, and up went on"
        sweep(tried.client.api, {labels.RUN: RUN}).raise_failures()
        assert engine.names() == set(), f"left after call {number} failed"


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_is_undone_or_named(
    tried: Trial, double: tuple[Path, Double], fault: Fault, way: tuple[Failure, bool]
) -> None:
    """Each call of injecting and of healing; a service that does not run in the end is one that the error names."""
    engine = double[1]
    tried.up()
    healthy = engine.states()
    for number in range(tried.calls(lambda: tried.under(fault))):
        said = tried.fails(lambda: tried.under(fault), number, way)
        for container, state in engine.states().items():
            _, _, server, service = container.split("-")
            named = f"{service} of the {server}" in (said or "") or f"{server}/{service}" in (said or "")
            assert state == "running" or named, f"{container} is {state} after call {number} failed: {said}"
        assert said is not None, f"call {number} failed, and nobody was told"
        for row in engine.containers.values():
            row["State"] = "running"
        assert engine.states() == healthy


@pytest.mark.parametrize("way", EVERY_WAY)
def test_down_removes_the_rest_and_names_what_is_left(
    tried: Trial, double: tuple[Path, Double], way: tuple[Failure, bool]
) -> None:
    """Each call; where the engine did not even say what there is, that kind is named. Another `down` removes it."""
    engine = double[1]
    tried.up()
    count = tried.calls(tried.down)
    for number in range(count):
        tried.up()
        said = tried.fails(tried.down, number, way) or ""
        left = {
            "containers": set(engine.states()),
            "networks": {row["Name"] for row in engine.networks.values()},
            "volumes": set(engine.volumes),
        }
        for kind, names in left.items():
            unknown = f"which {kind} of {NAME} are left" in said
            assert unknown or all(name in said for name in names), f"call {number}: {names} left, and it said {said!r}"
        assert way[1] or engine.names() == set(), f"left after call {number} alone failed"
        tried.down()
        assert engine.names() == set()


_NOISE = re.compile(r"(/v1[.]\d+)|([?]\S*)|( HTTP/1.1)")
_WHICH = re.compile(r"/(containers|networks|volumes|images)/(?!json|create)[^ ]+?(?=/\w+$|$)")


def shapes(seen: list[str]) -> Counter[str]:
    """The requests without what differs from run to run."""
    return Counter(_WHICH.sub(r"/\1/*", _NOISE.sub("", line)) for line in seen)


def test_the_engine_in_memory_is_asked_as_the_real_one(
    tried: Trial, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same requests, as often, in each operation; and the containers have the same states under each fault."""

    def walk(on: Trial) -> dict[str, tuple[Counter[str], list[str]]]:
        seen: dict[str, tuple[Counter[str], list[str]]] = {}

        def note(step: str) -> None:
            asked = shapes(on.way.seen)
            on.way.seen.clear()
            rows = on.client.api.containers(all=True, filters={"label": f"{labels.NAME}={NAME}"})
            seen[step] = asked, sorted(f"{row['Names'][0]} {row['State']}" for row in rows)
            on.way.seen.clear()

        on.up()
        note("up")
        for fault in (fault for fault in FAULTS if not isinstance(fault, Stop)):  # takes 10 s where it just starts
            on.nemesis.inject(fault)
            note(f"inject {fault}")
            on.nemesis.heal(fault)
            note(f"heal {fault}")
        on.down()
        note("down")
        return seen

    in_memory = walk(tried)
    (tmp_path / "real").mkdir()
    with trial(tmp_path / "real", monkeypatch, ENGINE, images) as real:
        try:
            assert walk(real) == in_memory
        finally:
            real.down()
