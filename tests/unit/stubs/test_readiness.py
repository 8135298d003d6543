"""Every reason why resilience does not work is named (CFG-13)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stubs.readiness import NEEDED, Known, needs, unmet
from stubs.wire import CoreFacts, Failback, PortalFacts, ServerName

if TYPE_CHECKING:
    from collections.abc import Callable

PORTAL = PortalFacts(
    version="12.0",
    central_cti=True,
    failover=True,
    failback=Failback.AUTOMATIC,
    detection_minutes=3.0,
    host_domain_name="name",
    select=True,
)
CORE = CoreFacts(server=ServerName.PRIMARY, select=True, supports_resiliency=True, backs_up_portal=True)
READY = Known(primary=PORTAL, secondary=PORTAL, primary_core=CORE)
ALL = ("CFG-2", "CFG-5", "CFG-6", "CFG-7", "CFG-9", "CFG-12")
UNKNOWN = ("CFG-2", "CFG-3", "CFG-5", "CFG-6", "CFG-7", "CFG-9", "CFG-12")


def primary(**changes: object) -> Callable[[Known], Known]:
    """With a fact of P's portal changed."""
    return lambda known: replace(known, primary=replace(known.primary or PORTAL, **changes))  # type: ignore[arg-type]


def secondary(**changes: object) -> Callable[[Known], Known]:
    """With a fact of S's portal changed."""
    return lambda known: replace(known, secondary=replace(known.secondary or PORTAL, **changes))  # type: ignore[arg-type]


def core(**changes: bool) -> Callable[[Known], Known]:
    """With a fact of P's core changed."""
    return lambda known: replace(known, primary_core=replace(known.primary_core or CORE, **changes))  # type: ignore[arg-type]


BREAKS = [
    (core(select=False), "CFG-2"),
    (primary(select=False), "CFG-3"),
    (secondary(select=False), "CFG-3"),
    (secondary(select=None), "CFG-3"),
    (primary(central_cti=False), "CFG-5"),
    (secondary(central_cti=False), "CFG-5"),
    (primary(failover=False), "CFG-6"),
    (core(supports_resiliency=False), "CFG-7"),
    (core(backs_up_portal=False), "CFG-7"),
    (secondary(version="11.1"), "CFG-9"),
    (secondary(host_domain_name=""), "CFG-12"),
]


def test_a_pair_that_meets_every_rule_is_ready() -> None:
    """Nothing is named."""
    assert unmet(READY) == ()


@pytest.mark.parametrize(("break_it", "rule"), BREAKS)
def test_one_broken_rule_is_named_alone(break_it: Callable[[Known], Known], rule: str) -> None:
    """Each of CFG-2, CFG-3, CFG-5, CFG-6, CFG-7, CFG-9, CFG-12."""
    assert unmet(break_it(READY)) == (rule,)


def test_all_broken_rules_are_named_in_their_order() -> None:
    """CFG-13: not only the first."""
    known = READY
    for break_it, _ in reversed(BREAKS):
        known = break_it(known)
    assert unmet(known) == ALL


def test_a_restart_is_not_asked_for_before_the_system_is_switched() -> None:
    """CFG-3 is named once CFG-2 is met, and beside every other unmet rule."""
    outside = core(select=False)(primary(select=False)(secondary(select=False)(READY)))
    assert unmet(outside) == ("CFG-2",)
    known = outside
    for break_it, rule in reversed(BREAKS):
        known = break_it(known) if rule != "CFG-2" else core(select=True)(known)
    assert unmet(known) == ("CFG-3", *ALL[1:])


def test_every_rule_that_can_be_unmet_is_told_in_words() -> None:
    """CFG-13: what is needed, and where it is given."""
    assert tuple(need.rule for need in needs(UNKNOWN)) == UNKNOWN
    assert set(NEEDED) == set(UNKNOWN)
    assert len({need.says for need in needs(UNKNOWN)}) == len(UNKNOWN)


@pytest.mark.parametrize(
    "harmless", [secondary(failover=False), primary(host_domain_name=""), secondary(failback=Failback.MANUAL)]
)
def test_what_counts_on_one_server_only_is_free_on_the_other(harmless: Callable[[Known], Known]) -> None:
    """CFG-6 counts on P, CFG-12 on S."""
    assert unmet(harmless(READY)) == ()


@pytest.mark.parametrize(
    ("known", "rules"),
    [
        (Known(primary=None, secondary=None, primary_core=None), UNKNOWN),
        (replace(READY, primary=None), ("CFG-3", "CFG-5", "CFG-6", "CFG-9")),
        (replace(READY, secondary=None), ("CFG-3", "CFG-5", "CFG-9", "CFG-12")),
        (replace(READY, primary_core=None), ("CFG-2", "CFG-7")),
    ],
)
def test_what_is_unknown_is_unmet(known: Known, rules: tuple[str, ...]) -> None:
    """A portal that never heard of the others must not take over."""
    assert unmet(known) == rules
