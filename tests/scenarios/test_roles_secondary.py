"""Whatever befalls the secondary alone, the primary's users do not notice."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from testbed.clients.screen import Shows
from testbed.faults import Fault, Kill, Pause, Stop, lose
from tests.scenarios.observing import (
    eventually_in_step,
    items,
    let_pass,
    portal,
    role_changes,
    until_nothing_more_can_happen_s,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed
    from testbed.clients.kinds import WebClient
    from testbed.nemesis import Nemesis

FAULTS: dict[str, Callable[[Bed], Fault]] = {
    "its portal stopped in order": lambda bed: Stop(bed.secondary.portal),
    "its portal killed": lambda bed: Kill(bed.secondary.portal),
    "its portal frozen": lambda bed: Pause(bed.secondary.portal),
    "its core stopped in order": lambda bed: Stop(bed.secondary.core),
    "its core killed": lambda bed: Kill(bed.secondary.core),
    "its core frozen": lambda bed: Pause(bed.secondary.core),
    "lost": lambda bed: lose(bed.secondary),
}


@pytest.mark.rule("ROLE-9")
@pytest.mark.parametrize("fault", FAULTS)
def test_the_primarys_user_works_on_whatever_befalls_the_secondary(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, fault: str
) -> None:
    """Every read and every change succeeds, the page never leaves, the role never changes, and nothing gets lost."""
    user = web_client.log_in("alice", at=bed.primary)
    before = role_changes(bed)["primary"]
    numbers = count(1)

    def work() -> None:
        done = next(numbers)
        assert user.change("contacts", {"name": f"Contact {done}", "number": "112"}).ok
        assert len(items(user, "contacts")) == done
        assert user.poll().shows is Shows.HOME

    with nemesis.under(FAULTS[fault](bed)):
        let_pass(until_nothing_more_can_happen_s(bed), meanwhile=work)
        assert role_changes(bed)["primary"] == before
    work()
    eventually_in_step(bed)
    work()
    assert {screen.server for screen in user.screens if screen.server} == {"primary"}
    assert role_changes(bed)["primary"] == before
    eventually_in_step(bed)
    assert portal(bed.secondary, bed)["sync"]["head"] == next(numbers) - 1
