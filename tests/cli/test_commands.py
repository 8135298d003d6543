"""A topology from up to reset, by hand: every command does what it says and prints what it promises."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from stubs.wire import ServerName, Site
from testbed.waiting import wait_until
from tests.program import done, run

if TYPE_CHECKING:
    from testbed.bed import Bed

WITHIN_S = 20


def status(name: str) -> dict[str, Any]:
    """What `status --json` says."""
    found: dict[str, Any] = done("status", name, "--json").json
    return found


def eventually(bed: Bed, resilience: str) -> dict[str, Any]:
    """Wait until it is so; what `status` says then."""
    wait_until(
        bed.status,
        lambda seen: seen["resilience"] == resilience,
        within_s=WITHIN_S,
        what=f"{bed.name} to be in {resilience}",
    )
    return status(bed.name)


def fault(verb: str, name: str, *arguments: str) -> None:
    """Inject or heal one."""
    done("fault", verb, name, *arguments)


def fetched(url: str, *options: str) -> tuple[int, str]:
    """What curl gets: the status and the page."""
    command = ["curl", "--silent", "--show-error", "--max-time", "10", "--write-out", "\n%{http_code}", *options, url]
    got = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own options
    page, _, code = got.stdout.rpartition("\n")
    return int(code), page


def test_up_says_what_scripts_need(described: dict[str, Any]) -> None:
    """Exactly the documented fields, two users with different homes, and an administrator."""
    name = described["name"]
    assert set(described) == {"name", "servers", "users", "administrator", "time_scale", "defects"}
    assert set(described["servers"]) == {"primary", "secondary"}
    fields = {"hostname", "address", "portal_url", "admin_url", "platform_view_url", "core_url", "certificate"}
    assert {frozenset(server) for server in described["servers"].values()} == {frozenset(fields)}
    primary = described["servers"]["primary"]
    assert primary["portal_url"] == f"https://primary.{name}.test:9443/onexportal.html"
    homes = {user["name"]: user["home"] for user in described["users"]}
    assert homes == {"alice": "primary", "bob": "secondary"}
    assert {frozenset(user) for user in described["users"]} == {frozenset({"name", "password", "home"})}
    assert set(described["administrator"]) == {"name", "password"}


def test_ls_names_what_is_up(described: dict[str, Any]) -> None:
    """With the addresses of its servers."""
    rows = {row["name"]: row["addresses"] for row in done("ls", "--json").json}
    addresses = {site: server["address"] for site, server in described["servers"].items()}
    assert rows[described["name"]] == addresses
    line = next(line for line in done("ls").out.splitlines() if line.startswith(described["name"]))
    assert all(address in line for address in addresses.values())


def test_status_says_who_serves(name: str) -> None:
    """The documented fields, and normal running."""
    found = status(name)
    assert {"resilience", "unmet", "servers", "faults", "defects"} == set(found)
    assert (found["resilience"], found["unmet"], found["faults"]) == ("normal", [], [])
    for server, role, colour in (("primary", "Available", "green"), ("secondary", "Starting", "yellow")):
        said = found["servers"][server]
        assert {"core", "portal", "platform_view"} <= set(said)
        assert (said["core"], said["portal"]) == ("running", "running")
        assert (said["platform_view"]["portal"]["state"], said["platform_view"]["portal"]["colour"]) == (role, colour)
    assert f"{name}: normal" in done("status", name).out


def test_hosts_leads_curl_to_the_portal(described: dict[str, Any], name: str) -> None:
    """The printed options and the printed certificate are all that curl needs; the secondary sends on."""
    options = shlex.split(done("hosts", name, "--curl").out)
    primary, secondary = (described["servers"][site] for site in ("primary", "secondary"))
    code, page = fetched(primary["portal_url"], *options, "--cacert", primary["certificate"])
    assert code == 200
    assert "one-X Portal" in page
    assert fetched(secondary["portal_url"], *options, "--cacert", secondary["certificate"])[0] == 302


def test_hosts_prints_each_form(described: dict[str, Any], name: str) -> None:
    """Lines of a hosts file, JSON, and one option for Chromium."""
    pairs = {server["hostname"]: server["address"] for server in described["servers"].values()}
    assert done("hosts", name, "--json").json == pairs
    assert done("hosts", name).out.splitlines() == [f"{address} {host}" for host, address in pairs.items()]
    (option,) = shlex.split(done("hosts", name, "--chromium").out)
    assert option == "--host-resolver-rules=" + ",".join(f"MAP {host} {at}" for host, at in pairs.items())


def test_logs_are_of_the_services_asked_for(name: str) -> None:
    """One service without a prefix, a server or all with one."""
    one = done("logs", name, "primary/portal").out
    assert one
    assert not one.startswith("primary/portal: ")
    assert {line.partition("/")[0] for line in done("logs", name, "secondary").out.splitlines()} == {"secondary"}
    assert {line.partition(":")[0] for line in done("logs", name).out.splitlines()} >= {
        "primary/core",
        "primary/portal",
    }


@pytest.mark.parametrize(
    ("verb", "undo", "ended"),
    [("kill", "start", "stopped"), ("stop", "start", "stopped"), ("pause", "resume", "paused")],
)
def test_fault_ends_a_portal_and_undoes_it(watched: Bed, verb: str, undo: str, ended: str) -> None:
    """The secondary takes over, and the fault shows in the status; then normal running comes back."""
    fault(verb, watched.name, "primary/portal")
    found = eventually(watched, "failover")
    assert found["servers"]["primary"]["portal"] == ended
    assert found["faults"] == [f"primary/portal {ended}"]
    fault(undo, watched.name, "primary/portal")
    watched.wait_until_settled()


def test_fault_restart_brings_a_server_back_by_itself(watched: Bed) -> None:
    """Core and portal of the server begin anew, in the same containers."""
    before = watched.inspectors[Site.PRIMARY].resilience()
    assert before is not None
    fault("restart", watched.name, "primary")
    watched.wait_until_settled(boots={Site.PRIMARY: before["boot"]})


def test_fault_lose_and_restore_a_server(watched: Bed) -> None:
    """A lost server is silent, its platform view included; restored it serves again."""
    fault("lose", watched.name, "primary")
    found = eventually(watched, "failover")
    assert found["servers"]["primary"]["platform_view"] is None
    assert found["faults"] == ["cut primary vanished", "primary/core stopped", "primary/portal stopped"]
    fault("restore", watched.name, "primary")
    watched.wait_until_settled()


def test_fault_cut_and_heal_a_link(watched: Bed) -> None:
    """Both serve while it is cut; one way shows one direction; healing ends both."""
    fault("cut", watched.name, "primary", "secondary")
    found = eventually(watched, "stand-alone")
    assert sorted(found["faults"]) == ["cut primary -> secondary", "cut secondary -> primary"]
    fault("heal", watched.name, "primary", "secondary")
    watched.wait_until_settled()
    fault("cut", watched.name, "primary", "secondary", "--one-way")
    assert watched.status()["faults"] == ["cut primary -> secondary"]
    fault("heal", watched.name, "primary", "secondary")


def test_fault_cut_for_a_time_heals_by_itself(watched: Bed) -> None:
    """It is in force at first; nobody heals it, and it is gone."""
    fault("cut", watched.name, "primary", "secondary", "--for", "3s")
    assert [one.lease_left_s is not None for one in watched.links.current()] == [True, True]
    wait_until(watched.links.current, lambda seen: not seen, within_s=WITHIN_S, what="the cut to heal")


@pytest.mark.usefixtures("watched")
def test_fault_cert_lets_a_server_show_a_wrong_certificate(described: dict[str, Any]) -> None:
    """On the running server; curl refuses it, `status` names it, and "installed" takes it back."""
    name, secondary = described["name"], described["servers"]["secondary"]
    options = [*shlex.split(done("hosts", name, "--curl").out), "--cacert", secondary["certificate"]]
    fault("cert", name, "secondary", "expired")
    assert status(name)["faults"] == ["certificate of secondary expired"]
    assert "fault: certificate of secondary expired" in done("status", name).out
    with pytest.raises(subprocess.CalledProcessError) as refused:
        fetched(secondary["portal_url"], *options)
    assert (refused.value.returncode, "expired" in refused.value.stderr) == (60, True)
    second = run("fault", "cert", name, "secondary", "replaced").refused()
    assert "the certificate of the secondary is expired already: heal that first" in second
    fault("cert", name, "secondary", "installed")
    assert status(name)["faults"] == []
    assert fetched(secondary["portal_url"], *options)[0] == 302


@pytest.mark.parametrize("undo", [["fault", "heal", "?", "--all"], ["reset", "?"]], ids=" ".join)
def test_a_certificate_fault_is_healed_by_whoever_heals_all(watched: Bed, undo: list[str]) -> None:
    """Another process than the one that staged it."""
    fault("cert", watched.name, "primary", "self-signed")
    assert watched.status()["faults"] == ["certificate of primary self-signed"]
    done(*(watched.name if part == "?" else part for part in undo))
    assert watched.status()["faults"] == []
    watched.wait_until_settled()


def test_fault_heal_all_heals_all(watched: Bed) -> None:
    """Network faults and services, whoever ended them."""
    fault("cut", watched.name, "primary", "secondary")
    watched.services.pause(ServerName.SECONDARY, "portal")
    watched.services.kill(ServerName.SECONDARY, "core")
    fault("heal", watched.name, "--all")
    watched.wait_until_settled()


def test_reset_forgets_data_and_heals(described: dict[str, Any], watched: Bed) -> None:
    """What was added is gone, a killed service runs, a cut is healed."""
    inspector = watched.inspectors[Site.PRIMARY]
    inspector.administer("POST", "directory", {"name": "Reception", "number": "100"})
    assert (inspector.resilience() or {})["sync"]["head"] == 1
    fault("kill", described["name"], "primary/portal")
    fault("cut", described["name"], "primary", "secondary")
    done("reset", described["name"])
    found = status(described["name"])
    assert (found["resilience"], found["faults"]) == ("normal", [])
    assert found["servers"]["primary"]["sync"]["head"] == 0
