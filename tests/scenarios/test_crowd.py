"""Many clients at once: 2,000 web users through a failover and a failback. `TESTBED_CROWD` says how many instead."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from testbed.cli.crowd import write
from testbed.crowd import told
from testbed.crowd.results import exit_status
from testbed.crowd.run import Plan, run
from tests.scenarios.observing import eventually_in_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed
    from testbed.history import History

CLIENTS = int(os.environ.get("TESTBED_CROWD", "2000"))

WITHIN_S = 120.0
"""How long a phase may take; a quarter of it is common on two processors."""

USERS = [
    {"name": f"user-{number:04}", "password": f"password-{number:04}", "home": ("primary", "secondary")[number % 2]}
    for number in range(CLIENTS)
]


@pytest.mark.topology(users=USERS)
@pytest.mark.rule("REDIR-1", "REDIR-4", "REDIR-6", "REDIR-8", "CLIENT-1", "ROLE-10", "ROLE-11")
def test_a_crowd_is_back_after_failover_and_failback(
    bed: Bed,
    history: History,
    request: pytest.FixtureRequest,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    """Each user is logged in again where users are served, no portal fails, and none loses its role for being busy."""
    result = run(bed, history, Plan(clients=CLIENTS, within_s=WITHIN_S))
    for phase in map(told.figures, result.phases):
        for what in ("p50", "p99", "max"):
            record_testsuite_property(f"crowd of {CLIENTS}: {phase['phase']} {what} ms", phase["back_ms"][what])
        mean, most = phase["requests"]["mean"], phase["requests"]["max"]
        record_testsuite_property(f"crowd of {CLIENTS}: {phase['phase']} requests/client", f"{mean} (most {most})")
    report = request.config.getoption("testbed_report")
    if report:
        write(request.config.rootpath / report, result)
    assert exit_status(result) == 0, told.table(result)
    eventually_in_step(bed)
