"""One member of a crowd: a web client and its user. Performs what the policy says, at the crowd's pace, and counts.

The sum of what its requests came to is kept, not each of them: two thousand members would write a history that nobody
reads.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from testbed.clients import policy
from testbed.clients.cookies import Cookies
from testbed.clients.exchange import Exchange, Failure, FailureKind, Verdict
from testbed.clients.places import api_of, host_of
from testbed.clients.screen import Shows
from testbed.clients.steps import (
    Answered,
    AskCore,
    AskSession,
    Decided,
    Event,
    Examine,
    Examined,
    Habit,
    KeepException,
    Kind,
    Load,
    LogIn,
    Open,
    Poll,
    Prompt,
    Rest,
    State,
    Submit,
)
from testbed.crowd.results import CORE, PORTAL, Place, came_to
from testbed.errors import MisuseError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from testbed.clients.client import Person
    from testbed.clients.world import World
    from testbed.crowd.pace import Pace
    from testbed.crowd.transport import Outcome, Transport

_AT_EASE = (Shows.HOME, Shows.LOGIN)
"""What a poll that was not in vain leaves on the screen."""


@dataclass
class Tally:
    """What a member did since its count began.

    Attributes:
        requests: how many it sent, or tried to send.
        unanswered: how many of them came to nothing.
        connections: how many it opened, or tried to.
        answers: what its requests came to, by place.
    """

    requests: int = 0
    unanswered: int = 0
    connections: int = 0
    answers: Counter[tuple[Place, str]] = field(default_factory=Counter)


class Member:
    """One web client of one user.

    Args:
        user: who uses it; declines any certificate that it is asked about.
        world: servers and names.
        transport: its own.
        pace: how fast it lives.
        chance: its own.
        moved: called after each of its moves, with itself.
    """

    def __init__(  # noqa: PLR0913 - what a member is made from
        self,
        user: Person,
        world: World,
        transport: Transport,
        *,
        pace: Pace,
        chance: random.Random,
        moved: Callable[[Member], None],
    ) -> None:
        self.user = user
        self._world = world
        self._transport = transport
        self._pace = pace
        self._chance = chance
        self._moved = moved
        self._cookies = Cookies()
        self._state = State(kind=Kind.WEB)
        self._missed = 0
        self._connected = 0
        self.tally = Tally()

    @property
    def shows(self) -> str:
        """What is on its screen, in words."""
        at = self._world.name_of(self._state.place) or "nowhere"
        return f"{self._state.shows} at {at}" + (f" ({self._state.detail})" if self._state.detail else "")

    @property
    def home_at(self) -> str | None:
        """The server at which it is logged in; None while it is not."""
        return self._world.name_of(self._state.place) if self._state.shows is Shows.HOME else None

    def begin_count(self) -> None:
        """Count anew."""
        self.tally = Tally()

    async def live(self, page: str) -> None:
        """Come to a portal's page, log in, and go on as a web client does, until cancelled."""
        async with self._transport:
            await asyncio.sleep(self._pace.comes_after_s(self._chance.random()))
            await self._happen(Open(page))
            while True:
                form = self._state.shows is Shows.LOGIN
                await asyncio.sleep(self._rest_s(form=form))
                await self._happen(Submit() if form else Poll())

    def _rest_s(self, *, form: bool) -> float:
        draw = self._chance.random()
        if form and self._missed == 0:
            return self._pace.types_for_s(draw)
        return self._pace.rests_for_s(self._missed, draw)

    async def _happen(self, event: Event) -> None:
        state = policy.step(self._state, event)
        while not isinstance(state.doing, Rest):
            state = policy.step(state, await self._perform(state))
        self._state = state
        refused = isinstance(event, Submit) and state.shows is Shows.LOGIN
        self._missed = 0 if state.shows in _AT_EASE and not refused else self._missed + 1
        self._moved(self)

    async def _perform(self, state: State) -> Event:
        match state.doing:
            case AskSession(page=page):
                return await self._ask("GET", page)
            case AskCore(page=page):
                return await self._ask_core(page)
            case Examine(page=page):
                return await self._examine(page)
            case Load(page=page):
                return Answered(self._kept(page, await self._transport.load(page, self._cookies)))
            case LogIn(page=page):
                return await self._ask("POST", page, {"user": self.user.name, "password": self.user.password})
            case Prompt():
                return Decided(Habit.DECLINE)
            case KeepException() | Rest():
                raise MisuseError(f"a member of a crowd has no way to {state.doing}")
            case _:
                assert_never(state.doing)

    async def _ask(self, method: str, page: str, body: object = None) -> Answered:
        """Ask the portal of a page for the session, or for a new one."""
        url = api_of(page, "/session")
        return Answered(self._kept(page, await self._transport.exchange(method, url, self._cookies, body)))

    async def _ask_core(self, page: str) -> Answered:
        core = self._world.core_of(page)
        if core is None:
            return Answered(Failure(kind=FailureKind.UNREACHABLE, sent=False, detail=f"no core known for {page}"))
        exchange, _cookies = await self._transport.exchange("GET", f"{core}/api/v1/redirect", None)
        self._count(page, CORE, exchange)
        return Answered(exchange)

    async def _examine(self, page: str) -> Examined:
        result = await self._transport.examine(page, self._cookies)
        match result:
            case Failure():
                self._count(page, PORTAL, result)
            case Verdict(accepted=False):
                refused = Failure(kind=FailureKind.UNTRUSTED, sent=False, detail=result.standing, verdict=result)
                self._count(page, PORTAL, refused)
            case Verdict():
                pass  # the page that comes over the same connection is counted when it is loaded
        return Examined(result)

    def _kept(self, page: str, outcome: Outcome) -> Exchange:
        exchange, set_cookies = outcome
        self._cookies = self._cookies.after(host_of(page), set_cookies)
        self._count(page, PORTAL, exchange)
        return exchange

    def _count(self, page: str, kind: str, exchange: Exchange) -> None:
        self.tally.requests += 1
        self.tally.unanswered += isinstance(exchange, Failure)
        self.tally.connections += self._transport.connections - self._connected
        self._connected = self._transport.connections
        place = Place(server=self._world.name_of(page) or "?", service=kind)
        self.tally.answers[place, came_to(exchange)] += 1
