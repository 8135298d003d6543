"""Who serves, rule by rule: the machine in a pair in virtual time, beside an oracle that knows nothing of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from stubs.resilience import Role
from stubs.wire import Failback
from testbed import oracle
from testbed.world import Failback as WorldFailback
from testbed.world import World
from tests.unit.stubs.pair import DETECTION_MS, HEARTBEAT_MS, SETTLE_MS, SILENCE_MS, P, Pair, S

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.world import Side
    from tests.unit.stubs.pair import Way

A, W = Role.AVAILABLE, Role.STARTING
NORMAL, FAILOVER, STAND_ALONE = (A, W), (W, A), (A, A)


@dataclass(frozen=True)
class Fault:
    """One fault: how it is made in the pair, and how the world looks with it."""

    name: str
    inject: Callable[[Pair], object]
    seen: Callable[[World], World]
    hits: str


def primary(**changes: bool) -> Callable[[World], World]:
    """A world with a change on P."""
    return lambda world: replace(world, primary=changed(world.primary, **changes))


def secondary(**changes: bool) -> Callable[[World], World]:
    """A world with a change on S."""
    return lambda world: replace(world, secondary=changed(world.secondary, **changes))


def changed(side: Side, *, core_up: bool = True, portal_up: bool = True, lost: bool = False) -> Side:
    """A server with less up than before."""
    return replace(
        side, core_up=side.core_up and core_up, portal_up=side.portal_up and portal_up, lost=side.lost or lost
    )


FAULTS = [
    Fault("P's portal stopped", lambda pair: pair.stop_portal(P), primary(portal_up=False), "P portal"),
    Fault("P's portal killed", lambda pair: pair.kill_portal(P), primary(portal_up=False), "P portal"),
    Fault("P's portal frozen", lambda pair: pair.freeze_portal(P), primary(portal_up=False), "P portal"),
    Fault("P's core stopped", lambda pair: pair.stop_core(P), primary(core_up=False), "P core"),
    Fault("P's core killed", lambda pair: pair.kill_core(P), primary(core_up=False), "P core"),
    Fault("P's core frozen", lambda pair: pair.freeze_core(P), primary(core_up=False), "P core"),
    Fault("P lost", lambda pair: pair.lose_server(P), primary(lost=True), "P"),
    Fault("S's portal stopped", lambda pair: pair.stop_portal(S), secondary(portal_up=False), "S portal"),
    Fault("S's portal killed", lambda pair: pair.kill_portal(S), secondary(portal_up=False), "S portal"),
    Fault("S's portal frozen", lambda pair: pair.freeze_portal(S), secondary(portal_up=False), "S portal"),
    Fault("S's core stopped", lambda pair: pair.stop_core(S), secondary(core_up=False), "S core"),
    Fault("S's core killed", lambda pair: pair.kill_core(S), secondary(core_up=False), "S core"),
    Fault("S's core frozen", lambda pair: pair.freeze_core(S), secondary(core_up=False), "S core"),
    Fault("S lost", lambda pair: pair.lose_server(S), secondary(lost=True), "S"),
    Fault(
        "link cut",
        lambda pair: pair.cut_ways((P, S), (S, P)),
        lambda world: replace(world, primary_to_secondary_cut=True, secondary_to_primary_cut=True),
        "link",
    ),
    Fault(
        "P to S cut",
        lambda pair: pair.cut_ways((P, S)),
        lambda world: replace(world, primary_to_secondary_cut=True),
        "P to S",
    ),
    Fault(
        "S to P cut",
        lambda pair: pair.cut_ways((S, P)),
        lambda world: replace(world, secondary_to_primary_cut=True),
        "S to P",
    ),
    Fault("portal path cut", Pair.cut_portal_path, lambda world: replace(world, portal_path_cut=True), "path"),
]
BY_NAME = {fault.name: fault for fault in FAULTS}


def settled(*, failback: Failback = Failback.AUTOMATIC, ticked: bool = True) -> Pair:
    """A pair in normal running."""
    pair = Pair(failback=failback, ticked=ticked)
    pair.settle()
    return pair


def predicted(world: World) -> tuple[Role | None, Role | None]:
    """What the oracle says of both portals; a portal that does not run has no role."""
    prediction = oracle.settle(world)
    known = {oracle.Role.AVAILABLE: A, oracle.Role.STARTING: W, oracle.Role.STOPPED: None}
    return known[prediction.primary], known[prediction.secondary]


def assert_as_the_oracle_says(faults: tuple[Fault, ...], failback: Failback) -> None:
    """Inject all at once, settle, heal all at once, settle: as predicted both times, and no overlap between."""
    pair = settled(failback=failback)
    world = World(failback=WorldFailback(failback.value))
    before = world
    for fault in faults:
        fault.inject(pair)
        world = fault.seen(world)
    pair.settle()
    names = " and ".join(fault.name for fault in faults)
    assert pair.roles() == predicted(world), names
    assert pair.redirects() is (oracle.settle(world).asks_secondary.where is oracle.Where.PRIMARY), names
    pair.heal()
    pair.settle()
    served = oracle.settle(world).secondary_alone
    healed = replace(before, secondary_served=served)
    assert pair.roles() == predicted(healed), f"healed after {names}"
    assert pair.redirects() is (oracle.settle(healed).asks_secondary.where is oracle.Where.PRIMARY), names
    assert pair.overlaps == [], names


def test_a_healthy_pair_is_in_normal_running() -> None:
    """ROLE-1."""
    pair = settled()
    assert pair.roles() == NORMAL
    assert pair.history == [(pair.history[0][0], P, A)]


@pytest.mark.parametrize("failback", Failback)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_single_fault_settles_and_heals_as_the_oracle_says(fault: Fault, failback: Failback) -> None:
    """ROLE-2 to ROLE-9, ROLE-13, ROLE-14."""
    assert_as_the_oracle_says((fault,), failback)


@pytest.mark.parametrize(
    ("name", "within_ms"),
    [
        ("P's portal stopped", 0),
        ("P's core stopped", 0),
        ("P's portal killed", DETECTION_MS + HEARTBEAT_MS),
        ("P's portal frozen", DETECTION_MS + HEARTBEAT_MS),
        ("P lost", DETECTION_MS + HEARTBEAT_MS),
        ("P's core killed", DETECTION_MS + HEARTBEAT_MS),
        ("P's core frozen", SILENCE_MS + DETECTION_MS + 2 * HEARTBEAT_MS),
    ],
)
def test_failover_takes_no_longer_than_its_cause_allows(name: str, within_ms: int) -> None:
    """ROLE-2, ROLE-3: at once on an orderly stop, after the detection time when contact is merely lost."""
    pair = settled()
    began = pair.now_ms
    BY_NAME[name].inject(pair)
    pair.settle()
    at_ms = [at for at, site, role in pair.history if (site, role) == (S, A)]
    assert len(at_ms) == 1
    assert at_ms[0] - began <= within_ms
    assert within_ms == 0 or at_ms[0] - began >= DETECTION_MS - 2 * HEARTBEAT_MS


def test_failover_now_hands_over_at_once_and_lasts() -> None:
    """ROLE-2, CFG-6: the primary asked to hand over does not take it back by itself while S serves."""
    pair = settled()
    pair.fail_over_now()
    assert pair.roles() == FAILOVER
    pair.settle()
    assert pair.roles() == FAILOVER


def test_failover_now_is_taken_back_when_the_secondary_is_lost() -> None:
    """Ours: somebody must serve."""
    pair = settled()
    pair.fail_over_now()
    pair.lose_server(S)
    pair.settle()
    assert pair.roles() == (A, None)


def test_failover_now_is_taken_back_when_the_secondary_can_serve_no_more() -> None:
    """Reading "failover now": its portal lives and says so, but without its core it serves nobody."""
    pair = settled()
    pair.fail_over_now()
    pair.settle()
    assert pair.roles() == FAILOVER
    pair.kill_core(S)
    pair.settle()
    assert pair.roles() == (A, W)


def test_failover_now_outlasts_a_freeze_of_the_primary() -> None:
    """A primary that was frozen has not lost the secondary: it has to listen first."""
    pair = settled()
    pair.fail_over_now()
    pair.freeze_portal(P)
    pair.settle()
    pair.thaw_portal(P, clock_first=True)
    pair.settle()
    assert pair.roles() == FAILOVER


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS if fault.name.startswith("S")])
def test_a_fault_of_the_secondary_alone_never_moves_the_primary(name: str) -> None:
    """ROLE-9: neither while it lasts nor at its end."""
    pair = settled()
    BY_NAME[name].inject(pair)
    pair.settle()
    pair.heal()
    pair.settle()
    assert [entry for entry in pair.history if entry[1] is P] == pair.history[:1]


@pytest.mark.parametrize("fault", FAULTS[14:], ids=lambda fault: fault.name)
def test_a_loss_of_contact_shorter_than_the_detection_time_changes_no_role(fault: Fault) -> None:
    """ROLE-10."""
    pair = settled()
    before = list(pair.history)
    fault.inject(pair)
    pair.run(DETECTION_MS - 3 * HEARTBEAT_MS)
    pair.heal()
    pair.settle()
    assert pair.history == before


@pytest.mark.parametrize("fault", FAULTS[14:], ids=lambda fault: fault.name)
def test_a_link_that_flaps_faster_than_the_detection_time_never_makes_roles_flap(fault: Fault) -> None:
    """ROLE-10: twenty times, for about half of the detection time each."""
    pair = settled()
    before = list(pair.history)
    for _ in range(20):
        fault.inject(pair)
        pair.run(DETECTION_MS // 2)
        pair.heal()
        pair.run(2 * HEARTBEAT_MS)
    assert pair.history == before


@pytest.mark.parametrize("outage_ms", [HEARTBEAT_MS, DETECTION_MS // 2])
def test_a_core_that_is_soon_back_changes_no_role(outage_ms: int) -> None:
    """ROLE-10: a core that restarts says no good-bye."""
    pair = settled()
    before = list(pair.history)
    pair.kill_core(P)
    pair.run(outage_ms)
    pair.heal()
    pair.settle()
    assert pair.history == before


def test_failback_is_a_hand_over() -> None:
    """ROLE-5, ROLE-11: S stops, then P serves."""
    pair = settled()
    pair.kill_portal(P)
    pair.settle()
    pair.start_portal(P)
    before = len(pair.history)
    pair.settle()
    assert [(site, role) for _, site, role in pair.history[before:]] == [(S, W), (P, A)]


def test_manual_failback_waits_until_the_secondary_portal_is_restarted() -> None:
    """ROLE-8."""
    pair = settled(failback=Failback.MANUAL)
    pair.kill_portal(P)
    pair.settle()
    pair.heal()
    pair.settle()
    assert pair.roles() == FAILOVER
    pair.restart_portal(S)
    pair.settle()
    assert pair.roles() == NORMAL


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_while_manual_failback_waits_settles_as_the_oracle_says(fault: Fault) -> None:
    """ROLE-8, ROLE-14: P waits only for an S that serves and hears it."""
    pair = settled(failback=Failback.MANUAL)
    pair.kill_portal(P)
    pair.settle()
    pair.heal()
    pair.settle()
    fault.inject(pair)
    pair.settle()
    assert pair.roles() == predicted(fault.seen(World(failback=WorldFailback.MANUAL, secondary_served=True)))


@pytest.mark.parametrize("failback", Failback)
@pytest.mark.parametrize("ways", [((P, S),), ((S, P),), ((P, S), (S, P))])
def test_a_primary_that_returns_behind_a_cut_serves(failback: Failback, ways: tuple[Way, ...]) -> None:
    """ROLE-4, ROLE-14: whichever direction is cut, it does not wait for an answer that cannot come."""
    pair = settled(failback=failback)
    pair.kill_portal(P)
    pair.settle()
    pair.cut_ways(*ways)
    pair.settle()
    pair.start_portal(P)
    pair.settle()
    world = World(
        primary_to_secondary_cut=(P, S) in ways,
        secondary_to_primary_cut=(S, P) in ways,
        failback=WorldFailback(failback.value),
        secondary_served=True,
    )
    assert pair.roles() == predicted(world)


def test_a_primary_portal_that_restarts_is_given_the_detection_time() -> None:
    """ROLE-2: its good-bye is one of who returns, and S does not jump in."""
    pair = settled()
    before = len(pair.history)
    pair.restart_portal(P)
    pair.settle()
    assert [(site, role) for _, site, role in pair.history[before:]] == [(P, W), (P, A)]


def test_a_primary_that_returns_without_its_core_does_not_keep_the_secondary_waiting() -> None:
    """ROLE-3: it is heard, but neither serves nor would; that it never said why makes no difference."""
    pair = settled()
    pair.kill_core(P)
    pair.kill_portal(P)
    pair.run(HEARTBEAT_MS)
    pair.start_portal(P)
    pair.settle()
    assert pair.roles() == FAILOVER


@pytest.mark.parametrize("failback", Failback)
def test_a_healed_link_ends_stand_alone_at_the_secondary(failback: Failback) -> None:
    """ROLE-4, ROLE-7: within a heartbeat, and P never stops; it is no failback, so manual does not hold it up."""
    pair = settled(failback=failback)
    pair.cut_ways((P, S), (S, P))
    pair.settle()
    assert pair.roles() == STAND_ALONE
    pair.heal()
    pair.run(2 * HEARTBEAT_MS)
    assert pair.roles() == NORMAL
    assert [entry for entry in pair.history if entry[1] is P] == pair.history[:1]


def test_a_secondary_restarted_alone_serves() -> None:
    """ROLE-12: P is lost, and S, which learnt before that it may, is restarted."""
    pair = settled()
    pair.lose_server(P)
    pair.kill_portal(S)
    pair.run(HEARTBEAT_MS)
    pair.start_portal(S)
    pair.settle()
    assert pair.roles() == (None, A)


@pytest.mark.parametrize("apart_ms", [0, HEARTBEAT_MS, DETECTION_MS])
@pytest.mark.parametrize("first", [P, S])
def test_of_two_that_start_together_only_the_primary_serves(first: str, apart_ms: int) -> None:
    """ROLE-12: however they are interleaved; S grants P a detection time."""
    pair = settled()
    pair.kill_portal(P)
    pair.kill_portal(S)
    pair.run(HEARTBEAT_MS)
    sites = [P, S] if first is P else [S, P]
    before = len(pair.history)
    pair.start_portal(sites[0])
    pair.run(apart_ms)
    pair.start_portal(sites[1])
    pair.settle()
    assert pair.roles() == NORMAL
    assert [(site, role) for _, site, role in pair.history[before:]] == [(P, A)]


def test_a_secondary_that_never_heard_its_primary_does_not_serve() -> None:
    """CFG-1: it cannot know that resilience is ready."""
    pair = Pair()
    pair.lose_server(P)
    pair.settle()
    assert pair.roles() == (None, W)


def test_without_the_ticks_the_primary_serves_alone_whatever_happens() -> None:
    """CFG-7: with its own core or without, and S never."""
    for name in ("P's core killed", "P's portal killed", "link cut"):
        pair = settled(ticked=False)
        assert pair.roles() == NORMAL
        BY_NAME[name].inject(pair)
        pair.settle()
        assert pair.roles() == (None if "portal" in name else A, W), name


@pytest.mark.parametrize("clock_first", [False, True])
@pytest.mark.parametrize("failback", Failback)
def test_a_thawed_primary_asks_before_it_serves(failback: Failback, clock_first: bool) -> None:  # noqa: FBT001
    """ROLE-8, ROLE-11: the words that waited in its sockets are from before S took over."""
    pair = settled(failback=failback)
    pair.freeze_portal(P)
    pair.settle()
    pair.thaw_portal(P, clock_first=clock_first)
    pair.settle()
    assert pair.roles() == (NORMAL if failback is Failback.AUTOMATIC else FAILOVER)
    assert pair.overlaps == []


@pytest.mark.parametrize("clock_first", [False, True])
@pytest.mark.parametrize("served", [False, True])
def test_a_thawed_secondary_never_serves_beside_its_primary(served: bool, clock_first: bool) -> None:  # noqa: FBT001
    """ROLE-9, ROLE-11: that it heard nothing while it was frozen says nothing of P."""
    pair = settled()
    if served:
        pair.kill_core(P)
        pair.settle()
    pair.freeze_portal(S)
    pair.run(SILENCE_MS)
    pair.heal_core(P)
    pair.settle()
    pair.thaw_portal(S, clock_first=clock_first)
    before = len(pair.history)
    pair.settle()
    assert pair.roles() == NORMAL
    assert (S, A) not in [(site, role) for _, site, role in pair.history[before:]]


@pytest.mark.parametrize("frozen_ms", [HEARTBEAT_MS, DETECTION_MS - 3 * HEARTBEAT_MS, DETECTION_MS + HEARTBEAT_MS])
def test_a_short_freeze_leaves_one_portal_serving(frozen_ms: int) -> None:
    """ROLE-11: around the detection time both may be in doubt, but never both serve."""
    pair = settled()
    pair.freeze_portal(P)
    pair.run(frozen_ms)
    pair.thaw_portal(P)
    pair.settle()
    assert pair.roles() == NORMAL
    assert pair.overlaps == []


@pytest.mark.parametrize("seed", range(12))
def test_any_walk_of_faults_ends_in_normal_running_once_healed(seed: int) -> None:
    """Safety on the way (ROLE-11), liveness at its end (ROLE-1)."""
    chance = random.Random(seed)  # noqa: S311 - a walk, no secret
    pair = settled()
    for _ in range(12):
        if chance.random() < 0.4:
            pair.heal()
        else:
            chance.choice(FAULTS).inject(pair)
        pair.run(chance.choice([HEARTBEAT_MS, DETECTION_MS // 2, DETECTION_MS, SETTLE_MS]))
    pair.heal()
    pair.settle()
    assert pair.roles() == NORMAL
    assert pair.overlaps == []
