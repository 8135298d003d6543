"""Which queues the kernels of servers must have for what is shaped, and what it means when one refuses them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.network import tc
from testbed.network.blocks import DelayTo, RateTo

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from ipaddress import IPv4Address

    from testbed.network.blocks import Block, Shape


def shapes_in(blocks: Iterable[Block]) -> frozenset[Shape]:
    """Those of some blocks that need a queue."""
    return frozenset(one for one in blocks if isinstance(one, RateTo | DelayTo))


def orders(
    wanted: Mapping[str, Collection[Shape]],
    in_force: Mapping[str, Collection[Shape]],
    addresses: Collection[IPv4Address],
) -> dict[str, list[tc.Message]]:
    """What to tell each server's kernel, so that it has the queues; those that are in force keep working.

    Before a delay is made, what is left of delays that have ended, by healing or with their lease, is taken away: newer
    kernels would count it as another delay.

    Args:
        wanted: what is to be in force, by server.
        in_force: what is, by server.
        addresses: of all ends.
    """
    told = {}
    for server, shapes in wanted.items():
        used = {one.address for one in in_force.get(server, ())}
        idle = set(addresses) - used if any(isinstance(one, DelayTo) for one in shapes) else set()
        told[server] = [*tc.clear(idle), *tc.shape(shapes)]
    return told


def released(healed: Iterable[Block]) -> list[tc.Message]:
    """What to tell a kernel of rates that are healed, so that nothing that waits there outlives them."""
    return tc.hurry({one.address for one in healed if isinstance(one, RateTo)})


def explained(code: str, wanted: Collection[Shape], in_force: Collection[Shape]) -> str | None:
    """Why a kernel refused queues, if it is known why.

    Args:
        code: the kernel's error by its name.
        wanted: what was asked for at this server.
        in_force: what was in force there.
    """
    delays = {one.address: one for one in (*in_force, *wanted) if isinstance(one, DelayTo)}
    if code == "EINVAL" and len(delays) > 1 and any(one.duplicated_percent for one in delays.values()):
        return (
            "this kernel lets packets come twice only where nothing else that leaves the same server is delayed "
            f"(here: for {', '.join(map(str, sorted(delays)))}); heal the other delay before, or ask for no duplicates"
        )
    return None
