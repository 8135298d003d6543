"""The proof of a delay over arrivals that are made up: as a kernel makes them, disturbed, and wrong."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from testbed.bad_links import Delay
from testbed.network.delays import Arrival, delays_within, probes_for, punctual_within

TRUE = [
    Delay("a", "b", 1),
    Delay("a", "b", 3),
    Delay("a", "b", 100),
    Delay("a", "b", 5000),
    Delay("a", "b", 1, jitter_ms=1),
    Delay("a", "b", 2, jitter_ms=1),
    Delay("a", "b", 50, jitter_ms=50),
    Delay("a", "b", 100, jitter_ms=30),
    Delay("a", "b", 2000, jitter_ms=2000),
    Delay("a", "b", 2000, jitter_ms=1225),
    Delay("a", "b", 2000, jitter_ms=1500),
    Delay("a", "b", 0, duplicated_percent=1),
    Delay("a", "b", 0, duplicated_percent=100),
    Delay("a", "b", 50, duplicated_percent=100, hurried_percent=50),
    Delay("a", "b", 1, hurried_percent=1),
    Delay("a", "b", 100, hurried_percent=25),
    Delay("a", "b", 100, hurried_percent=99),
    Delay("a", "b", 50, jitter_ms=50, hurried_percent=10),
    Delay("a", "b", 100, jitter_ms=30, duplicated_percent=50, hurried_percent=25),
]


def late_ms(delay: Delay, chance: random.Random, busy_ms: float) -> float:
    """How late one copy of a packet is, as net/sched/sch_netem.c draws it, and the machine makes it later."""
    lag_ms = 0.02 + chance.random() * 0.1 + (busy_ms if chance.random() < 0.02 else 0)
    if chance.random() < delay.hurried_percent / 100:
        return lag_ms
    jitter_ns = delay.jitter_ms * 1_000_000
    drawn_ns = chance.getrandbits(32) % (2 * jitter_ns) - jitter_ns if jitter_ns else 0
    return delay.delay_ms + drawn_ns / 1_000_000 + lag_ms


def arrivals(delay: Delay, seed: int = 0, *, of: Delay | None = None, busy_ms: float = 0) -> list[Arrival]:
    """What comes of the packets that are sent to prove one delay, under it or under another."""
    chance, really = random.Random(seed), of or delay  # noqa: S311 - for numbers that come again
    found = []
    for number in range(probes_for(delay)):
        copies = 2 if chance.random() < really.duplicated_percent / 100 else 1
        found += [Arrival(number=number, late_ms=late_ms(really, chance, busy_ms)) for _ in range(copies)]
    chance.shuffle(found)
    return found


def undelayed(delay: Delay, seed: int = 0, *, busy_ms: float = 0) -> list[Arrival]:
    """What comes of the same packets over a link that is well."""
    chance = random.Random(seed)  # noqa: S311 - as above
    well = replace(delay, delay_ms=1, jitter_ms=0, hurried_percent=0)
    return [Arrival(number=number, late_ms=late_ms(well, chance, busy_ms) - 1) for number in range(probes_for(delay))]


def in_force(delay: Delay, seen: list[Arrival]) -> bool:
    """Whether it passes for a delay that is as asked."""
    return all(one.is_as_asked for one in delays_within(delay, seen, sent=probes_for(delay)))


def is_gone(delay: Delay, seen: list[Arrival]) -> bool:
    """Whether it passes for a delay that has ended."""
    return all(one.is_as_asked for one in punctual_within(delay, seen, sent=probes_for(delay)))


@pytest.mark.parametrize("delay", TRUE, ids=str)
def test_a_true_delay_is_proved_and_so_is_its_end(delay: Delay) -> None:
    """Each of many times, however short it is, and however much of it is by chance."""
    for seed in range(5):
        judged = delays_within(delay, arrivals(delay, seed), sent=probes_for(delay))
        assert all(one.is_as_asked for one in judged), [str(one) for one in judged]
        assert not is_gone(delay, arrivals(delay, seed))
        assert is_gone(delay, undelayed(delay, seed))
        assert not in_force(delay, undelayed(delay, seed))


@pytest.mark.parametrize("delay", TRUE, ids=str)
def test_a_busy_machine_does_not_make_a_delay_gone_nor_hide_its_end(delay: Delay) -> None:
    """Some packets of a hundred are 20 ms later: that passes for the end of one, and its presence is not denied."""
    assert not is_gone(delay, arrivals(delay, busy_ms=20))
    if delay.hurried_percent < 90:  # else so few are late that these would count
        assert is_gone(delay, undelayed(delay, busy_ms=20))


WRONG = [
    (Delay("a", "b", 100), Delay("a", "b", 50)),
    (Delay("a", "b", 50), Delay("a", "b", 100)),
    (Delay("a", "b", 1), Delay("a", "b", 10)),
    (Delay("a", "b", 1, jitter_ms=1), Delay("a", "b", 1)),
    (Delay("a", "b", 1, jitter_ms=1), Delay("a", "b", 2, jitter_ms=1)),
    (Delay("a", "b", 100), Delay("a", "b", 100, jitter_ms=30)),
    (Delay("a", "b", 100, jitter_ms=30), Delay("a", "b", 100)),
    (Delay("a", "b", 100, jitter_ms=30), Delay("a", "b", 70)),
    (Delay("a", "b", 100, jitter_ms=30), Delay("a", "b", 130)),
    (Delay("a", "b", 100, jitter_ms=30), Delay("a", "b", 100, jitter_ms=10)),
    (Delay("a", "b", 100, jitter_ms=30), Delay("a", "b", 100, jitter_ms=90)),
    (Delay("a", "b", 100, jitter_ms=30), Delay("a", "b", 90, jitter_ms=20)),
    (Delay("a", "b", 50, jitter_ms=50), Delay("a", "b", 50)),
    (Delay("a", "b", 50, jitter_ms=50), Delay("a", "b", 50, jitter_ms=50, hurried_percent=50)),
    (Delay("a", "b", 50, jitter_ms=50, hurried_percent=30), Delay("a", "b", 50, jitter_ms=50)),
    (Delay("a", "b", 100), Delay("a", "b", 100, hurried_percent=1)),
    (Delay("a", "b", 100, hurried_percent=1), Delay("a", "b", 100)),
    (Delay("a", "b", 100, hurried_percent=25), Delay("a", "b", 100, hurried_percent=50)),
    (Delay("a", "b", 100), Delay("a", "b", 100, duplicated_percent=1)),
    (Delay("a", "b", 100, duplicated_percent=1), Delay("a", "b", 100)),
    (Delay("a", "b", 100, duplicated_percent=50), Delay("a", "b", 100, duplicated_percent=25)),
]


@pytest.mark.parametrize(("asked", "done"), WRONG, ids=str)
def test_another_delay_does_not_pass_for_the_one_asked(asked: Delay, done: Delay) -> None:
    """Not once of many times."""
    assert not any(in_force(asked, arrivals(asked, seed, of=done)) for seed in range(5))


@pytest.mark.parametrize("delay", TRUE, ids=str)
def test_a_lost_packet_proves_neither_a_delay_nor_its_end(delay: Delay) -> None:
    """All must arrive; and where none did, nothing is proved."""
    lacks = [one for one in arrivals(delay) if one.number != 7]
    assert not in_force(delay, lacks)
    assert not in_force(delay, [])
    assert not is_gone(delay, [one for one in undelayed(delay) if one.number != 7])
    assert not is_gone(delay, [])


def test_rare_treatment_takes_more_packets() -> None:
    """So many that it is no matter of chance to see none of the hundredth part that is treated otherwise."""
    assert probes_for(Delay("a", "b", 5)) == 1400
    assert probes_for(Delay("a", "b", 5, hurried_percent=99)) == 6667
