"""Wrong machines, planted one at a time: each is found, with no more faults than are needed to show it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from stubs import resilience
from stubs.portal.cti import AfterCall
from stubs.resilience import Role, State
from stubs.wire import Farewell, PortalStatus
from testbed.simulator import lines
from testbed.simulator.parts import Setting
from testbed.simulator.schedule import replay
from testbed.simulator.walk import walk
from testbed.world import Failback

Change = str | None

PRIMARY, SECONDARY, WILLING = resilience._primary, resilience._secondary, resilience.willing  # noqa: SLF001 - planted into


def secondary_never_yields(state: State) -> Change:
    """S goes on whatever it hears."""
    return None if state.role is Role.AVAILABLE and WILLING(state) else SECONDARY(state)


def secondary_needs_a_word(state: State) -> Change:
    """S waits for a good-bye, and never takes over from silence."""
    why = SECONDARY(state)
    return None if why == "the primary is not heard" else why


def secondary_forgets_at_its_start(state: State) -> Change:
    """S that never heard P since its own start waits for ever."""
    never = state.peer is None or state.peer.claimed_at_ms is None
    return None if never and state.role is Role.STARTING else SECONDARY(state)


def secondary_in_a_hurry(state: State) -> Change:
    """S takes a restart for a hand-over."""
    peer = state.peer
    if peer is not None and state.role is Role.STARTING and peer.status.farewell is Farewell.RESTART:
        return "in a hurry"
    return SECONDARY(state)


def secondary_ignores_the_setting(state: State) -> Change:
    """S gives way though failback is manual."""
    peer = state.peer
    if state.role is Role.AVAILABLE and peer is not None and peer.status.willing:
        return "the primary is back"
    return SECONDARY(state)


def primary_does_not_wait(state: State) -> Change:
    """P serves as soon as it can, whoever else does."""
    return "cannot wait" if state.role is Role.STARTING and WILLING(state) else PRIMARY(state)


def primary_waits_for_the_deaf(state: State) -> Change:
    """P waits for ever for an S that cannot hear it."""
    why = PRIMARY(state)
    return None if why == "the secondary serves but cannot hear" else why


def primary_steps_down_alone(state: State) -> Change:
    """P in service stops when it hears nobody."""
    if state.role is Role.AVAILABLE and not resilience.hears_peer(state):
        return "alone"
    return PRIMARY(state)


def willing_without_core(state: State) -> bool:
    """A portal is willing whether its core is there or not."""
    return not state.closing and state.ready is True


def core_lost_at_once(state: State) -> bool:
    """A core that is silent for a moment counts as gone."""
    return state.core_up


def by_serial_alone(one: PortalStatus, two: PortalStatus | None) -> bool:
    """A portal that has just started is not heard, as it counts from one again."""
    return two is None or one.serial > two.serial


class Plant(NamedTuple):
    """One defect: what is put in the place of what, and how many faults show it."""

    name: str
    owner: Any
    attribute: str
    wrong: Any
    faults: int
    rule: str
    setting: Setting = Setting()
    hurried: int = 0


PLANTS = (
    Plant("S never yields", resilience, "_secondary", secondary_never_yields, 1, "ROLE-5"),
    Plant("S needs a word", resilience, "_secondary", secondary_needs_a_word, 1, "ROLE-2"),
    Plant("S forgets at its start", resilience, "_secondary", secondary_forgets_at_its_start, 2, "ROLE-12"),
    Plant("S is in a hurry", resilience, "_secondary", secondary_in_a_hurry, 1, "ROLE-10"),
    Plant(
        "manual failback ignored",
        resilience,
        "_secondary",
        secondary_ignores_the_setting,
        1,
        "ROLE-10",
        Setting(failback=Failback.MANUAL),
    ),
    Plant("P does not wait", resilience, "_primary", primary_does_not_wait, 1, "ROLE-11"),
    Plant("P waits for the deaf", resilience, "_primary", primary_waits_for_the_deaf, 2, "ROLE-14"),
    Plant("P steps down alone", resilience, "_primary", primary_steps_down_alone, 1, "ROLE-10"),
    Plant("serves without its core", resilience, "willing", willing_without_core, 1, "ROLE-3"),
    Plant("core lost at once", resilience, "_core_usable", core_lost_at_once, 1, "ROLE-10"),
    Plant("a frozen portal goes on", State, "frozen_ms", property(lambda _state: 3000), 1, "ROLE-11", hurried=1),
    Plant("an old start outshouts a new one", PortalStatus, "newer_than", by_serial_alone, 1, "ROLE-10"),
    Plant("a core is never lost", lines, "after_call", lambda **_of: AfterCall(lost=False, pauses=True), 1, "ROLE-3"),
)


@pytest.mark.parametrize("plant", PLANTS, ids=[plant.name for plant in PLANTS])
def test_a_planted_defect_is_found_with_so_many_faults(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found, names its rule, needs as many faults as it should, and its schedule shows it again."""
    monkeypatch.setattr(plant.owner, plant.attribute, plant.wrong)
    if plant.faults > 1:
        assert not walk(plant.setting, faults=plant.faults - 1).failures
    walked = walk(plant.setting, faults=plant.faults, hurried=plant.hurried, first_only=True)
    assert walked.failures
    failure = walked.failures[0]
    assert failure.faults == plant.faults
    assert plant.rule in {rule for one in failure.findings for rule in one.rules}
    assert replay(failure.schedule)[0] == failure.findings
    monkeypatch.undo()
    assert replay(failure.schedule)[0] == ()
