"""The liveness phase: all is healed, and what is not well again within the bound is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from stubs.wire import Site
from testbed.campaign.recovery import recover
from testbed.campaign.returning import NeverBackError
from testbed.topology import Topology
from testbed.world import Failback

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.campaign.acting import Actor
    from testbed.campaign.crowd import Crowd

SYNC = {"state": "running", "digest": "d"}


class FakeInspector:
    """A half of a pair in normal running."""

    def __init__(self, role: str) -> None:
        self.portal: dict[str, Any] | None = {
            "boot": 1,
            "role": role,
            "unmet": [],
            "core": "up",
            "peer": {},
            "sync": SYNC,
        }
        self.view = {"portal": {"state": role}, "core": {"state": "Available"}}

    def resilience(self) -> dict[str, Any] | None:
        """The portal's status."""
        return self.portal

    def services(self) -> dict[str, Any]:
        """The platform view."""
        return self.view


class FakeActor:
    """Keeps what was asked of it."""

    failback = Failback.AUTOMATIC

    def __init__(self, *, dead: bool = False) -> None:
        self.did: list[str] = []
        self._dead = dead

    def heal_all(self) -> None:
        """Nothing is broken any more."""
        self.did.append("heal all")

    def restart_portals(self) -> None:
        """They begin again, or not."""
        self.did.append("restart")
        if self._dead:
            raise NeverBackError("gone")


@pytest.fixture
def inspectors() -> dict[Site, FakeInspector]:
    """P serves, S waits."""
    return {Site.PRIMARY: FakeInspector("Available"), Site.SECONDARY: FakeInspector("Starting")}


def recovered(
    inspectors: dict[Site, FakeInspector], actor: FakeActor, elsewhere: dict[str, str]
) -> tuple[tuple[str, ...], float]:
    """What is wrong after 50 ms."""
    bed = SimpleNamespace(inspectors=inspectors, topology=Topology())
    crowd = SimpleNamespace(elsewhere=elsewhere)
    return recover(cast("Bed", bed), cast("Actor", actor), cast("Crowd", crowd), bound_s=0.05)


def test_a_pair_in_normal_running_with_everybody_home_is_well(inspectors: dict[Site, FakeInspector]) -> None:
    """At once, after the healing."""
    actor = FakeActor()
    wrong, seconds = recovered(inspectors, actor, {})
    assert wrong == ()
    assert seconds < 1
    assert actor.did == ["heal all"]


def test_who_is_not_back_is_named(inspectors: dict[Site, FakeInspector]) -> None:
    """With what is shown instead, and after how long."""
    wrong, _seconds = recovered(inspectors, FakeActor(), {"user07": "lost contact at secondary"})
    assert wrong == ("0.05 s after all was healed user07 was not back: lost contact at secondary",)


@pytest.mark.parametrize("what", ["serves", "silent", "unmet", "apart"])
def test_a_pair_that_is_not_in_normal_running_is_told(inspectors: dict[Site, FakeInspector], what: str) -> None:
    """S serves on, a portal is silent, a rule is unmet, data differ."""
    secondary = inspectors[Site.SECONDARY]
    assert secondary.portal is not None
    match what:
        case "serves":
            inspectors[Site.SECONDARY] = FakeInspector("Available")
        case "silent":
            secondary.portal = None
        case "unmet":
            secondary.portal["unmet"] = ["CFG-7"]
        case _:
            secondary.portal["sync"] = {**SYNC, "digest": "another"}
    (wrong,), _seconds = recovered(inspectors, FakeActor(), {})
    assert "0.05 s after all was healed the pair was not in normal running" in wrong


def test_with_manual_failback_the_portals_are_restarted_after_the_healing(
    inspectors: dict[Site, FakeInspector],
) -> None:
    """ROLE-8; and a portal that does not come back is the pair's failure, for the run to tell."""
    actor = FakeActor()
    actor.failback = Failback.MANUAL
    assert recovered(inspectors, actor, {})[0] == ()
    assert actor.did == ["heal all", "restart"]
    dead = FakeActor(dead=True)
    dead.failback = Failback.MANUAL
    with pytest.raises(NeverBackError):
        recovered(inspectors, dead, {})
