"""Portals that are restarted, alone or together: who serves then."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from testbed.clients.screen import Shows
from testbed.faults import Kill, lose
from testbed.waiting import wait_until
from tests.scenarios.observing import (
    WITHIN_S,
    detection_s,
    eventually_in_step,
    eventually_runs,
    eventually_serves,
    let_pass,
    now_ms,
    portal,
    role_changes,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testbed.bed import Bed
    from testbed.clients.kinds import WebClient
    from testbed.nemesis import Nemesis


def boots(bed: Bed) -> list[int | None]:
    """The starts of the portals that answer."""
    return [portal(server, bed).get("boot") for server in bed.servers]


@contextlib.contextmanager
def begun_anew(bed: Bed, count: int) -> Iterator[None]:
    """Wait at the end of the block until so many portals run that did not at its begin."""
    before = boots(bed)
    yield

    def look() -> int:
        return sum(boot is not None and boot not in before for boot in boots(bed))

    wait_until(look, lambda new: new == count, within_s=WITHIN_S, what=f"{count} portals to begin anew")


def _kill_both(bed: Bed, nemesis: Nemesis) -> None:
    with nemesis.under(Kill(bed.primary.portal), Kill(bed.secondary.portal)):
        pass


def _lose_both(bed: Bed, nemesis: Nemesis) -> None:
    with nemesis.under(lose(bed.primary), lose(bed.secondary)):
        pass


def _restart_primary_later(bed: Bed, nemesis: Nemesis) -> None:
    with nemesis.under(Kill(bed.primary.portal)):
        with nemesis.under(Kill(bed.secondary.portal)):
            pass
        eventually_runs(bed.secondary, bed)
        let_pass(detection_s(bed))


def _restart_both(bed: Bed, _nemesis: Nemesis) -> None:
    bed.services.at_once([lambda s=server: bed.services.restart(s.site, "portal") for server in bed.servers])  # type: ignore[misc]


def _kill_secondary(bed: Bed, nemesis: Nemesis) -> None:
    with nemesis.under(Kill(bed.secondary.portal)):
        pass


def _restart_secondary(bed: Bed, _nemesis: Nemesis) -> None:
    bed.services.restart(bed.secondary.server, "portal")


ALONE: dict[str, Callable[[Bed, Nemesis], None]] = {
    "killed and started": _kill_secondary,
    "restarted in order": _restart_secondary,
}
TOGETHER: dict[str, Callable[[Bed, Nemesis], None]] = {
    "portals killed and started": _kill_both,
    "primary's portal a detection time later": _restart_primary_later,
    "portals restarted in order": _restart_both,
    "servers lost and restored": _lose_both,
}


@pytest.mark.rule("ROLE-12")
@pytest.mark.parametrize("how", ALONE)
def test_a_secondary_that_is_restarted_while_the_primary_is_lost_serves(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, how: str
) -> None:
    """It learnt before that it may, kept that, and gives the primary time before it takes over."""
    with nemesis.under(lose(bed.primary)):
        with begun_anew(bed, 1):
            ALONE[how](bed, nemesis)
        eventually_serves(bed.secondary, bed)
        assert web_client.log_in("alice", at=bed.secondary).screen.shows is Shows.HOME
    eventually_serves(bed.primary, bed)
    eventually_in_step(bed)


@pytest.mark.rule("ROLE-12")
@pytest.mark.parametrize("how", TOGETHER)
def test_of_two_that_are_restarted_together_the_primary_serves_and_the_secondary_never_does(
    bed: Bed, nemesis: Nemesis, how: str
) -> None:
    """Whichever is up first; the secondary's own record tells that it never served in between."""
    began_ms = now_ms()
    with begun_anew(bed, 2):
        TOGETHER[how](bed, nemesis)
    eventually_serves(bed.primary, bed)
    eventually_in_step(bed)
    assert shown(bed.secondary, bed) == ("Starting", "yellow")
    since = {
        name: [change["role"] for change in changes if change["at_ms"] >= began_ms]
        for name, changes in role_changes(bed).items()
    }
    assert "Available" in since["primary"]
    assert "Available" not in since["secondary"]
