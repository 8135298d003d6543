"""Faults that do nothing: each kind of them, done wrong in each way, is reported, and none passes for a proof.

What is planted stands for what could be wrong in this very program: the address, the namespace, the chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.bad_links import Delay, Flap, Loss, Rate
from testbed.errors import FaultError
from testbed.network import kernel
from testbed.network.links import End, Links
from testbed.network.proof import prove_in_force, prove_passing, proved
from testbed.partitions import Link, Manner, Path, Vanished

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from testbed.network.applied import Applied
    from testbed.partitions import NetworkFault

FAULTS: Mapping[str, NetworkFault] = {
    "cut": Link("a", "b"),
    "reject": Link("a", "b", Manner.REJECT),
    "reset": Link("a", "b", Manner.RESET),
    "one protocol": Path("a", "b", "icmp"),
    "one port": Path("a", "b", "tcp", 9443, Manner.PROHIBIT),
    "lost server": Vanished("a"),
    "loss": Loss("a", "b", 300),
    "rate": Rate("a", "b", 1_000_000),
    "flap": Flap("a", "b", 60, 60),
    "delay": Delay("a", "b", 20),
    "jitter": Delay("a", "b", 20, jitter_ms=20),
    "duplicates": Delay("a", "b", 0, duplicated_percent=5),
}


def need(links: Links, fault: NetworkFault) -> None:
    """Skip the test where the kernel cannot do it at all."""
    if missing := kernel.needs(fault) & links.lacking:
        pytest.skip(f"this engine's kernel was built without {', '.join(sorted(missing))}")


class Astray(Links):
    """Proves as always, and injects as another one does."""

    def __init__(self, right: Links, wrong: Links) -> None:
        super().__init__(right.ends)
        self.wrong = wrong

    def inject(self, faults: Collection[NetworkFault], *, lease_ms: int | None = None) -> Applied:
        """Somewhere else."""
        return self.wrong.inject(faults, lease_ms=lease_ms)


def with_wrong_address(links: Links) -> Astray:
    """Nobody has the addresses that the faults are about; a lost server loses nobody."""
    a, b, host = (links.end(name) for name in ("a", "b", "host"))
    strange = {"a": End(host.address + 8, a.channel), "b": End(host.address + 9, b.channel)}
    return Astray(links, Links(strange))


def with_wrong_namespace(links: Links) -> Astray:
    """What is meant for a server is done in the other one."""
    a, b = links.end("a"), links.end("b")
    return Astray(links, Links({"a": End(a.address, b.channel), "b": End(b.address, a.channel)}))


def with_wrong_chain(links: Links) -> Astray:
    """Elements are made, and no packet ever meets them."""
    for name in ("a", "b"):
        links.channel(name).transact("flush chain inet portal_testbed faults\nflush chain inet portal_testbed egress\n")
    return Astray(links, links)


WRONG = {"address": with_wrong_address, "namespace": with_wrong_namespace, "chain": with_wrong_chain}


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_fault_that_does_nothing_is_reported(links: Links, kind: str, wrong: str) -> None:
    """It is not proved to hold, whichever part of it went astray; and the block does not run."""
    need(links, FAULTS[kind])
    if (kind, wrong) == ("lost server", "address"):
        pytest.skip("a lost server is lost at no address: there is none to be wrong")
    try:
        astray = WRONG[wrong](links)
        with pytest.raises(FaultError, match="not proved to be"), proved(astray, [FAULTS[kind]], within_s=0.1):
            pytest.fail("the fault passes for one that is in force")
    finally:
        links.install()
        links.heal_all()


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_outlives_its_end_is_reported(links: Links, kind: str) -> None:
    """It was healed somewhere else."""
    need(links, FAULTS[kind])
    links.inject([FAULTS[kind]])
    with_wrong_namespace(links).wrong.heal([FAULTS[kind]])
    with pytest.raises(FaultError, match="not proved to be"):
        prove_passing(links, [FAULTS[kind]], within_s=0.1)


@pytest.mark.parametrize(
    "delay",
    [
        Delay("a", "b", 1),
        Delay("a", "b", 20, jitter_ms=20),
        Delay("a", "b", 20, hurried_percent=99),
        Delay("a", "b", 0, duplicated_percent=1),
    ],
    ids=str,
)
def test_a_delay_that_no_kernel_has_is_reported(links: Links, delay: Delay) -> None:
    """However little would be seen of it; its end is proved at once. This needs no netem."""
    with pytest.raises(FaultError, match="not proved to be in force"):
        prove_in_force(links, [delay], within_s=0.01)
    prove_passing(links, [delay])


@pytest.mark.parametrize("manner", [Manner.REJECT, Manner.PROHIBIT, Manner.RESET])
def test_a_cut_that_answers_nobody_is_reported(links: Links, manner: Manner) -> None:
    """It stops all packets as it should; only that their senders are told nothing."""
    fault = Path("a", "b", "tcp", 9443, manner)
    links.inject([fault])
    chain = f"inet portal_testbed stop_{manner}"
    links.channel("b").transact(f"flush chain {chain}\nadd rule {chain} drop\n")
    with pytest.raises(FaultError, match=f"2 arrived, 0 passed, 0 answered as {manner}"):
        prove_in_force(links, [fault], within_s=0.1)


OTHERS: list[tuple[NetworkFault, NetworkFault]] = [
    (Loss("a", "b", 300), Loss("a", "b", 200)),
    (Rate("a", "b", 1_000_000), Rate("a", "b", 2_000_000)),
    (Flap("a", "b", 60, 60), Flap("a", "b", 60, 70)),
    (Link("a", "b", Manner.RESET), Link("a", "b", Manner.REJECT)),
]


@pytest.mark.parametrize(("asked", "done"), OTHERS, ids=str)
def test_another_fault_of_the_same_link_does_not_pass_for_the_one_asked(
    links: Links, asked: NetworkFault, done: NetworkFault
) -> None:
    """It covers what the probes could show, but the kernel does not have the other."""
    links.inject([done])
    with pytest.raises(FaultError, match="no kernel has it"):
        prove_in_force(links, [asked], within_s=0.1)
