"""Small networks of our own: the engine's default address pool ends at about 31 networks.

The engine is the lock: a candidate is tried, and one that overlaps with another network is passed over. So
any number of processes can look for a free one at the same time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from docker.errors import APIError, DockerException
from docker.types import IPAMConfig, IPAMPool
from requests.exceptions import RequestException

from testbed.errors import EngineError, MissingError, MisuseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import docker

POOL = IPv4Network("10.213.0.0/16")
"""Where subnets are taken from, unless the caller says otherwise."""

PREFIX = 28
"""Length of a subnet's prefix: sixteen addresses, thirteen of them for servers and client pods."""


@dataclass(frozen=True, kw_only=True)
class BedNetwork:
    """A network that was created.

    Attributes:
        id: the engine's.
        name: ours.
        subnet: its addresses.
    """

    id: str
    name: str
    subnet: IPv4Network

    @property
    def gateway(self) -> IPv4Address:
        """The host's address on it."""
        return self.subnet[1]

    def address(self, index: int) -> IPv4Address:
        """Give the fixed address of the pod with this index, from 0.

        Raises:
            MisuseError: the network has no room for so many.
        """
        room = self.subnet.num_addresses - 3  # without network, gateway and broadcast
        if not 0 <= index < room:
            raise MisuseError(f"network {self.name} ({self.subnet}) has room for {room} pods, not {index + 1}")
        return self.subnet[2 + index]


def gateway_of(address: IPv4Address, *, prefix: int = PREFIX) -> IPv4Address:
    """The host's address on the network that a pod has this address on."""
    return IPv4Network((int(address), prefix), strict=False)[1]


def candidates(pool: IPv4Network, name: str, *, prefix: int = PREFIX) -> Iterator[IPv4Network]:
    """Every subnet of the pool, once. The name decides where to begin, so that different beds rarely collide.

    Raises:
        MisuseError: the pool is smaller than one subnet.
    """
    if pool.prefixlen > prefix:
        raise MisuseError(f"the address pool {pool} is smaller than one network (/{prefix})")
    count = 1 << (prefix - pool.prefixlen)
    size = 1 << (pool.max_prefixlen - prefix)
    first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % count
    for step in range(count):
        yield IPv4Network((int(pool.network_address) + (first + step) % count * size, prefix))


def room(client: docker.APIClient, pool: IPv4Network = POOL, *, prefix: int = PREFIX) -> tuple[int, int]:
    """How many subnets of the pool overlap with no network that the engine has, and how many the pool has.

    Raises:
        MisuseError: the pool is smaller than one subnet.
        EngineError: the engine failed.
    """
    try:
        configs = [each for row in client.networks() for each in (row.get("IPAM") or {}).get("Config") or ()]
    except (DockerException, RequestException) as error:
        raise EngineError(f"cannot ask the engine for its networks: {error}") from error
    texts = [text for each in configs if (text := each.get("Subnet")) and ":" not in text]
    taken = [IPv4Network(text, strict=False) for text in texts]
    every = list(candidates(pool, "", prefix=prefix))
    return sum(not any(one.overlaps(other) for other in taken) for one in every), len(every)


def create_network(  # noqa: PLR0913 - a network's particulars
    client: docker.APIClient,
    name: str,
    *,
    labels: Mapping[str, str],
    pool: IPv4Network = POOL,
    internal: bool = True,
    near: str | None = None,
) -> BedNetwork:
    """Create a network with a subnet that is free.

    Args:
        client: the engine.
        name: of the network; must not exist.
        labels: by which it is found again (`testbed.engine.labels`).
        pool: where to take the subnet from.
        internal: nothing gets out of it, but for the host and its containers; then no port can be published.
        near: decides where in the pool to begin, so that the same word mostly gets the same addresses; else the name.

    Raises:
        MissingError: every subnet of the pool overlaps with one that is there.
        MisuseError: the name is in use, or the pool is too small.
        EngineError: the engine failed.
    """
    for subnet in candidates(pool, name if near is None else near):
        identity = _create(client, name, subnet, labels=labels, internal=internal)
        if identity is not None:
            return BedNetwork(id=identity, name=name, subnet=subnet)
    raise MissingError(f"no free /{PREFIX} left in {pool}: remove networks (testbed gc) or choose another pool")


def _create(
    client: docker.APIClient, name: str, subnet: IPv4Network, *, labels: Mapping[str, str], internal: bool
) -> str | None:
    """Create a network with this subnet; its id, or `None` where another network has the subnet."""
    try:
        made = client.create_network(
            name,
            driver="bridge",
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))]),
            check_duplicate=True,
            internal=internal,
            labels=dict(labels),
            enable_ipv6=False,
        )
    except APIError as error:
        if _overlaps(error):
            return None
        if error.status_code == _CONFLICT:
            raise MisuseError(f"there is a network called {name} already") from error
        raise EngineError(f"cannot create network {name}: {error.explanation}") from error
    except (DockerException, RequestException) as error:
        raise EngineError(f"cannot create network {name}: {error}") from error
    return str(made["Id"])


_CONFLICT = 409


def _overlaps(error: APIError) -> bool:
    """Whether the subnet was refused for being taken: the engine says so in words, under varying codes."""
    return "overlap" in str(error.explanation).lower()
