"""A schedule as data: what is done to a pair, when, and by whom. Pure.

One vocabulary for both who run it: the simulator knows the faults of a pair and their undoing, containers all
of it. Times are testbed milliseconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stubs.decoding import decode
from stubs.wire import Site
from testbed.clients.steps import Kind
from testbed.errors import MisuseError
from testbed.world import Failback

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verb(StrEnum):
    """What is done."""

    KILL = "kill"
    STOP = "stop"
    PAUSE = "pause"
    RESTART = "restart"
    LOSE = "lose"
    CUT = "cut"
    START = "start"
    RESUME = "resume"
    RESUME_CLOCK_FIRST = "resume, clock first"
    """As resume, but the process meets that its heartbeat is due before it reads what waited for it."""

    RESTORE = "restore"
    HEAL = "heal"

    FILL = "fill"
    """A server's disk takes nothing more."""

    EMPTY = "empty"
    """It has room again."""

    AGE = "age"
    """A server whose portal is down gets an older disk, as from a backup: what came later is lost."""

    LOSS = "loss"
    """A share of the packets is lost; the value is percent."""

    RATE = "rate"
    """A link carries so much and no more; the value is bits a second."""

    FLAP = "flap"
    """A link is down and up by turns; the value is how long each, in milliseconds."""

    MEND = "mend"
    """A link carries everything again, at any rate and all the time."""

    SLOW = "restart slowly"
    """As restart, but the service takes longer to start; the value is by how many milliseconds."""

    CERTIFICATE = "certificate"
    """A server shows a wrong certificate; the value is a case."""

    INSTALL = "install"
    """It shows what was installed again."""

    CONFIGURE = "configure"
    """A setting is saved, and in effect; the value is KEY=VALUE, as `testbed configure` takes it, and {hostname} in it
    is the server's own name."""

    ENTER = "enter"
    """An administrator adds an entry to the system directory; the value is its name."""


FAULTS = (Verb.KILL, Verb.STOP, Verb.PAUSE, Verb.RESTART, Verb.LOSE, Verb.CUT)
"""The six fault kinds of a pair; the simulator knows these and what undoes them."""

OF_DISKS = (Verb.FILL, Verb.AGE)
"""The fault kinds that the simulator has besides; containers have none of them."""

WORSE = (Verb.LOSS, Verb.RATE, Verb.FLAP, Verb.CERTIFICATE, Verb.SLOW)
"""The fault kinds that containers have besides."""


class Act(NamedTuple):
    """One thing done to one target: a service ("primary/core"), a server, or a link."""

    verb: Verb
    target: str

    @property
    def is_fault(self) -> bool:
        """Whether it breaks something; else it undoes that, or is an administrator's work."""
        return self.verb in (*FAULTS, *OF_DISKS, *WORSE)

    def __str__(self) -> str:
        return f"{self.verb.value} {self.target}"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One act and when it is done, in testbed milliseconds; some verbs take a value."""

    at_ms: int
    act: Verb
    target: str
    value: str = ""

    @property
    def done(self) -> Act:
        """What is done, whatever the value."""
        return Act(self.act, self.target)

    def __str__(self) -> str:
        return f"{self.done} {self.value}".rstrip()


class Does(StrEnum):
    """What a client can do to its user's data."""

    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"
    SET = "set"
    MEET = "meet"
    READ = "read"


class Task(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One piece of work of one client: when, who, what. Its place in the schedule makes what it writes unique."""

    at_ms: int
    client: str
    does: Does


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A client with its user.

    Attributes:
        name: of the user; no two are the same.
        kind: web client, Outlook plug-in or Call Assistant.
        home: the server whose core is the user's.
        trusts: whether the client trusts both servers' issuers; else its user accepts each prompt.
        declines: its user declines each prompt instead, and the client trusts the primary's issuer alone.
    """

    name: str
    kind: Kind
    home: Site
    trusts: bool
    declines: bool = False


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that decides a run: in the simulator the same schedule gives the same run, to the last word.

    Containers do the same things in the same order at the same times; how fast their processes are is not in it.

    Attributes:
        seed: what it was drawn from, if it was.
        time_scale: testbed time divided by real time; the simulator's own, if left out.
        detection_minutes: Failover Detection Time, real minutes.
        failback: automatic or manual.
        ticked: whether P's line backs the portal up (CFG-7).
        phases_ms: when each process has its first heartbeat: P's portal and core, S's portal and core. Simulator only.
        delays_ms: how long a word is under way, within a server and between them. Simulator only.
        settles_ms: when the pair is to be at rest, and is judged by the oracle.
        until_ms: when the run ends.
        steps: what is done, in the order of its time.
        people: the clients. Containers only, as their work.
        work: what they do, in the order of its time.
    """

    seed: int | None = None
    time_scale: float = 0.01
    detection_minutes: float
    failback: Failback
    ticked: bool = True
    phases_ms: tuple[int, int, int, int] = (0, 30, 55, 80)
    delays_ms: tuple[int, int] = (1, 2)
    settles_ms: tuple[int, ...] = ()
    until_ms: int = 0
    steps: tuple[Step, ...]
    people: tuple[Person, ...] = ()
    work: tuple[Task, ...] = ()

    @property
    def faults(self) -> int:
        """How many faults are in it."""
        return sum(step.done.is_fault for step in self.steps)


def read(text: str) -> Schedule:
    """A schedule from its JSON.

    Raises:
        MisuseError: it is none, or it is not in the order of its times.
    """
    try:
        schedule = decode(text, Schedule)
    except msgspec.MsgspecError as error:
        raise MisuseError(f"no schedule: {error}") from error
    for times in (schedule.steps, schedule.work):
        moments = [one.at_ms for one in times]
        if moments != sorted(moments):
            raise MisuseError("no schedule: its steps or its work are not in the order of their times")
    strangers = {task.client for task in schedule.work} - {person.name for person in schedule.people}
    if strangers:
        raise MisuseError(f"no schedule: {min(strangers)} has work to do and is not among the people")
    return schedule


def written(schedule: Schedule) -> str:
    """Its JSON, one step or piece of work a line: the same schedule, the same text."""
    fields = {name: getattr(schedule, name) for name in schedule.__struct_fields__}
    lines = [f'  "{name}": {_lines(value) if _is_long(value) else _text(value)}' for name, value in fields.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _is_long(value: object) -> bool:
    return isinstance(value, tuple) and any(isinstance(one, msgspec.Struct) for one in value)


def _lines(values: Iterable[object]) -> str:
    return "[\n    " + ",\n    ".join(_text(one) for one in values) + "\n  ]"


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
