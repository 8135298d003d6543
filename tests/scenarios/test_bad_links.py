"""Links that are bad rather than cut: what clients see of each manner, what servers make of loss and little room."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from stubs import ports
from testbed.faults import CLIENTS, Network, cut, flap, loss, rate
from testbed.partitions import Manner
from tests.scenarios.observing import (
    detection_s,
    eventually_in_step,
    let_pass,
    role_changes,
    set_to,
    until_nothing_more_can_happen_s,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed
    from testbed.clients.kinds import WebClient
    from testbed.history import History
    from testbed.nemesis import Nemesis

SEEN = {
    Manner.DROP: (TimeoutError, TimeoutError),
    Manner.REJECT: (ConnectionRefusedError, TimeoutError),
    Manner.PROHIBIT: (OSError, TimeoutError),
    Manner.RESET: (ConnectionRefusedError, ConnectionResetError),
}


@pytest.mark.rule("ROLE-9")
@pytest.mark.parametrize("manner", Manner)
def test_a_client_sees_the_manner_in_which_its_way_to_a_server_is_cut(
    bed: Bed, nemesis: Nemesis, history: History, manner: Manner
) -> None:
    """Silence under a drop, refusal and reset otherwise; other servers, and the other clients' roles, do not care."""
    before, portal = role_changes(bed), (bed.secondary.address, ports.PORTAL_HTTPS)
    new, established = SEEN[manner]
    with socket.create_connection(portal, timeout=5) as old:
        with nemesis.under(cut(CLIENTS, bed.secondary, manner=manner)):
            with pytest.raises(new):
                socket.create_connection(portal, timeout=0.5)
            old.settimeout(0.5)
            old.sendall(b"hello")
            with pytest.raises(established):
                old.recv(100)
            socket.create_connection((bed.primary.address, ports.PORTAL_HTTPS), timeout=5).close()
            let_pass(until_nothing_more_can_happen_s(bed))
        socket.create_connection(portal, timeout=5).close()
    assert role_changes(bed) == before
    healed = [line for line in history.path.read_text().splitlines() if '"state": "healed"' in line][-1]
    assert "committed_ms" in healed


WORSE: dict[str, Callable[[Bed], Network]] = {
    "5 % lost": lambda bed: loss(bed.primary, bed.secondary, 5),
    "2 mbit/s": lambda bed: rate(bed.primary, bed.secondary, 2_000_000),
    "flapping": lambda bed: flap(bed.primary, bed.secondary, down_ms=_phase_ms(bed), up_ms=2 * _phase_ms(bed)),
}


def _phase_ms(bed: Bed) -> int:
    """A sixth of the detection time."""
    return max(round(detection_s(bed) * 1000 / 6), 60)


@pytest.mark.rule("ROLE-10", "SYNC-1", "SYNC-7")
@pytest.mark.parametrize("worse", WORSE)
def test_a_bad_link_moves_nobody_and_keeps_nothing_from_the_secondary(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, worse: str
) -> None:
    """What is changed meanwhile is acknowledged and reaches the secondary; no role changes, then or later."""
    alice = web_client.log_in("alice", at=bed.primary)
    before = role_changes(bed)
    with nemesis.under(WORSE[worse](bed)):
        for number in range(5):
            set_to(alice, f"key-{number}", f"value {number}")
        let_pass(until_nothing_more_can_happen_s(bed))
        eventually_in_step(bed)
        assert role_changes(bed) == before
    let_pass(until_nothing_more_can_happen_s(bed))
    assert role_changes(bed) == before
    eventually_in_step(bed)
