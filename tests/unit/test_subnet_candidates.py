"""Candidates for a bed's subnet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from testbed.engine.subnets import BedNetwork, candidates
from testbed.errors import MisuseError

POOL = IPv4Network("10.213.0.0/24")


def test_candidates_are_all_subnets_of_the_pool_once() -> None:
    """Nothing is tried twice, nothing is left out, nothing lies outside."""
    assert sorted(candidates(POOL, "bed")) == list(POOL.subnets(new_prefix=28))


def test_candidates_begin_where_the_name_says() -> None:
    """The same name begins at the same subnet in every process; different names spread."""
    assert list(candidates(POOL, "bed")) == list(candidates(POOL, "bed"))
    assert len({next(candidates(POOL, str(number))) for number in range(50)}) > 10


def test_candidates_refuse_a_pool_that_is_too_small() -> None:
    """A pool without room for one subnet is the caller's mistake."""
    with pytest.raises(MisuseError, match="smaller"):
        list(candidates(IPv4Network("10.0.0.0/29"), "bed"))


def test_network_gives_fixed_addresses_after_the_gateway() -> None:
    """Gateway .1, pods from .2 to .14, and no more than these thirteen."""
    network = BedNetwork(id="1", name="n", subnet=IPv4Network("10.213.0.16/28"))
    assert network.gateway == IPv4Address("10.213.0.17")
    assert network.address(0) == IPv4Address("10.213.0.18")
    assert network.address(12) == IPv4Address("10.213.0.30")
    for index in (-1, 13):
        with pytest.raises(MisuseError, match="room for 13"):
            network.address(index)
