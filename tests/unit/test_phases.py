"""What was seen of a flapping link, and what it proves."""

from __future__ import annotations

import pytest

from testbed.bad_links import Flap
from testbed.network import nft, phases
from testbed.network.phases import Sample, phases_within, steady

FLAP = Flap("a", "b", 100, 200)


def seen(*, down_ms: int, up_ms: int, back: str = "together", every_ms: int = 5) -> list[Sample]:
    """Two cycles and a half, looked at without delay."""
    samples = []
    for at_ms in range(0, 5 * (down_ms + up_ms) // 2, every_ms):
        is_down = at_ms % (down_ms + up_ms) < down_ms
        is_down_back = {"together": is_down, "never": False, "otherwise": not is_down}[back]
        samples.append(Sample(began_ms=float(at_ms), ended_ms=at_ms + 1.0, is_down=is_down, is_down_back=is_down_back))
    return samples


def is_as_asked(flap: Flap, samples: list[Sample]) -> bool:
    """All of it."""
    return all(one.is_as_asked for one in phases_within(flap, samples))


@pytest.mark.parametrize(
    ("down_ms", "up_ms", "verdict"),
    [(100, 200, True), (110, 190, True), (50, 200, False), (150, 200, False), (100, 100, False), (100, 300, False)],
)
def test_phases_of_another_length_are_not_as_asked(down_ms: int, up_ms: int, *, verdict: bool) -> None:
    """Shorter or longer, down or up."""
    assert is_as_asked(FLAP, seen(down_ms=down_ms, up_ms=up_ms)) is verdict


@pytest.mark.parametrize(("one_way", "back"), [(False, "together"), (True, "never")])
def test_the_other_direction_is_down_too_or_never(back: str, *, one_way: bool) -> None:
    """As asked, and not otherwise."""
    flap = Flap("a", "b", 100, 200, one_way=one_way)
    assert is_as_asked(flap, seen(down_ms=100, up_ms=200, back=back))
    assert not is_as_asked(flap, seen(down_ms=100, up_ms=200, back="never" if back == "together" else "together"))
    assert not is_as_asked(flap, seen(down_ms=100, up_ms=200, back="otherwise"))


def test_rare_looks_lose_sharpness_and_accuse_nobody() -> None:
    """A machine that looks every 80 ms sees phases of 100 ms as something between 0 and 260."""
    assert is_as_asked(FLAP, seen(down_ms=100, up_ms=200, every_ms=80))


def test_a_link_that_never_or_always_carries_does_not_flap() -> None:
    """No phase was seen whole."""
    for is_down in (True, False):
        one = Sample(began_ms=0, ended_ms=1, is_down=is_down, is_down_back=is_down)
        assert not is_as_asked(FLAP, [one] * 100)
    assert steady(FLAP, [Sample(began_ms=0, ended_ms=1, is_down=False, is_down_back=False)]).is_as_asked
    assert not steady(FLAP, [Sample(began_ms=0, ended_ms=1, is_down=False, is_down_back=True)]).is_as_asked


def test_install_makes_the_sets_that_keep_the_time() -> None:
    """And flushing what is in force stops every flap, for their elements are in maps that it flushes."""
    text = nft.install()
    assert all(f"add set inet portal_testbed {name} {{" in text for name in (phases.DOWN, phases.CYCLE))
    assert all(f"flush map inet portal_testbed {name}\n" in nft.flush() for name in (phases.IN, phases.OUT))
