"""Links broken by hand, in every way: in force, shown by `status`, healed by the same words or by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.network import kernel
from testbed.waiting import wait_until
from tests.cli.test_commands import WITHIN_S, fault
from tests.program import done, run

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


def test_faults_of_a_link_end_by_themselves_after_their_time(watched: Bed) -> None:
    """All kinds alike: nobody heals them, no process is left that could."""
    fault("loss", watched.name, "primary", "secondary", "10", "--for", "1s")
    fault("rate", watched.name, "primary", "secondary", "1mbit", "--for", "1s")
    wait_until(watched.links.current, lambda seen: not seen, within_s=WITHIN_S, what="the faults to end")


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
