"""With failover not in effect on the primary the secondary's portal is stopped by itself, and stays so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from stubs import ports
from testbed.configure import configure, restart_portals
from testbed.errors import RefusedError
from testbed.faults import Kill, Stop, lose
from testbed.waiting import wait_until
from tests.scenarios.observing import (
    WITHIN_S,
    eventually_in_step,
    eventually_serves,
    eventually_shown,
    eventually_unmet,
    portal,
    shown,
    shown_meanwhile,
)

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.nemesis import Nemesis


def _refuses_connections(bed: Bed) -> bool:
    """Whether the secondary's portal port is shut, as if nothing ran behind it."""
    url = f"https://{bed.secondary.address}:{ports.PORTAL_HTTPS}/onexportal.html"
    try:
        requests.get(url, verify=str(bed.secondary.certificate), timeout=5)
    except requests.ConnectionError as error:
        return "Connection refused" in str(error)
    return False


def _eventually_refuses_connections(bed: Bed) -> None:
    """While a portal stops its sign says so already, and its port is still open."""
    what = "the secondary's portal port to be shut"
    wait_until(lambda: _refuses_connections(bed), bool, within_s=WITHIN_S, what=what)


def _refusal_of_a_start(bed: Bed, service: str = "portal") -> tuple[int, str, str]:
    """What the secondary's platform view answers who starts a service by hand."""
    with pytest.raises(RefusedError) as refused:
        bed.inspectors[bed.secondary.site].start(service)
    return refused.value.status, refused.value.code, refused.value.says


@pytest.mark.rule("CFG-6", "CFG-11", "VIEW-3")
@pytest.mark.topology(primary={"failover": False})
def test_with_failover_off_the_secondarys_portal_is_stopped_and_cannot_be_started(bed: Bed, nemesis: Nemesis) -> None:
    """Its port is shut, its sign is red with the reason, a start by hand is refused with it, and nobody takes over."""
    assert shown(bed.secondary, bed) == ("Stopped", "red")
    assert _refuses_connections(bed)
    status, code, says = _refusal_of_a_start(bed)
    assert (status, code) == (409, "not_ready")
    assert "failover is not in effect" in says
    found = bed.status()
    assert (found["resilience"], found["unmet"], found["faults"]) == ("not ready", ["CFG-6"], [])
    assert found["servers"]["secondary"]["portal"] == "stopped"
    with nemesis.under(lose(bed.primary)):
        assert shown_meanwhile(bed.secondary, bed) == {"Stopped"}
        assert bed.status()["unmet"] == ["CFG-6"]
    eventually_serves(bed.primary, bed)
    assert shown(bed.secondary, bed) == ("Stopped", "red")


@pytest.mark.rule("CFG-6", "CFG-11")
def test_the_secondarys_portal_stops_and_starts_by_itself_with_the_switch(bed: Bed, nemesis: Nemesis) -> None:
    """It obeys what is in effect on the primary, outlives its own process's end, and then has all that it missed."""
    configure(bed, bed.primary.site, {"failover": False})
    assert shown(bed.secondary, bed) == ("Starting", "yellow")
    restart_portals(bed, [bed.primary.site])
    eventually_shown(bed.secondary, bed, "Stopped")
    eventually_unmet(bed, "CFG-6", says=(bed.primary,))
    bed.inspectors[bed.primary.site].administer("POST", "directory", {"name": "Reception", "number": "100"})
    with nemesis.under(Kill(bed.primary.portal)):
        with nemesis.under(Kill(bed.secondary.portal)):
            eventually_shown(bed.secondary, bed, "Stopped")
            assert _refusal_of_a_start(bed)[:2] == (409, "not_running")
        assert shown_meanwhile(bed.secondary, bed) == {"Stopped"}
        assert _refusal_of_a_start(bed)[:2] == (409, "not_ready")
    eventually_unmet(bed, "CFG-6", says=(bed.primary,))
    configure(bed, bed.primary.site, {"failover": True})
    restart_portals(bed, [bed.primary.site])
    eventually_shown(bed.secondary, bed, "Starting")
    eventually_unmet(bed)
    eventually_in_step(bed)
    assert portal(bed.secondary, bed)["sync"]["head"] == 1
    bed.inspectors[bed.secondary.site].start("portal")
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("CFG-11")
def test_a_secondary_that_serves_gives_back_before_it_stops(bed: Bed, nemesis: Nemesis) -> None:
    """The primary comes back with failover off: it serves, and the secondary's portal stops by itself."""
    configure(bed, bed.primary.site, {"failover": False})
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
    eventually_serves(bed.primary, bed)
    eventually_shown(bed.secondary, bed, "Stopped")
    _eventually_refuses_connections(bed)
