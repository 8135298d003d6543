"""More than a portal can do at once: clients wait in line; none is turned away with an error, and no role is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from testbed.clients.trust import TrustStore, verifying
from testbed.crowd.results import came_to
from testbed.crowd.transport import Transport
from tests.scenarios.observing import eventually_in_step, role_changes

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.world import World

CLIENTS, EACH = 700, 8
"""More than the 16 requests that a portal works on at once and the 512 connections that wait to be accepted."""

TIMEOUT_S = 60.0
"""How long a client waits in line; all of them together are through in a third of that on two processors."""


async def press(bed: Bed, world: World) -> Counter[str]:
    """Let every client ask again as soon as it is answered; what all requests came to."""
    context = verifying(TrustStore.with_anchor(bed.primary.certificate))
    url = f"{bed.primary.portal_url.rpartition('/')[0]}/api/v1/resilience"
    came: Counter[str] = Counter()

    async def client() -> None:
        transport = Transport(world.resolver, context=context, timeout_s=TIMEOUT_S, user_agent="crush")
        async with transport:
            for _ in range(EACH):
                exchange, _cookies = await transport.exchange("GET", url, None)
                came[came_to(exchange)] += 1

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return came


@pytest.mark.rule("ROLE-1", "ROLE-10")
def test_a_portal_that_is_asked_more_than_it_can_do_answers_everybody_in_turn(bed: Bed, client_world: World) -> None:
    """Every request is answered, the process and both roles are what they were, and both hold the same data."""

    def seen() -> tuple[object, ...]:
        return role_changes(bed), [bed.inspectors[server.site].portal_row().get("boot") for server in bed.pair]

    before = seen()
    assert asyncio.run(press(bed, client_world)) == {"200": CLIENTS * EACH}
    assert seen() == before
    eventually_in_step(bed)
