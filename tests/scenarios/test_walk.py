"""Every single fault and every pair of faults: the pair settles where the oracle says, and stays there.

Several beds walk at the same time, as most of a walk is waiting; a test waits for its state and judges it. States that
no test asks for are not walked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.world import Failback
from tests.scenarios.states import ALL, WAITING, Leg, Visit, routes
from tests.scenarios.walking import Walk, Walker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from testbed.history import History
    from testbed.session import BedSession

WALKERS = 3
"""How many beds share the walk with automatic failback; one more walks with manual failback."""

WITHIN_S = 300.0
"""How long a test waits for its state; all states before it on its way count."""


class Walks:
    """All walks of this session."""

    def __init__(self, walks: list[Walk]) -> None:
        self.walks = walks
        self.found = {visit: future for walk in walks for visit, future in walk.found.items()}


@pytest.fixture(scope="module")
def walks(request: pytest.FixtureRequest, testbed_session: BedSession, session_history: History) -> Iterator[Walks]:
    """The beds on their way to the states that this run asks for."""
    items = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    wanted = {spec.params["visit"] for spec in items if spec is not None and "visit" in spec.params}

    started: list[Walk] = []

    def start(way: Sequence[Leg], *, number: int = 1, **fields: object) -> None:
        legs = [leg for leg in way if wanted.intersection(leg)]
        if legs:
            bed = testbed_session.bed(fields, number=number, at_once=bool(started))
            started.append(Walk(Walker(bed, session_history), legs))

    try:
        start(WAITING, primary={"failback": "manual"})
        for number, way in enumerate(routes(WALKERS), start=1):
            start(way, number=number)
        yield Walks(started)
    finally:
        for walk in started:
            walk.end()


def judge(walks: Walks, visit: Visit) -> None:
    """Wait for a state, and see that nothing was wrong with it."""
    wrong = walks.found[visit].result(WITHIN_S).wrong
    assert not wrong, "\n".join(wrong)


@pytest.mark.rule("ROLE-2", "ROLE-3", "ROLE-4", "ROLE-5", "ROLE-6", "ROLE-7", "ROLE-9", "ROLE-13", "ROLE-14")
@pytest.mark.rule("VIEW-1", "VIEW-2", "VIEW-3")
@pytest.mark.parametrize("visit", [v for v in ALL if v.failback is Failback.AUTOMATIC], ids=lambda visit: visit.name)
def test_every_fault_and_pair_of_faults_settles_as_the_oracle_says(walks: Walks, visit: Visit) -> None:
    """Roles, platform views, the word for the pair, synchronisation, and where each user ends."""
    judge(walks, visit)


@pytest.mark.rule("ROLE-8", "ROLE-14")
@pytest.mark.parametrize("visit", [v for v in ALL if v.failback is Failback.MANUAL], ids=lambda visit: visit.name)
def test_every_fault_while_the_primary_waits_settles_as_the_oracle_says(walks: Walks, visit: Visit) -> None:
    """With manual failback, and S serving alone from before."""
    judge(walks, visit)


@pytest.mark.rule("ROLE-1", "ROLE-11")
def test_two_portals_never_served_over_a_whole_link_on_the_walk(
    walks: Walks, session_history: History, record_testsuite_property: Callable[[str, object], None]
) -> None:
    """Judged from the portals' own records, from one state to the next; and each walk ends in normal running."""
    for walk in walks.walks:
        assert walk.overlaps.result(WITHIN_S) == []
    seconds = sum(future.result().seconds for future in walks.found.values())
    record_testsuite_property("states walked", len(walks.found))
    session_history.record("walk", states=len(walks.found), seconds=seconds)
