"""A topology whose engine fails at calls of its choice: what is done to it, what was said of it, what it left."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import docker

from stubs.wire import ServerName
from testbed.bed import Bed
from testbed.certificates import CertificateFault, leaf_of
from testbed.engine import labels
from testbed.engine.names import Names
from testbed.engine.pods import PodBuilder
from testbed.engine.records import records
from testbed.engine.sweep import clear
from testbed.faults import Certificate, FullDisk, Kill, Lose, Pause, Restart, SlowStart, Stop, Target
from testbed.nemesis import Nemesis
from testbed.staging import Certificates
from testbed.topology import ServerSpec, Topology
from tests.engine import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from testbed.engine.images import Images
    from testbed.engine.records import Record
    from testbed.faults import Fault
    from testbed.history import History
    from tests.engine.breaking import Failure, Way
    from tests.engine.double import Double

NAME, RUN = "failing", "run-of-failing"
TOPOLOGY = Topology(primary=ServerSpec(disk_mib=8))
PRIMARY, SECONDARY = ServerName.PRIMARY, ServerName.SECONDARY
FAULTS: tuple[Fault, ...] = (
    FullDisk(PRIMARY),
    SlowStart(Target(PRIMARY, "portal"), 200),
    Certificate(PRIMARY, CertificateFault.EXPIRED),
    Restart(Target(PRIMARY, "portal")),
    Kill(Target(PRIMARY, "portal")),
    Stop(Target(PRIMARY, "core")),
    Pause(Target(PRIMARY, "portal")),
    Lose(PRIMARY),
)


EACH_KIND: tuple[Fault, ...] = (
    FullDisk(PRIMARY),
    SlowStart(Target(SECONDARY, "portal"), 200),
    Certificate(SECONDARY, CertificateFault.EXPIRED),
    Kill(Target(PRIMARY, "core")),
    Kill(Target(SECONDARY, "core")),
    Pause(Target(PRIMARY, "portal")),
)
"""Faults that can be in force side by side."""


class DeafNemesis(Nemesis):
    """One whose cuts do nothing: they go through channels that are open, over no call of the engine."""

    def _change_links(self, *_links: Any) -> None:
        pass


class Trial:
    """One topology on one engine, reached by a way that fails what it is told to."""

    bed: Bed
    nemesis: Nemesis

    def __init__(self, way: Way, client: docker.DockerClient, images: Images, history: History, folder: Path) -> None:
        self.way, self.client, self._images = way, client, images
        self._history, self._folder = history, folder

    def up(self) -> Record:
        """As `Bed.up`, until all containers run."""
        records(self.client, NAME)
        return PodBuilder(self.client, self._images, TOPOLOGY, name=NAME, run=RUN, keep=False).build()

    def down(self) -> None:
        """As `Bed.down`."""
        clear(self.client.api, {labels.NAME: NAME})

    def meet(self, record: Record) -> None:
        """Get hold of the bed that is up."""
        self.bed = Bed(self.client, record, folder=self._folder)
        self.nemesis = DeafNemesis(self.bed, self._history)

    def look_into(self, engine: Double) -> None:
        """See of the bed what goes on in an engine in memory, which needs no time for it; its network has no fault."""
        self.bed.__dict__["links"] = SimpleNamespace(heal_all=lambda: None, ends={})
        names = Names(name=NAME)

        def sight(server: ServerName) -> Any:  # what is looked at of an inspector, and no more
            return inside.Sight(server.value, lambda service: engine.row(names.container(server, service)))

        self.bed.inspectors = {server.value: sight(server) for server in (PRIMARY, SECONDARY)}
        self.bed.certificates = Certificates(self.bed, within_s=0.05)
        self.nemesis = DeafNemesis(self.bed, self._history, within_s=0.05)

    def inject(self, fault: Fault) -> None:
        """Inject a fault, and do what shows it, where it does not show by itself."""
        self.nemesis.inject(fault)
        if isinstance(fault, SlowStart):
            self.bed.services.restart(fault.target.server, fault.target.service)

    def under(self, fault: Fault) -> None:
        """Inject a fault and heal it."""
        with self.nemesis.under(fault):
            if isinstance(fault, SlowStart):
                self.bed.services.restart(fault.target.server, fault.target.service)

    def fails(self, act: Callable[[], object], number: int, way: tuple[Failure, bool]) -> str | None:
        """Let its call of this number fail; all that was said of it, or nothing if it went well."""
        self.way.begin(number, *way)
        try:
            act()
        except Exception as error:  # noqa: BLE001 - judged by the caller
            return "; ".join(told(error))
        finally:
            self.way.after = None
        return None

    def calls(self, act: Callable[[], object]) -> int:
        """How many calls something takes."""
        before = len(self.way.seen)
        act()
        return len(self.way.seen) - before


def told(error: BaseException | None) -> Iterator[str]:
    """The messages of an error and its notes: of a group's members, and of what came before it."""
    if error is None:
        return
    yield from [str(error), *getattr(error, "__notes__", ())]
    for member in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from told(member)
    yield from told(error.__context__)


def wounds(engine: Double) -> dict[str, str]:
    """What is not as it was in an engine in memory, each with a word that would name it."""
    found: dict[str, str] = {}
    for container, row in engine.by_name().items():
        _, _, server, service = container.split("-")
        if row["State"] != "running":
            found[f"{container} is {row['State']}"] = f"{service} of the {server}"
        files = engine.files_of(container)
        if row["State"] != "exited" and leaf_of(row["shows"].encode()) != leaf_of(files["vault/tls.pem"]):
            found[f"{container} shows another certificate"] = f"certificate of {server}"
        for mark in [path for path in files if path.startswith(inside.MARKS)]:
            found[f"{mark} of the {server} is in force"] = server
    return found


@contextlib.contextmanager
def trial(host: str, way: Way, images: Images, history: History, folder: Path) -> Iterator[Trial]:
    """A topology that is to be, on the engine that answers there."""
    with contextlib.closing(docker.DockerClient(host, timeout=10)) as client:
        yield Trial(way, client, images, history, folder)
