"""Settings by hand: shown, saved, refused with the server's own words, and in effect after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stubs.wire import ServerName, Site
from testbed.settings import KINDS
from testbed.waiting import wait_until
from tests.program import done, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.bed import Bed

WITHIN_S = 20


@pytest.fixture
def bed(watched: Bed) -> Iterator[Bed]:
    """The topology, as after installation when the test ends."""
    yield watched
    watched.reset()


def shown(*arguments: str) -> Any:
    """What `configure --json` prints."""
    return done("configure", *arguments, "--json").json


def eventually_stopped(bed: Bed) -> None:
    """Wait until the secondary's portal stopped by itself."""
    look = bed.inspectors[Site.SECONDARY].dormant_boot
    wait_until(look, lambda boot: boot is not None, within_s=WITHIN_S, what="the secondary's portal to stop by itself")


def test_configure_shows_what_is_set_on_both_servers(name: str) -> None:
    """Every setting of each, as configured and as in effect, and no rule unmet."""
    found = shown(name)
    assert set(found) == {"name", "unmet", "unmet_why", "servers"}
    assert (found["name"], found["unmet"], found["unmet_why"]) == (name, [], [])
    for site, server in found["servers"].items():
        assert list(server["settings"]) == list(KINDS)
        assert all(value["configured"] == value["effective"] for value in server["settings"].values())
        assert (server["restart_pending"], server["missing"]) == (False, {})
        assert server["settings"]["host-domain-name"]["effective"] == f"{site}.{name}.test"
    text = done("configure", name).out
    assert text.startswith(f"{name}: ready\n  primary\n")
    assert [line.split()[0] for line in text.splitlines()].count("detection-minutes") == 2
    assert list(shown(name, "secondary")["servers"]) == ["secondary"]


def test_configure_saves_and_says_what_waits_for_a_restart(bed: Bed) -> None:
    """A core's setting counts at once, a portal's after its restart; unmet rules are told in words."""
    arguments = ("primary", "line.backs-up-portal=off", "detection-minutes=5", "failback=manual")
    text = done("configure", bed.name, *arguments).out
    assert [line.strip() for line in text.splitlines() if "pending" in line] == [
        "failback                  manual      restart pending; in effect: automatic",
        "detection-minutes         5           restart pending; in effect: 3",
    ]
    assert text.splitlines()[:2] == [
        f"{bed.name}: not ready",
        (
            "  CFG-7  The primary's line to the secondary has to have Supports Resiliency and Backs up my one-X Portal"
            " ticked: Manager, tab Line."
        ),
    ]
    primary = shown(bed.name, "primary", "line.backs-up-portal=on", "--restart")["servers"]["primary"]
    assert not primary["restart_pending"]
    assert primary["settings"]["detection-minutes"] == {"configured": 5, "effective": 5}
    assert primary["settings"]["line.backs-up-portal"] == {"configured": True, "effective": True}


def test_configure_switches_failover_off_and_on(bed: Bed) -> None:
    """The secondary's portal stops by itself: status shows it, and a start or a setting is refused with the reason."""
    assert shown(bed.name, "primary", "failover=off", "--restart")["unmet"] == ["CFG-6"]
    eventually_stopped(bed)
    found = done("status", bed.name, "--json").json
    assert (found["servers"]["secondary"]["portal"], found["faults"], found["unmet"]) == ("stopped", [], ["CFG-6"])
    for arguments in (
        ("fault", "start", bed.name, "secondary/portal"),
        ("fault", "restart", bed.name, "secondary/portal"),
        ("configure", bed.name, "secondary", "central-cti=off"),
        ("configure", bed.name, "secondary", "--restart"),
    ):
        assert "failover is not in effect on the primary's portal" in run(*arguments).refused(), arguments
    secondary = shown(bed.name)["servers"]["secondary"]
    assert set(secondary["settings"]) == {"select", "line.supports-resiliency", "line.backs-up-portal"}
    assert "Stopped by itself" in secondary["missing"]["portal"]
    shown(bed.name, "primary", "failover=on", "--restart")
    bed.wait_until_settled()


def test_configure_restarts_both_portals(bed: Bed) -> None:
    """As a switch to Select mode needs (CFG-3); until then the page that is missing says so."""
    found = shown(bed.name, "primary", "select=off")
    assert "CFG-2" in found["servers"]["primary"]["missing"]["resiliency"]
    found = shown(bed.name, "primary", "select=on")
    assert "CFG-3" in found["servers"]["primary"]["missing"]["resiliency"]
    assert shown(bed.name, "--restart")["servers"]["secondary"]["missing"] == {}
    bed.wait_until_settled()


@pytest.mark.parametrize(
    ("assignment", "said"),
    [("detection-minutes=0.5", "$.detection_minutes"), ("host-domain-name=a b", "$.host_domain_name")],
)
def test_configure_passes_on_why_a_save_was_refused(name: str, assignment: str, said: str) -> None:
    """The portal's own words name the field, and nothing is pending."""
    assert said in run("configure", name, "primary", assignment).refused()
    assert not shown(name, "primary")["servers"]["primary"]["restart_pending"]


def test_configure_shows_a_server_that_does_not_answer(bed: Bed) -> None:
    """What can be read is shown, and what cannot is said; a setting there is an error, not a result."""
    bed.services.kill(ServerName.PRIMARY, "core")
    bed.services.kill(ServerName.PRIMARY, "portal")
    primary = shown(bed.name, "primary")["servers"]["primary"]
    assert (primary["settings"], set(primary["missing"])) == ({}, {"core", "portal"})
    for assignment in ("select=off", "failover=off"):
        ended = run("configure", bed.name, "primary", assignment)
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (1, "", 1), ended
