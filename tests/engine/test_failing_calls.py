"""The engine's n-th call fails, for each n, alone or with all that follow, in three ways: undone or named.

All n are gone through on an engine in memory (`tests.engine.double`), which `test_double` holds against the real one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.engine import labels
from testbed.engine.sweep import sweep
from testbed.faults import describe
from tests.engine.breaking import EVERY_WAY
from tests.engine.trials import EACH_KIND, FAULTS, NAME, RUN, wounds

if TYPE_CHECKING:
    from testbed.faults import Fault
    from tests.engine.breaking import Failure
    from tests.engine.conftest import Standing
    from tests.engine.double import Double
    from tests.engine.trials import Trial


@pytest.mark.parametrize("way", EVERY_WAY)
def test_up_leaves_nothing_but_what_carries_its_label(tried: Trial, double: Double, way: tuple[Failure, bool]) -> None:
    """So that the run's janitor finds all of it; and it never says that it went well when it did not."""
    count = tried.calls(tried.up)
    assert count > 30
    tried.down()
    for number in range(count):
        said = tried.fails(tried.up, number, way)
        assert said is not None, f"call {number} failed, and up went on"
        sweep(tried.client.api, {labels.RUN: RUN}).raise_failures()
        assert double.names() == set(), f"left after call {number} failed"


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_is_undone_or_named(
    tried: Trial, double: Double, standing: Standing, fault: Fault, way: tuple[Failure, bool]
) -> None:
    """Each call of injecting and of healing. One of injecting that fails alone is undone: the engine works again.

    Else the error names the fault that may still hold, and whatever is not as it was in the end.
    """
    tried.meet(standing.put_into(double))
    tried.look_into(double)
    injecting = tried.calls(lambda: tried.inject(fault))
    count = injecting + tried.calls(lambda: tried.nemesis.heal(fault))
    for number in range(count):
        double.put_back(standing.kept)
        said = tried.fails(lambda: tried.under(fault), number, way)
        assert said is not None, f"call {number} of {count} failed, and nobody was told"
        left = wounds(double)
        if number < injecting and not way[1]:
            assert not left, f"call {number} of {injecting} failed alone: {said}"
        for wound, word in left.items():
            named = f"{describe(fault)} may still hold" in said and word in said
            assert named, f"{wound} after call {number} of {count} failed: {said}"


@pytest.mark.parametrize("way", EVERY_WAY)
def test_healing_all_heals_the_rest_and_names_what_is_left(
    tried: Trial, double: Double, standing: Standing, way: tuple[Failure, bool]
) -> None:
    """Each call, with faults of each kind in force. What they do to one kind is no reason to leave another.

    Where the engine did not even say which services there are, that is named in place of them.
    """
    tried.meet(standing.put_into(double))
    tried.look_into(double)
    for fault in EACH_KIND:
        tried.inject(fault)
    faulty, every = double.kept(), wounds(double)
    assert len(every) == 7
    count = tried.calls(tried.bed.heal)
    assert not wounds(double)
    for number in range(count):
        double.put_back(faulty)
        said = tried.fails(tried.bed.heal, number, way)
        assert said is not None, f"call {number} of {count} failed, and nobody was told"
        left = wounds(double)
        for wound, word in left.items():
            named = word in said or (" is " in wound and f"cannot list the containers in {NAME}" in said)
            assert named, f"{wound} after call {number} of {count} failed: {said}"
        kinds = {wound.replace("exited", "paused").rpartition(" ")[2] for wound in left}
        assert way[1] or len(kinds) < 2, f"left after call {number} of {count} alone failed: {left}"


@pytest.mark.parametrize("way", EVERY_WAY)
def test_down_removes_the_rest_and_names_what_is_left(
    tried: Trial, double: Double, standing: Standing, way: tuple[Failure, bool]
) -> None:
    """Each call; where the engine did not even say what there is, that kind is named. Another `down` removes it."""
    standing.put_into(double)
    count = tried.calls(tried.down)
    for number in range(count):
        double.put_back(standing.kept)
        said = tried.fails(tried.down, number, way) or ""
        left = {
            "containers": set(double.states()),
            "networks": {row["Name"] for row in double.networks.values()},
            "volumes": set(double.volumes),
        }
        for kind, names in left.items():
            unknown = f"which {kind} of {NAME} are left" in said
            assert unknown or all(name in said for name in names), f"call {number}: {names} left, and it said {said!r}"
        assert way[1] or double.names() == set(), f"left after call {number} alone failed"
        tried.down()
        assert double.names() == set()
