"""What a simulated pair consists of: processes, links' particulars and durations. Values and small records."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from stubs.timing import Timing
from testbed.world import Failback

if TYPE_CHECKING:
    from stubs.core.board import Board
    from stubs.portal.knowledge import Knowledge
    from stubs.portal.moment import Moment
    from stubs.resilience import State
    from stubs.wire import CoreFacts, PortalFacts, Site
    from testbed.simulator.disk import Disk
    from testbed.simulator.items import Item, OfData

SCALE = 0.01
"""Testbed time divided by real time: a heartbeat of 10 s is 100 ms here."""

DEFAULT_MINUTES = 1.5
"""Failover Detection Time of a simulated pair in real minutes: nine heartbeats."""


class Chance(Protocol):
    """Where chance comes from: `random.Random(seed)`, say."""

    def randrange(self, start: int, stop: int, /) -> int:
        """A number from `start` on and below `stop`."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What does not change while a pair is simulated.

    Attributes:
        minutes: Failover Detection Time, real minutes.
        failback: automatic or manual (ROLE-8).
        ticked: whether P's line backs the portal up (CFG-7); resilience is not ready without.
        phases_ms: when each process has its first heartbeat: P's portal, P's core, S's portal, S's core.
        delays_ms: how long a word is under way: within a server, between the servers.
    """

    minutes: float = DEFAULT_MINUTES
    failback: Failback = Failback.AUTOMATIC
    ticked: bool = True
    phases_ms: tuple[int, int, int, int] = (0, 30, 55, 80)
    delays_ms: tuple[int, int] = (1, 2)

    @classmethod
    def drawn(cls, chance: Chance, *, minutes: float, failback: Failback, ticked: bool = True) -> Setting:
        """One with phases and delays by chance."""
        one, two, three, four = (chance.randrange(0, HEARTBEAT_MS) for _ in range(4))
        delays = (chance.randrange(1, 3), chance.randrange(1, 8))
        phases = (one, two, three, four)
        return cls(minutes=minutes, failback=failback, ticked=ticked, phases_ms=phases, delays_ms=delays)

    @property
    def detection_ms(self) -> int:
        """Failover Detection Time in simulated milliseconds."""
        return TIMING.detection_ms(self.minutes)

    @property
    def bound_ms(self) -> int:
        """After this long without an act all roles are what they stay: two silences found, two detections."""
        return 2 * FRESH_MS + 2 * self.detection_ms + 6 * HEARTBEAT_MS


TIMING = Timing(scale=SCALE)
HEARTBEAT_MS, FRESH_MS = TIMING.heartbeat_ms, TIMING.fresh_ms


@dataclass
class Portal:
    """One portal: what its process has in memory, and its disk.

    Attributes:
        moment: how it stands; of a process that is down, how it stood last.
        due_ms: its next heartbeat.
        backlog: what waits for a process that is paused.
        eager: how many changes its users are about to make, one a heartbeat.
        synced_ms: when synchronisation last came on, as this side sees it; `None`: not since it started.
        trouble: why it does not, as this side sees it.
    """

    site: Site
    disk: Disk
    facts: PortalFacts
    moment: Moment
    knowledge: Knowledge
    boot: int = 0
    serial: int = 0
    alive: bool = False
    paused: bool = False
    due_ms: int = 0
    backlog: list[Item] = field(default_factory=list)
    eager: int = 0
    synced_ms: int | None = None
    trouble: str = ""

    @property
    def works(self) -> bool:
        """Whether it does anything now."""
        return self.alive and not self.paused

    @property
    def state(self) -> State:
        """Of its machine."""
        return self.moment.state

    def copied(self) -> Portal:
        """Another one that is the same.

        What it knows of the configuration is shared: that is complete before the first act, and never changes.
        """
        return replace(self, disk=self.disk.copied(), backlog=list(self.backlog))


@dataclass
class Core:
    """One core: what its process has in memory.

    Attributes:
        lines: the conversation with each portal that is logged in, by its number.
    """

    site: Site
    facts: CoreFacts
    board: Board
    boot: int = 0
    alive: bool = False
    paused: bool = False
    due_ms: int = 0
    lines: dict[Site, int] = field(default_factory=dict)
    backlog: list[Item] = field(default_factory=list)

    @property
    def works(self) -> bool:
        """Whether it does anything now."""
        return self.alive and not self.paused

    def copied(self) -> Core:
        """Another one that is the same."""
        return replace(self, board=self.board.copied(), lines=dict(self.lines), backlog=list(self.backlog))


@dataclass
class Line:
    """A portal's CTI link to one core (`stubs.portal.cti`).

    Attributes:
        number: of the present call; what belongs to an earlier one is void.
        open: the call was answered, by the kernel at least.
        up: the core counts as answering.
        spoke: it said something in this call.
        began_ms: when the call began.
        heard_ms: when the portal last heard something in it.
        core_heard_ms: when the core did.
        held: what TCP repeats until the way is open again, with who sent it.
    """

    portal: Site
    core: Site
    number: int = 0
    open: bool = False
    calling: bool = False
    up: bool = False
    spoke: bool = False
    began_ms: int = 0
    heard_ms: int = 0
    core_heard_ms: int = 0
    held: list[tuple[Site, Site, Item]] = field(default_factory=list)

    def copied(self) -> Line:
        """Another one that is the same."""
        return replace(self, held=list(self.held))


@dataclass
class DataLine:
    """The link that keeps the data in step (`stubs.portal.sync`): the secondary's portal calls the primary's.

    Attributes:
        number: of the present call; what belongs to an earlier one is void.
        open: the call was answered, by the kernel at least.
        calling: it was not answered yet.
        heard_ms: when the secondary last heard something in it.
        source: the data set that the secondary follows.
        after: the last change of it that is there.
        fed: the call that the primary has taken; 0: none.
        fed_heard_ms: when the primary began to listen.
        identity: of the data set that the primary offered.
        asked: after which change the secondary asked last.
        began_after: after which it asked first.
        wait: counts the primary's waits for a change.
        waits: it waits.
        held: what TCP repeats until the way is open again.
    """

    number: int = 0
    open: bool = False
    calling: bool = False
    heard_ms: int = 0
    source: str = ""
    after: int = 0
    fed: int = 0
    fed_heard_ms: int = 0
    identity: str = ""
    asked: int = 0
    began_after: int | None = None
    wait: int = 0
    waits: bool = False
    held: list[OfData] = field(default_factory=list)

    def copied(self) -> DataLine:
        """Another one that is the same."""
        return replace(self, held=list(self.held))
