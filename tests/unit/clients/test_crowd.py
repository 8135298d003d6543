"""A member of a crowd over real TLS: the policy's rules, its connections, and its count."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import time
from typing import TYPE_CHECKING

import pytest

from testbed.clients.client import Person
from testbed.clients.cookies import Cookies
from testbed.clients.exchange import Answer, Exchange, Failure, FailureKind, Standing, Verdict
from testbed.clients.places import api_of
from testbed.clients.steps import Habit
from testbed.clients.trust import TrustStore, verifying
from testbed.crowd.member import Member
from testbed.crowd.pace import Pace
from testbed.crowd.transport import Transport
from testbed.waiting import wait_until
from tests.unit.clients.conftest import USERS
from tests.unit.clients.fakes import Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from testbed.clients.world import World
    from tests.unit.clients.conftest import Pair

PACE = Pace(poll_s=0.05, hand_s=0.01)


class Watched:
    """A member, and a way to wait for what becomes of it."""

    def __init__(
        self, bed: Pair, world: World, *, trust: TrustStore | None = None, user: str = "alice", pace: Pace = PACE
    ) -> None:
        self._moved = asyncio.Event()
        self._page = bed.primary.portal_url
        context = verifying(bed.trust() if trust is None else trust)
        self.member = Member(
            Person(name=user, password=USERS[user], habit=Habit.DECLINE),
            world,
            Transport(world.resolver, context=context, timeout_s=5, user_agent="crowd"),
            pace=pace,
            chance=random.Random(0),  # noqa: S311 - not for secrets
            moved=lambda _member: self._moved.set(),
        )

    @contextlib.asynccontextmanager
    async def living(self) -> AsyncIterator[Member]:
        """It lives while the block runs."""
        task = asyncio.create_task(self.member.live(self._page))
        try:
            yield self.member
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def eventually(self, holds: Callable[[Member], bool]) -> None:
        """Wait until something holds after one of its moves."""
        async with asyncio.timeout(10):
            while not holds(self.member):
                self._moved.clear()
                await self._moved.wait()


def test_a_member_is_sent_to_the_secondary_and_back_and_logs_in_each_time(bed: Pair, world: World) -> None:
    """REDIR-1 and REDIR-4, by the policy of the web client."""

    async def story() -> None:
        watched = Watched(bed, world)
        async with watched.living():
            await watched.eventually(lambda member: member.home_at == "primary")
            await asyncio.to_thread(bed.fail_over)
            await watched.eventually(lambda member: member.home_at == "secondary")
            await asyncio.to_thread(bed.fail_back)
            await watched.eventually(lambda member: member.home_at == "primary")

    asyncio.run(story())
    assert list(bed.primary.sessions.values()) == ["alice"]
    assert bed.secondary.sessions == {}
    assert "GET /api/v1/redirect" in bed.primary.core.seen.lines
    assert bed.secondary.portal.seen.lines[:3] == [
        "GET /onexportal.html",
        "GET /api/v1/session",
        "POST /api/v1/session",
    ]


def test_a_member_counts_what_became_of_each_request(bed: Pair, world: World) -> None:
    """By service; what came to nothing too, and from zero when the count begins anew."""

    async def story() -> Member:
        watched = Watched(bed, world)
        async with watched.living() as member:
            await watched.eventually(lambda member: member.home_at == "primary")
            assert {f"{place} {what}": count for (place, what), count in member.tally.answers.items()} == {
                "primary/portal 200": 1,
                "primary/portal 401 not_logged_in": 1,
                "primary/portal 201": 1,
            }
            assert (member.tally.requests, member.tally.unanswered) == (3, 0)
            assert member.tally.connections >= 1
            bed.primary.portal.stop()
            member.begin_count()
            await watched.eventually(lambda member: member.tally.unanswered >= 2)
            bed.primary.portal.start()
        return member

    tally = asyncio.run(story()).tally
    told = {f"{place} {what}": count for (place, what), count in tally.answers.items()}
    assert told["primary/portal refused"] == tally.unanswered
    assert told["primary/core 200"] >= 1
    assert sum(told.values()) == tally.requests


def test_a_member_that_trusts_nobody_sends_nothing(bed: Pair, world: World) -> None:
    """CERT-4: its user declines, and however often it tries, the server sees handshakes and no request."""

    async def story() -> str:
        watched = Watched(bed, world, trust=TrustStore())
        async with watched.living():
            await watched.eventually(lambda member: member.tally.unanswered >= 1)
        return watched.member.shows

    assert asyncio.run(story()).startswith("disconnected at primary (")
    seen = bed.primary.portal.seen
    wait_until(lambda: seen.handshakes, bool, within_s=10, what="the server to take note of the handshake")
    assert seen.requests == []


def test_a_wrong_password_is_not_tried_at_the_pace_of_a_hand(bed: Pair, world: World) -> None:
    """A form that refuses is a poll in vain: the member backs off."""

    async def story() -> float:
        watched = Watched(bed, world, user="mallory", pace=Pace(poll_s=1.6, hand_s=0.001))
        async with watched.living():
            await watched.eventually(lambda member: member.tally.requests >= 3)
            began = time.monotonic()
            await watched.eventually(lambda member: member.tally.requests >= 5)
        return time.monotonic() - began

    assert asyncio.run(story()) >= (0.2 + 0.4) / 2


def answers(bed: Pair, world: World, reply: Reply | None, *, timeout_s: float = 5) -> Exchange:
    """What a transport makes of a reply."""

    async def ask() -> Exchange:
        context = verifying(bed.trust())
        async with Transport(world.resolver, context=context, timeout_s=timeout_s, user_agent="crowd") as transport:
            exchange, _cookies = await transport.exchange("POST", api_of(bed.primary.portal_url, "/x"), None, {"a": 1})
            return exchange

    bed.primary.portal.respond = lambda _request: reply
    try:
        return asyncio.run(ask())
    finally:
        gc.collect()  # a connection that was left open warns, and that is an error here


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (None, FailureKind.TIMED_OUT),
        (Reply(0, raw=b""), FailureKind.RESET),
        (Reply(0, raw=b"nonsense\r\n\r\n"), FailureKind.BAD_ANSWER),
        (Reply(0, raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), FailureKind.BAD_ANSWER),
    ],
)
def test_a_transport_names_what_went_wrong(bed: Pair, world: World, reply: Reply | None, kind: FailureKind) -> None:
    """The request had left each time, so it may have happened."""
    found = answers(bed, world, reply, timeout_s=0.3)
    assert isinstance(found, Failure)
    assert (found.kind, found.sent) == (kind, True)


def test_a_transport_follows_no_redirect(bed: Pair, world: World) -> None:
    """Where to go is the policy's to say."""
    found = answers(bed, world, Reply(307, headers=(("Location", bed.secondary.portal_url),)))
    assert isinstance(found, Answer)
    assert (found.status, found.location) == (307, bed.secondary.portal_url)
    assert bed.secondary.portal.seen.handshakes == []


def test_a_transport_knows_only_its_own_names_and_what_never_left(bed: Pair, world: World) -> None:
    """An unknown name, and a port that refuses."""
    bed.primary.portal.stop()

    async def ask() -> list[Exchange]:
        context = verifying(bed.trust())
        async with Transport(world.resolver, context=context, timeout_s=5, user_agent="crowd") as transport:
            return [
                (await transport.exchange("GET", url, None))[0]
                for url in ("https://localhost:1/", bed.primary.portal_url)
            ]

    found = [(one.kind, one.sent) for one in asyncio.run(ask()) if isinstance(one, Failure)]
    assert found == [(FailureKind.UNREACHABLE, False), (FailureKind.REFUSED, False)]


def test_examining_asks_for_the_page_once(bed: Pair, world: World) -> None:
    """The page comes over the connection whose handshake was judged; a refused certificate has no page."""

    async def ask(trust: TrustStore) -> tuple[Verdict | Failure, int]:
        async with Transport(world.resolver, context=verifying(trust), timeout_s=5, user_agent="crowd") as transport:
            result = await transport.examine(bed.primary.portal_url, Cookies())
            if isinstance(result, Verdict) and result.accepted:
                await transport.load(bed.primary.portal_url, Cookies())
            return result, transport.connections

    result, connections = asyncio.run(ask(bed.trust()))
    assert (isinstance(result, Verdict) and result.standing, connections) == (Standing.TRUSTED, 1)
    assert bed.primary.portal.seen.lines == ["GET /onexportal.html"]
    refused, _connections = asyncio.run(ask(TrustStore()))
    assert isinstance(refused, Verdict)
    assert refused.standing is Standing.UNKNOWN_CA
    assert bed.primary.portal.seen.lines == ["GET /onexportal.html"]
