"""What a change of a link costs beside the usual ways to make one, and how exact bad links are."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Any

from testbed import environment
from testbed.bad_links import Loss, Rate
from testbed.engine import labels
from testbed.engine.names import Names
from testbed.engine.subnets import create_network
from testbed.network import measure
from testbed.network.channel import Channel
from testbed.network.links import End, Links
from testbed.network.nft import SYSCTLS
from testbed.partitions import cut, halves, one_way
from testbed.waiting import wait_until
from tests.bench.figures import Found, Series

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

    from testbed.bed import Bed
    from testbed.network.applied import Applied
    from testbed.partitions import NetworkFault
    from tests.bench.figures import Figure

LEASE_MS = 1000
CHANGE = ["python3", "-c", "from stubs.server.nftables import Nftables; Nftables().run('list tables')"]
"""What a program has to do for one change, if it is started for it; the least that one can be."""


def changes(bed: Bed, *, many: int) -> Iterator[Figure]:
    """Our own way: a line through a channel that is open."""
    bed.links.heal_all()
    kinds: dict[str, frozenset[NetworkFault]] = {
        "of a link, one way": frozenset(one_way("primary", "secondary")),
        "of a link, both ways": frozenset(cut("primary", "secondary")),
    }
    for name, faults in kinds.items():
        cuts, heals = Series(f"cut {name}"), Series(f"heal {name}")
        for _ in range(many):
            cuts.time(lambda faults=faults: bed.links.inject(faults))  # type: ignore[misc]
            heals.time(lambda faults=faults: bed.links.heal(faults))  # type: ignore[misc]
        yield cuts.figure()
        yield heals.figure()
    lapses = Series(f"a lease of {LEASE_MS} ms that nobody renews, until it has ended")

    def lapse() -> None:
        bed.links.inject(cut("primary", "secondary"), lease_ms=LEASE_MS)
        wait_until(bed.links.current, lambda seen: not seen, within_s=10, what="the end", every_s=0.001)

    for _ in range(3):
        lapses.time(lapse)
    yield lapses.figure()


def peers(bed: Bed, api: docker.APIClient, image: str, *, many: int) -> Iterator[Figure]:
    """The usual ways: the engine's disconnection, a program run for each change, a container run for each."""
    container = Names(name=bed.name).container(bed.secondary.server, "server")
    (network,) = [one["Id"] for one in api.networks(filters={"label": f"{labels.NAME}={bed.name}"})]
    off, on = Series("  peer: network disconnect"), Series("  peer: network connect")
    program, helper = Series("  peer: an exec for each"), Series("  peer: a helper container for each")

    def run_program() -> None:
        made = api.exec_create(container, CHANGE, user="0")
        api.exec_start(made["Id"])
        assert api.exec_inspect(made["Id"])["ExitCode"] == 0

    def run_helper() -> None:
        host = api.create_host_config(network_mode=f"container:{container}", cap_drop=["ALL"], cap_add=["NET_ADMIN"])
        made = api.create_container(image, CHANGE, user="0", labels={labels.NAME: bed.name}, host_config=host)
        api.start(made["Id"])
        ended = api.wait(made["Id"])
        api.remove_container(made["Id"], force=True)
        assert ended["StatusCode"] == 0

    for _ in range(many):
        program.time(run_program)
        helper.time(run_helper)
    bed.close()
    for _ in range(many):
        off.time(lambda: api.disconnect_container_from_network(container, network))
        on.time(lambda: api.connect_container_to_network(container, network, ipv4_address=bed.secondary.address))
    yield from (series.figure() for series in (off, on, program, helper))


@contextlib.contextmanager
def pods(api: docker.APIClient, image: str, *, run: str, count: int) -> Iterator[Links]:
    """Idle pods on a network of their own."""
    marks = labels.of_run(run)
    network = create_network(api, f"bench-{secrets.token_hex(4)}", labels=marks, pool=environment.pool())
    with contextlib.ExitStack() as stack:
        stack.callback(api.remove_network, network.id)
        ends = {}
        for index in range(count):
            address = network.address(index)
            endpoint: Any = {network.name: api.create_endpoint_config(ipv4_address=str(address))}
            made = api.create_container(
                image,
                ["sleep", "600"],
                labels=marks,
                host_config=api.create_host_config(cap_drop=["ALL"], cap_add=["NET_ADMIN"], sysctls=SYSCTLS),
                networking_config=api.create_networking_config(endpoint),
            )
            stack.callback(api.remove_container, made["Id"], force=True)
            api.start(made["Id"])
            ends["abcdefghijklm"[index]] = End(address, stack.enter_context(Channel.open(api, made["Id"])))
        links = Links(ends)
        links.install()
        yield links


def splits(links: Links, *, many: int) -> Iterator[Figure]:
    """All links between two halves, in one transaction for each pod; and how far apart the pods had it."""
    names = sorted(links.servers())
    faults = halves(names[: len(names) // 2], names[len(names) // 2 :])
    title = f"{len(names)} pods split in two"
    cuts, heals, skews = Series(title), Series(f"{title}, healed"), Series(f"{title}, first pod to last")
    for _ in range(many):
        applied: list[Applied] = []
        cuts.time(lambda applied=applied: applied.append(links.inject(faults)))  # type: ignore[misc]
        skews.add(applied[0].skew_ms)
        heals.time(lambda: links.heal(faults))
    yield from (series.figure() for series in (cuts, skews, heals))


def worsened(links: Links) -> Iterator[Found]:
    """Loss over 1,000 packets, and rates; measured as the proof of such a fault measures them."""
    for permille in (20, 50, 300, 700):
        fault = Loss("a", "b", permille)
        with links.held([fault]):
            lost = measure.loss(links, fault, within_s=10)
        yield Found(what=f"packets lost of 1,000, {permille / 10:g} % asked", asked=permille, found=lost.found)
    for bits_per_s in (64_000, 256_000, 1_000_000, 10_000_000, 100_000_000):
        limit = Rate("a", "b", bits_per_s)
        with links.held([limit]):
            seen = measure.rate(links, limit, within_s=10)
        yield Found(what=f"kbit/s through {bits_per_s / 1000:g}", asked=bits_per_s / 1000, found=seen.found / 1000)
