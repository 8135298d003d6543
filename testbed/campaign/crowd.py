"""The clients of a run, each with its user, in a thread of its own: they work, and come back by themselves. Acts.

A user does what a person would: logs in where a form is shown, and types the other server's address when nothing has
come for a while (REDIR-2, CLIENT-3). What became of each piece of work is in the history.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self, assert_never

from stubs.wire import Site
from testbed.clients.client import LogInError
from testbed.clients.kinds import CallAssistant, OutlookPlugin, WebClient, WebUser, world_of
from testbed.clients.screen import Shows
from testbed.clients.steps import Kind
from testbed.clients.trust import TrustStore
from testbed.defects import of_clients
from testbed.errors import NotInTimeError
from testbed.history import SystemClock
from testbed.schedules.schedule import Does
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from testbed.bed import Bed
    from testbed.clients.kinds import User
    from testbed.clients.outcome import Outcome
    from testbed.clients.screen import Screen
    from testbed.history import History
    from testbed.schedules.schedule import Person, Schedule, Task

PACE_S = 0.4
"""How often a client asks how things stand, in seconds; so often that moves are seen, so seldom that twenty fit."""

PATIENCE_TURNS = 8
"""After so many turns without a portal that serves, its user types the other server's address."""

LOOP_S = 36_000.0
"""A bound for the longest run."""

ARRIVE_S = 20.0
"""So long the schedule waits for everybody to log in at the begin; those who cannot come later, or never."""

MEETING_S = 5.0
"""How far ahead a meeting is scheduled, in seconds."""

_STUCK = frozenset({Shows.NOTHING, Shows.NOT_SERVING, Shows.UNREACHABLE, Shows.DISCONNECTED, Shows.REDIRECT_LOOP})
"""Screens that tell a user that nothing goes on here; a page that lost contact waits by itself for a while, too."""


class Worker:
    """One client and its user.

    Args:
        person: who.
        client: which.
        bed: the servers whose addresses the user knows.
        tasks: what there is to do.
    """

    def __init__(self, person: Person, client: User, bed: Bed, tasks: Sequence[tuple[int, Task]]) -> None:
        self.person, self.client = person, client
        self._servers = {site: bed.server(site) for site in Site}
        self._tasks = deque(tasks)
        self._known: dict[str, list[str]] = {"contacts": [], "settings": [], "meetings": []}
        self._typed: Site | None = None
        self._stuck = 0

    def turn(self, elapsed_ms: float) -> Screen:
        """Look how things stand, do what a user does about it, and what work is due."""
        screen = self._type(Site.PRIMARY) if self._typed is None else self.client.poll()
        if screen.shows is Shows.LOGIN:
            screen = self._log_in()
        self._stuck = self._stuck + 1 if screen.shows in _STUCK or screen.shows is Shows.LOST_CONTACT else 0
        if self._stuck > PATIENCE_TURNS:
            self._stuck = 0
            screen = self._type(Site.SECONDARY if self._typed is Site.PRIMARY else Site.PRIMARY)
        while self._tasks and self._tasks[0][1].at_ms <= elapsed_ms:
            number, task = self._tasks.popleft()
            if screen.shows is Shows.HOME:
                self._do(task.does, number)
        return screen

    def _type(self, site: Site) -> Screen:
        self._typed = site
        return self.client.log_in_at(self._servers[site])

    def _log_in(self) -> Screen:
        if not isinstance(self.client, WebUser):
            server = self.client.screen.server
            return self._type(next((site for site in Site if site.value == server), Site.PRIMARY))
        try:
            return self.client.log_in_again()
        except LogInError as error:  # nobody serves there any more: it is on the screen
            return error.screen

    def _do(self, does: Does, number: int) -> None:
        """What is written is unique by its number in the schedule."""
        name = f"{self.person.name} {number}"
        match does:
            case Does.ADD:
                self._keep("contacts", self.client.change("contacts", {"name": name, "number": str(number)}))
            case Does.SET:
                self._keep("settings", self.client.change("settings", {"key": name, "value": str(number)}))
            case Does.MEET:
                starts_at = (SystemClock().wall() + timedelta(seconds=MEETING_S)).astimezone(UTC)
                fields = {"title": name, "starts_at": _iso(starts_at)}
                self._keep("meetings", self.client.change("meetings", fields))
            case Does.CHANGE:
                if self._known["contacts"]:
                    item = self._known["contacts"][-1]
                    self.client.change("contacts", {"name": name, "number": str(number)}, item=item)
            case Does.DELETE:
                if self._known["contacts"]:
                    self.client.delete("contacts", self._known["contacts"].pop())
            case Does.READ:
                self.read()
            case _:
                assert_never(does)

    def read(self) -> None:
        """Read all that the user has, for the history; and know what is there now."""
        for collection in self._known:
            outcome = self.client.read(collection)
            if outcome.ok:
                self._known[collection] = [str(item["id"]) for item in outcome.items]

    def _keep(self, collection: str, outcome: Outcome) -> None:
        if outcome.item is not None:
            self._known[collection].append(str(outcome.item["id"]))


class Crowd:
    """All clients of a run, at work while the block runs.

    Args:
        bed: where.
        history: of the run.
        schedule: says who does what.

    Raises:
        ExceptionGroup: when the block is left: of what failed in a client itself.
    """

    def __init__(self, bed: Bed, history: History, schedule: Schedule) -> None:
        self.workers = _workers(bed, history, schedule)
        self._began_ms, self._clock = math.inf, SystemClock()
        self._over = threading.Event()
        self._failures: list[Exception] = []
        self._threads = [threading.Thread(target=self._run, args=(one,), name=one.person.name) for one in self.workers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._failures and error is None:
            raise ExceptionGroup("clients failed by themselves", self._failures)
        if self._failures and isinstance(error, BaseException):
            error.add_note(f"clients failed as well: {'; '.join(repr(one) for one in self._failures)}")

    def begin(self) -> float:
        """The time of the schedule is 0 now, in monotonic milliseconds: everybody has logged in, if they can.

        How long that takes is the machine's; work that came due meanwhile would be lost.
        """
        with contextlib.suppress(NotInTimeError):
            wait_until(lambda: self.elsewhere, lambda seen: not seen, within_s=ARRIVE_S, what="everybody to log in")
        self._began_ms = self._clock.monotonic_ms()
        return self._began_ms

    @property
    def failed(self) -> tuple[Exception, ...]:
        """What failed in clients themselves."""
        return tuple(self._failures)

    @property
    def elsewhere(self) -> dict[str, str]:
        """Who is not at home on the primary, and what is shown instead."""
        screens = {worker.person.name: worker.client.screen for worker in self.workers}
        return {
            name: f"{screen.shows} at {screen.server}"
            for name, screen in screens.items()
            if screen.shows is not Shows.HOME or screen.server != Site.PRIMARY.value
        }

    def _run(self, worker: Worker) -> None:
        def look() -> bool:
            worker.turn(self._clock.monotonic_ms() - self._began_ms)
            return self._over.is_set()

        try:
            wait_until(look, bool, within_s=LOOP_S, what="the end of the run", every_s=PACE_S)
        except Exception as error:  # noqa: BLE001 - raised where the crowd is left
            error.add_note(f"the client of {worker.person.name}")
            self._failures.append(error)


def _workers(bed: Bed, history: History, schedule: Schedule) -> tuple[Worker, ...]:
    passwords: Mapping[str, str] = {user.name: user.password for user in bed.topology.users}
    wrong = of_clients(bed.topology)
    world = world_of(bed.servers, time_scale=bed.topology.time_scale, history=history, defects=wrong)
    makers: dict[Kind, Any] = {
        Kind.WEB: WebClient(world, users=passwords),
        Kind.OUTLOOK: OutlookPlugin(world, users=passwords),
        Kind.CALL_ASSISTANT: CallAssistant(world, users=passwords),
    }
    trusted = TrustStore.with_anchor(*(server.certificate for server in bed.servers))
    known = TrustStore.with_anchor(bed.primary.certificate)
    tasks: dict[str, list[tuple[int, Task]]] = {person.name: [] for person in schedule.people}
    for number, task in enumerate(schedule.work):
        tasks[task.client].append((number, task))
    return tuple(
        Worker(
            person,
            makers[person.kind].new(
                person.name,
                trust=trusted if person.trusts else known if person.declines else None,
                prompts="decline" if person.declines else "accept",
            ),
            bed,
            tasks[person.name],
        )
        for person in schedule.people
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
