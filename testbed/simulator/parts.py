"""What a simulated pair consists of: processes, disks, links' particulars and durations. Values and small records."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from stubs.timing import Timing
from testbed.world import Failback

if TYPE_CHECKING:
    from stubs.core.board import Board
    from stubs.portal.knowledge import Knowledge
    from stubs.portal.moment import Moment
    from stubs.resilience import State
    from stubs.wire import CoreFacts, CoreWord, PortalFacts, PortalStatus, Site

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
class Disk:
    """What a portal keeps across its ends. The data are counted only: a change is the next number of a log.

    Attributes:
        notes: what it learnt.
        head: changes of the primary's log that are here.
        own: changes that this secondary made itself and that failback discards (SYNC-4).
        followed_ms: when it last took something over.
    """

    notes: dict[str, str] = field(default_factory=dict)
    head: int = 0
    own: int = 0
    followed_ms: int = 0

    def remembered(self, key: str) -> str | None:
        """What was kept under a key."""
        return self.notes.get(key)

    def remember(self, key: str, value: str) -> None:
        """Keep it."""
        self.notes[key] = value

    def copied(self) -> Disk:
        """Another disk with the same on it."""
        return replace(self, notes=dict(self.notes))


@dataclass
class Portal:
    """One portal: what its process has in memory, and its disk.

    Attributes:
        moment: how it stands; of a process that is down, how it stood last.
        due_ms: its next heartbeat.
        backlog: what waits for a process that is paused.
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


# What happens: to whom it comes, and of which start or call; what is of an earlier one is void.


class PortalDue(NamedTuple):
    """A portal's heartbeat is due."""

    site: Site
    boot: int


class CoreDue(NamedTuple):
    """A core's heartbeat is due."""

    site: Site
    boot: int


class Begin(NamedTuple):
    """A process that restarts is there again."""

    service: str


class Gossip(NamedTuple):
    """A portal's word, from portal to portal."""

    site: Site
    word: PortalStatus


class KeepAlive(NamedTuple):
    """A core's words to the other core."""

    site: Site
    words: tuple[PortalStatus, ...]


class Accept(NamedTuple):
    """A core finds a portal that calls."""

    portal: Site
    core: Site
    number: int


class ToCore(NamedTuple):
    """A portal's word to a core; `None`: it hung up."""

    portal: Site
    core: Site
    number: int
    word: PortalStatus | None


class ToPortal(NamedTuple):
    """A core's word to a portal; `None`: it hung up."""

    portal: Site
    core: Site
    number: int
    word: CoreWord | None


class Call(NamedTuple):
    """A portal calls a core."""

    portal: Site
    core: Site
    number: int


class PortalWaited(NamedTuple):
    """A portal looks whether a core has been silent too long."""

    portal: Site
    core: Site
    number: int


class CoreWaited(NamedTuple):
    """A core looks whether a portal has been silent too long."""

    portal: Site
    core: Site
    number: int


Item = PortalDue | CoreDue | Begin | Gossip | KeepAlive | Accept | ToCore | ToPortal | Call | PortalWaited | CoreWaited
