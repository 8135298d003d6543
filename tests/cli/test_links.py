"""Links broken by hand, in every way: in force, shown by `status`, healed by the same words or by itself."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from testbed.network import kernel
from testbed.network.lease import LEASE_MS
from testbed.waiting import wait_until
from tests.cli.test_commands import WITHIN_S, fault
from tests.program import begin, done, run

if TYPE_CHECKING:
    from testbed.bed import Bed

ONE_WAY = "primary -> secondary"
FAULTS = {
    "cut --manner reset": f"cut {ONE_WAY} (reset)",
    "cut --manner prohibit --protocol icmp": f"cut {ONE_WAY} icmp (prohibit)",
    "cut --manner reject --port 50797 --protocol tcp": f"cut {ONE_WAY} tcp port 50797 (reject)",
    "cut --service platform-view": f"cut {ONE_WAY} tcp port 7071",
    "loss 12.5%": f"loss {ONE_WAY} loses 12.5 %",
    "rate 1.5mbit": f"rate {ONE_WAY} at 1500 kbit/s",
    "rate 256kbit": f"rate {ONE_WAY} at 256 kbit/s",  # less than the servers say to each other
    "flap 300ms --down 100ms": f"flap {ONE_WAY} 100 ms down, 200 ms up",
}


@pytest.mark.parametrize("words", FAULTS)
def test_a_link_is_broken_as_asked_and_healed(watched: Bed, words: str) -> None:
    """The proof is the command's own; `status` names the fault."""
    verb, *rest = words.split()
    options = rest if verb == "cut" else rest[1:]
    values = [] if verb == "cut" else rest[:1]
    fault(verb, watched.name, "primary", "secondary", *values, "--one-way", *options)
    assert done("status", watched.name, "--json").json["faults"] == [FAULTS[words]]
    fault("heal", watched.name, "primary", "secondary")
    assert watched.status()["faults"] == []


def said(watched: Bed, verb: str, *arguments: str) -> dict[str, Any]:
    """What a command says of a change of links, whose times must lie within its run and add up."""
    before_ms = time.monotonic() * 1000
    found: dict[str, Any] = done("fault", verb, watched.name, *arguments, "--json").json
    times = [before_ms, found["planned_ms"], *sorted(found["committed_ms"].values()), time.monotonic() * 1000]
    assert times == sorted(times)
    assert found["skew_ms"] == pytest.approx(times[-2] - times[2], abs=0.002)
    last = max(found["committed_ms"], key=found["committed_ms"].__getitem__)
    for at, ms in ((found["planned_at"], found["planned_ms"]), (found["committed_at"][last], times[-2])):
        ago_s = (datetime.now().astimezone() - datetime.fromisoformat(at)).total_seconds()
        assert ago_s == pytest.approx(time.monotonic() - ms / 1000, abs=0.1)
    return found


@pytest.mark.parametrize("verb", ["cut", "loss 10", "rate 1mbit", "rate 64kbit", "flap 300ms"])
def test_a_fault_of_links_says_when_each_server_had_it_and_its_healing_too(watched: Bed, verb: str) -> None:
    """On which links, when it was asked for, when each server had it, how far apart: for programs and for people."""
    verb, *value = verb.split()
    begun = said(watched, verb, "primary", "secondary", *value)
    assert begun["faults"] == sorted(watched.status()["faults"])
    assert (begun["name"], begun.get("ends_ms")) == (watched.name, None)
    healed = said(watched, "heal", "primary", "secondary")
    assert healed["faults"] == begun["faults"]
    assert set(healed["committed_ms"]) == set(begun["committed_ms"]) <= {"primary", "secondary"}
    assert healed["planned_ms"] > max(begun["committed_ms"].values())
    lines = done("fault", verb, watched.name, "primary", "secondary", *value).out.splitlines()
    assert lines[: len(begun["faults"])] == [f"{watched.name}: {each}" for each in begun["faults"]]
    assert [line for line in lines if line.startswith("  at secondary") and line.endswith("ms later")]
    everything = said(watched, "heal", "--all")
    assert (everything["faults"], set(everything["committed_ms"])) == (["every fault"], {"primary", "secondary"})


@pytest.mark.parametrize("words", ["cut", "loss 10", "rate 1mbit", "rate 64kbit", "flap 300ms"])
def test_a_fault_of_links_holds_for_its_time_and_then_ends_by_itself(watched: Bed, words: str) -> None:
    """Not before the end that the command told, by the clock of the kernel; no process is left that could heal it."""
    verb, *value = words.split()
    ends_ms = said(watched, verb, "primary", "secondary", *value, "--one-way", "--for", "3s")["ends_ms"]
    seen_ms: list[float] = []

    def look() -> bool:
        listings = watched.links.listings(watched.links.servers())
        if watched.links.in_force(listings):
            seen_ms.append(min(listing.at_ms for listing in listings.values()))
        else:
            assert max(listing.at_ms for listing in listings.values()) > ends_ms - 50
        return bool(watched.links.in_force(listings))

    wait_until(look, lambda is_in_force: not is_in_force, within_s=WITHIN_S, what="its end")
    assert seen_ms
    assert seen_ms[-1] < ends_ms + 50


def test_a_command_that_is_killed_before_it_has_proved_a_fault_leaves_nothing(watched: Bed) -> None:
    """Though it was to stay until it is healed: until then it has a lease. This proof takes more than eight seconds."""
    with begin("fault", "flap", watched.name, "primary", "secondary", "4s") as command:
        try:
            wait_until(watched.links.current, bool, within_s=WITHIN_S, what="the fault")
        finally:
            command.kill()
    left = watched.links.current()
    assert all(one.lease_left_s is not None and one.lease_left_s <= LEASE_MS / 1000 for one in left)
    wait_until(watched.links.current, lambda seen: not seen, within_s=WITHIN_S, what="the end of its lease")


def test_clients_are_cut_from_a_server(watched: Bed) -> None:
    """And heard again after healing."""
    fault("cut", watched.name, "clients", "primary", "--manner", "reset", "--service", "portal")
    assert watched.status()["faults"] == ["cut clients -> primary tcp port 9443 (reset)"]
    fault("heal", watched.name, "clients", "primary")
    assert watched.status()["faults"] == []


def test_a_delay_is_in_force_or_the_kernel_option_is_named(watched: Bed) -> None:
    """Asked for by name: what the kernel cannot do is a missing prerequisite."""
    asked = ("fault", "delay", watched.name, "primary", "secondary", "50ms", "--jitter", "5ms")
    if kernel.NETEM in watched.links.lacking:
        assert "CONFIG_NET_SCH_NETEM" in run(*asked).refused()
    else:
        done(*asked)
        assert len(watched.status()["faults"]) == 2
        fault("heal", watched.name, "primary", "secondary")
    assert watched.status()["faults"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("cut ? primary secondary --service mail", "no service is called 'mail'"),
        ("cut ? primary secondary --manner reset --protocol udp", "only TCP can be reset"),
        ("cut ? primary primary", "a link has two ends"),
        ("loss ? primary secondary most", "'most' is no share"),
        ("loss ? primary secondary 0", "from 0.1 to 100 %"),
        ("rate ? primary secondary fast", "'fast' is no rate"),
        ("rate ? primary secondary 1kbit", "from 64 kbit/s"),
        ("rate ? clients secondary 1mbit", "clients is outside"),
        ("flap ? primary secondary 20ms", "from 50 to 5000 ms"),
        ("delay ? primary secondary soon", "'soon' is no duration"),
    ],
)
def test_a_fault_that_cannot_be_meant_is_refused(watched: Bed, words: str, said: str) -> None:
    """One line, and nothing is in force."""
    assert said in run("fault", *words.replace("?", watched.name).split()).refused()
    assert watched.links.current() == ()
