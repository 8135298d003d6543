"""One run of a crowd on a bed that is up: all log in, the primary's portal is killed, and comes back."""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from stubs.wire import Site
from testbed.clients.client import Person
from testbed.clients.kinds import world_of
from testbed.clients.steps import Habit
from testbed.clients.trust import TrustStore, verifying
from testbed.crowd.member import Member
from testbed.crowd.pace import Pace
from testbed.crowd.results import Name, One, Phase, Result
from testbed.crowd.transport import Transport
from testbed.errors import FaultError, MissingError
from testbed.faults import Kill
from testbed.history import SystemClock
from testbed.nemesis import Nemesis
from testbed.undo import Undo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from testbed.bed import Bed
    from testbed.history import History
    from testbed.placement import BedServer

AGENT = "portal-testbed (crowd)"
"""What its members call themselves."""

FILES_EACH, FILES_BESIDE = 3, 200
"""Connections that a member may have open at the two portals and a core, and what this process has open anyway."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do.

    Attributes:
        clients: how many there are.
        within_s: how long a phase may take until all are back, in seconds.
        seed: of when they come and poll.
        poll_s: how often each polls, in seconds; None: as the crowd's pace has it.
    """

    clients: int
    within_s: float
    seed: int = 0
    poll_s: float | None = None


def run(bed: Bed, history: History, plan: Plan, *, say: Callable[[str], None] = lambda _line: None) -> Result:
    """Send a crowd through a failover and a failback. However it ends, the bed is healed then.

    Args:
        bed: in normal running; left so.
        history: of the run.
        plan: how many, and how fast.
        say: told what is going on.

    Raises:
        MissingError: this process may not open so many connections.
        FaultError, EngineError, NotInTimeError: the testbed failed, not the crowd.
    """
    _make_room(plan.clients)
    nemesis = Nemesis(bed, history)
    with Undo() as undo:
        undo.callback(nemesis.heal_all)
        return asyncio.run(_run(bed, nemesis, history, plan, say))


def _make_room(clients: int) -> None:
    needed = FILES_EACH * clients + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise MissingError(f"{clients} clients need {needed} open files, and this process may have {hard}: ulimit -Hn")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


async def _run(bed: Bed, nemesis: Nemesis, history: History, plan: Plan, say: Callable[[str], None]) -> Result:
    clock = SystemClock()
    began_ms, started_at = clock.monotonic_ms(), clock.wall().isoformat(timespec="seconds")
    crowd = Crowd(bed, history, plan)
    kill = Kill(bed.primary.portal)

    async def come() -> None:
        crowd.come()

    say(f"log-in: {plan.clients} clients come to the primary, each polling every {crowd.pace.poll_s:g} s")
    try:
        phases = [await crowd.phase(Name.LOG_IN, bed.primary, come)]
        say("failover: The primary's portal is killed; they are to log in at the secondary.")
        phases.append(await crowd.phase(Name.FAILOVER, bed.secondary, lambda: asyncio.to_thread(nemesis.inject, kill)))
        say("failback: It runs again; they are to log in at the primary.")
        phases.append(await crowd.phase(Name.FAILBACK, bed.primary, lambda: asyncio.to_thread(nemesis.heal, kill)))
    finally:
        await crowd.leave()
    return Result(
        topology=bed.name,
        clients=plan.clients,
        poll_s=crowd.pace.poll_s,
        seed=plan.seed,
        phases=phases,
        roles={site.value: _roles(bed, site, since_ms=began_ms) for site in Site},
        seconds=(clock.monotonic_ms() - began_ms) / 1000,
        started_at=started_at,
    )


class Crowd:
    """The members, and where they are. Lives in one running loop.

    Args:
        bed: whose users they are, in turn: a user may have several clients.
        history: where phases are recorded.
        plan: how many, and how fast.
    """

    def __init__(self, bed: Bed, history: History, plan: Plan) -> None:
        world = world_of(bed.servers, time_scale=bed.topology.time_scale, history=history)
        own = Pace.of(plan.clients, poll_s=world.poll_s)
        self.pace = own if plan.poll_s is None else Pace(poll_s=plan.poll_s)
        self._bed, self._history, self._plan = bed, history, plan
        context = verifying(TrustStore.with_anchor(*(server.certificate for server in bed.servers)))
        self._since = SystemClock().wall()
        self._page = bed.primary.portal_url
        self._tasks: list[asyncio.Task[None]] = []
        self._home: dict[Member, tuple[str, float]] = {}
        self._target, self._there = "", asyncio.Event()
        users = bed.topology.users
        seeds = random.Random(plan.seed)  # noqa: S311 - not for secrets: the same seed gives the same crowd
        self._members = [
            Member(
                Person(name=user.name, password=user.password, habit=Habit.DECLINE),
                world,
                Transport(world.resolver, context=context, timeout_s=self.pace.timeout_s, user_agent=AGENT),
                pace=self.pace,
                chance=random.Random(seeds.random()),  # noqa: S311 - as above
                moved=self._moved,
            )
            for user in (users[place % len(users)] for place in range(plan.clients))
        ]

    def come(self) -> None:
        """Let the members begin."""
        self._tasks = [asyncio.create_task(member.live(self._page)) for member in self._members]

    async def leave(self) -> None:
        """Let them all end.

        Raises:
            ExceptionGroup: of members that ended before by an error of ours.
        """
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        if failures := [end for end in ends if isinstance(end, Exception)]:
            raise ExceptionGroup("members of the crowd failed", failures)

    async def phase(self, name: Name, half: BedServer, begin: Callable[[], Awaitable[None]]) -> Phase:
        """Let something begin, and wait until all are logged in at a server, or the time is over."""
        target = half.portal_server.name
        for member in self._members:
            member.begin_count()
        self._target, self._there = target, asyncio.Event()
        began = time.monotonic()
        await begin()
        try:
            async with asyncio.timeout(self._plan.within_s):
                await self._all_there()
        except TimeoutError:
            pass  # who is not there is told by name of what it shows
        seconds = time.monotonic() - began
        members = [self._one(member, began) for member in self._members]
        answers = sum((member.tally.answers for member in self._members), Counter())
        sessions = await asyncio.to_thread(self._sessions)
        phase = Phase(name=name, target=target, members=members, answers=answers, sessions=sessions, seconds=seconds)
        self._history.record("crowd", phase=name, target=target, seconds=round(seconds, 3), sessions=sessions)
        return phase

    async def _all_there(self) -> None:
        """Also ends when a member fails: that is an error of ours, which must not look like a portal's."""
        there = asyncio.create_task(self._there.wait())
        self._look()
        try:
            done, _others = await asyncio.wait((there, *self._tasks), return_when=asyncio.FIRST_COMPLETED)
            for task in done - {there}:
                task.result()
        finally:
            there.cancel()

    def _moved(self, member: Member) -> None:
        at = member.home_at
        if at is None:
            self._home.pop(member, None)
        elif self._home.get(member, ("", 0.0))[0] != at:
            self._home[member] = (at, time.monotonic())
            self._look()

    def _look(self) -> None:
        if len(self._home) == len(self._members) and all(at == self._target for at, _when in self._home.values()):
            self._there.set()

    def _one(self, member: Member, began: float) -> One:
        at, when = self._home.get(member, ("", 0.0))
        return One(
            back_ms=round((when - began) * 1000, 1) if at == self._target else None,
            shows=member.shows,
            requests=member.tally.requests,
            unanswered=member.tally.unanswered,
            connections=member.tally.connections,
        )

    def _sessions(self) -> dict[str, int | None]:
        """How many sessions each portal counts; one that is down has none."""
        return {
            self._bed.server(site).portal_server.name: _sessions_of(self._bed, site, since=self._since) for site in Site
        }


def _sessions_of(bed: Bed, site: Site, *, since: datetime) -> int | None:
    """How many sessions a portal counts that began since then; None: it runs, and does not say."""
    portal = bed.server(site).portal
    if bed.services.states()[portal.server][portal.service] == "stopped":
        return 0
    try:
        items = bed.inspectors[site].administer("GET", "health/sessions")["items"]
    except FaultError:
        return None
    return sum(datetime.fromisoformat(item["since"]) >= since for item in items)


def _roles(bed: Bed, site: Site, *, since_ms: float) -> list[str] | None:
    """Which roles a portal took since then, as it tells itself; None: it does not answer."""
    seen = bed.inspectors[site].resilience()
    if seen is None:
        return None
    return [str(change["role"]) for change in seen["role_changes"] if change["at_ms"] >= since_ms]
