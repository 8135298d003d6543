"""Network faults end by themselves when whoever held them is killed, whatever their kind; nobody is asked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from testbed.bad_links import Loss, Rate
from testbed.errors import FaultError, NotInTimeError
from testbed.network.proof import prove_in_force, prove_passing
from testbed.partitions import Link, Manner, Path, Vanished, cut
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.network.lease import LapsedError
    from testbed.network.links import Links
    from testbed.partitions import NetworkFault

LEASE_MS = 1000

HOLDER = """
import sys, threading, docker
from ipaddress import IPv4Address
from testbed.network.channel import Channel
from testbed.network.links import End, Links
from testbed.partitions import *
client = docker.from_env().api
a, a_address, b, b_address, faults, lease_ms = sys.argv[1:]
ends = {"a": End(IPv4Address(a_address), Channel.open(client, a)),
        "b": End(IPv4Address(b_address), Channel.open(client, b))}
with Links(ends).held(eval(faults), lease_ms=int(lease_ms)):
    print("held", flush=True)
    threading.Event().wait()
"""

HELD: dict[str, frozenset[NetworkFault]] = {
    "cut": frozenset(cut("a", "b")),
    "reset": frozenset({Link("a", "b", Manner.RESET)}),
    "one service": frozenset({Path("a", "b", "tcp", 9443)}),
    "lost server": frozenset({Vanished("a")}),
    "loss": frozenset({Loss("a", "b", 300)}),
    "rate": frozenset({Rate("a", "b", 256_000)}),
}


@contextmanager
def holder(links: Links, faults: frozenset[NetworkFault]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds these, until it is killed."""
    arguments = [part for name in "ab" for part in (links.channel(name).container, str(links.end(name).address))]
    text = re.sub(r"<(Manner\.\w+): '\w+'>", r"\1", repr(set(faults)))
    command = [sys.executable, "-c", HOLDER, *arguments, text, str(LEASE_MS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - ours
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("kind", HELD)
def test_faults_end_within_their_lease_after_sigkill_of_their_holder(links: Links, kind: str) -> None:
    """They hold longer than a lease while it lives; after SIGKILL the kernels end them at the lease's end."""
    faults = HELD[kind]
    with holder(links, faults) as process:
        prove_in_force(links, faults)
        with pytest.raises(NotInTimeError):
            wait_until(links.current, lambda seen: len(seen) < len(faults), within_s=1.2, what="a lapse")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    # By the kernels' own clocks, so that a busy machine changes nothing; `make bench` measures it from outside.
    assert all(one.lease_left_s is not None and one.lease_left_s <= LEASE_MS / 1000 for one in links.current())
    wait_until(links.current, lambda seen: not seen, within_s=10, what="the end of the leases")
    prove_passing(links, faults)


def test_a_lease_that_ended_during_a_run_is_reported(links: Links) -> None:
    """A holder that was frozen for longer than its lease learns at the latest when it lets go."""
    told: list[LapsedError] = []

    def hold() -> None:
        with links.held(cut("a", "b"), lease_ms=LEASE_MS, on_lapse=told.append):
            links.channel("a").transact("flush map inet portal_testbed cut_sources\n")
            wait_until(lambda: len(told), lambda count: count == 1, within_s=10, what="the lapse to be told")

    with pytest.raises(FaultError, match=r"ended before its time \(a -> b, b -> a\)"):
        hold()
    assert links.current() == ()


def test_a_fault_held_twice_ends_with_its_last_holder(links: Links) -> None:
    """The inner block leaves it in force, and says so rather than that it healed it."""
    with links.held(cut("a", "b")):
        with links.held(cut("a", "b")) as inner:
            pass
        assert inner.healed is None
        prove_in_force(links, cut("a", "b"))
    assert links.current() == ()


def test_a_fault_with_a_time_ends_by_itself_without_a_holder(links: Links) -> None:
    """`--for` on the command line is the same lease, which nobody renews."""
    applied = links.inject([*cut("a", "b"), Rate("a", "b", 256_000)], lease_ms=300)
    assert set(applied.committed_ms) == {"a", "b"}
    wait_until(links.current, lambda seen: not seen, within_s=10, what="the end of the leases")
    prove_passing(links, [*cut("a", "b"), Rate("a", "b", 256_000)])
