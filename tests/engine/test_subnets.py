"""Networks of our own in a real engine."""

from __future__ import annotations

import uuid
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import pytest

from testbed.engine import labels
from testbed.engine.subnets import create_network
from testbed.engine.sweep import sweep
from testbed.errors import MissingError, MisuseError
from testbed.network.proof import prove_passing
from testbed.partitions import one_way

if TYPE_CHECKING:
    import docker

    from testbed.engine.subnets import BedNetwork
    from testbed.network.links import Links

POOL = IPv4Network("10.214.77.0/26")  # four subnets


def test_subnets_are_passed_over_when_taken_and_end_clearly(client: docker.APIClient, run_id: str) -> None:
    """Four networks share a pool of four, whatever their names; the fifth is told what to do."""
    made = [create_network(client, f"{run_id}-{number}", labels={labels.RUN: run_id}, pool=POOL) for number in range(4)]
    assert {one.subnet for one in made} == set(POOL.subnets(new_prefix=28))
    with pytest.raises(MissingError, match=r"no free /28 left in 10\.214\.77\.0/26"):
        create_network(client, f"{run_id}-5", labels={labels.RUN: run_id}, pool=POOL)


def test_subnets_refuse_a_network_name_twice(client: docker.APIClient, run_id: str) -> None:
    """The same name again is the caller's mistake, not a second network."""
    create_network(client, run_id, labels={labels.RUN: run_id})
    with pytest.raises(MisuseError, match="already"):
        create_network(client, run_id, labels={labels.RUN: run_id})


def test_subnets_let_the_host_in_and_nothing_out(links: Links, client: docker.APIClient, network: BedNetwork) -> None:
    """The host reaches a server by its fixed address, on a network that the engine lets nothing out of."""
    assert links.end("a").address == network.subnet[2]
    prove_passing(links, one_way("host", "a"))
    seen = client.inspect_network(network.id)
    assert (seen["Internal"], seen["EnableIPv6"]) == (True, False)


def test_sweep_removes_what_is_labelled_and_nothing_else(client: docker.APIClient, image: str, run_id: str) -> None:
    """Containers (paused ones too), networks and volumes of one label go; those of another stay."""
    other = f"{run_id}-other"
    host_config = client.create_host_config()
    for label in (run_id, other):
        create_network(client, label, labels={labels.RUN: label})
        client.create_volume(label, labels={labels.RUN: label})
        made = client.create_container(
            image, ["sleep", "60"], entrypoint=[], labels={labels.RUN: label}, host_config=host_config
        )
        client.start(made["Id"])
        client.pause(made["Id"])
    swept = sweep(client, {labels.RUN: run_id})
    assert (len(swept.containers), swept.networks, swept.volumes, swept.failures) == (
        1,
        [run_id],
        [run_id],
        [],
    )
    assert sweep(client, {labels.RUN: run_id}).found_nothing
    swept = sweep(client, {labels.RUN: other})
    assert (len(swept.containers), swept.networks, swept.volumes) == (1, [other], [other])


def test_sweep_reports_each_failure_and_goes_on(client: docker.APIClient, image: str, run_id: str) -> None:
    """A volume in use by a stranger's container stays and is named; everything else is removed."""
    stranger = uuid.uuid4().hex
    client.create_volume(run_id, labels={labels.RUN: run_id})
    create_network(client, run_id, labels={labels.RUN: run_id})
    binds = client.create_host_config(binds={run_id: {"bind": "/data", "mode": "rw"}})
    made = client.create_container(image, ["true"], entrypoint=[], labels={labels.RUN: stranger}, host_config=binds)
    try:
        swept = sweep(client, {labels.RUN: run_id})
        assert swept.networks == [run_id]
        with pytest.raises(ExceptionGroup) as failed:
            swept.raise_failures()
        assert [run_id in str(error) for error in failed.value.exceptions] == [True]
    finally:
        client.remove_container(made["Id"], force=True)
