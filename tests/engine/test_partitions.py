"""Partitions of eight pods: each shape stops the links that it says, and no others, in one transaction a pod."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

import pytest

from testbed.network.channel import Channel
from testbed.network.evidence import Evidence
from testbed.network.links import End, Links
from testbed.network.proof import prove_in_force, prove_passing
from testbed.partitions import Link, bridge, halves, isolate, one_way, overlapping, ring
from tests.engine.conftest import fresh_run_id, start_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

    from testbed.engine.subnets import BedNetwork

NAMES = "abcdefgh"
SHAPES = {
    "one way": one_way("a", "b"),
    "isolated": isolate("a", NAMES),
    "halves": halves(NAMES[:4], NAMES[4:]),
    "bridge": bridge(NAMES[:3], "d", NAMES[4:]),
    "overlapping": overlapping(NAMES[:5], NAMES[3:]),
    "ring": ring(NAMES),
}


@pytest.fixture(scope="module")
def eight(client: docker.APIClient, image: str, network: BedNetwork) -> Iterator[Links]:
    """Eight pods, and nothing in force."""
    with fresh_run_id(client) as run_id, contextlib.ExitStack() as stack:
        ends = {}
        for index, name in enumerate(NAMES, start=4):
            container = start_server(client, image, network, index, run_id=run_id)
            ends[name] = End(network.address(index), stack.enter_context(Channel.open(client, container)))
        links = Links(ends)
        links.install()
        yield links


@pytest.mark.parametrize("shape", SHAPES)
def test_a_partition_stops_its_links_and_no_others(eight: Links, shape: str) -> None:
    """Every directed link of the eight is probed, whether it is cut or not, and again after healing."""
    everything = {Link(a, b) for a, b in itertools.permutations(NAMES, 2)}
    faults = SHAPES[shape]
    applied = eight.inject(faults)
    assert set(applied.committed_ms) == {link.target for link in faults}
    assert all(at_ms >= applied.planned_ms for at_ms in applied.committed_ms.values())
    shown = [*prove_in_force(eight, faults), *prove_passing(eight, everything - faults)]
    assert len(shown) == len(everything)
    assert all(isinstance(one, Evidence) and one.covered_by is None for one in shown)
    eight.heal(faults)
    prove_passing(eight, everything)
    assert eight.current() == ()
