"""The table of the walk leaves nothing out without saying why."""

from __future__ import annotations

from itertools import combinations, product

from testbed.world import Failback
from tests.scenarios.states import ALL, CAUSES, LEFT_OUT, NAMED, PAIRS, ROWS, WAITING, How, routes

WALKED = {tuple(name for name, _how in visit.causes) for visit in ALL if visit.failback is Failback.AUTOMATIC}


def test_every_single_and_every_pair_is_walked_or_left_out_with_its_reason() -> None:
    """Each of them once, and none of both."""
    assert len(NAMED) == len(CAUSES)
    assert {(name,) for name in NAMED} | set(combinations(NAMED, 2)) == WALKED | set(LEFT_OUT)
    assert not WALKED & set(LEFT_OUT)
    assert set(LEFT_OUT) <= set(PAIRS)
    assert all(LEFT_OUT.values())
    assert len(ALL) == len({visit.name for visit in ALL}) == len(WALKED) + len(CAUSES)


def test_every_service_ends_in_every_way_somewhere_on_the_walk() -> None:
    """Killed, stopped in order, frozen."""
    met = {cause for visit in ALL if visit.failback is Failback.AUTOMATIC for cause in visit.causes}
    services = [cause.name for cause in CAUSES if cause.is_service]
    assert len(services) == 4
    assert met >= set(product(services, How))


def test_the_world_of_a_state_has_all_its_faults() -> None:
    """No fault hides the other one, and none is for nothing."""
    worlds = {visit.world(secondary_served=False) for visit in ALL if visit.failback is Failback.AUTOMATIC}
    both_ways = ("P to S cut", "S to P cut")
    assert both_ways in WALKED
    assert len(worlds) == len(WALKED) - 1, "two one-way cuts make the world of one whole cut; nothing else coincides"


def test_the_routes_share_the_whole_table() -> None:
    """Each state is on one of them, however many there are, and about as far as on the others."""
    everything = [visit for row in ROWS for visit in row]
    for count in (1, 2, 3, 5):
        dealt = routes(count)
        assert sorted(visit.name for way in dealt for (visit,) in way) == sorted(visit.name for visit in everything)
        assert max(map(len, dealt)) - min(map(len, dealt)) < max(map(len, ROWS))


def test_manual_failback_is_judged_only_while_the_primary_waits() -> None:
    """Each way begins with a dead portal and its return, which other tests judge."""
    for dead, back, visit in WAITING:
        assert dead.is_passed
        assert back.is_passed
        assert (dead.name, back.name) == ("P waits + P's portal killed", "P waits + no fault")
        assert not visit.is_passed
        assert len(visit.causes) == 1
