"""From faults between names to blocks at servers, and back. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from testbed.bad_links import Delay, Flap, Loss, Rate
from testbed.network.blocks import Block, DelayTo, FlapWith, LossFrom, Lost, RateTo, Source, SourcePort
from testbed.partitions import Link, NetworkFault, Path, Vanished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ipaddress import IPv4Address


def placed(  # noqa: PLR0911 - one for each kind
    fault: NetworkFault, address_of: Callable[[str], IPv4Address]
) -> tuple[str, Block]:
    """Say at which server a fault is enforced, and as what."""
    match fault:
        case Link(source, target, manner):
            return target, Source(address_of(source), manner)
        case Path(source, target, protocol, port, manner):
            return target, SourcePort(address_of(source), protocol, port, manner)
        case Vanished(server):
            return server, Lost()
        case Loss(source, target, permille):
            return target, LossFrom(address_of(source), permille)
        case Rate(source, target, bits_per_s):
            return source, RateTo(address_of(target), bits_per_s)
        case Delay(source, target, delay_ms, jitter_ms, duplicated_percent, hurried_percent):
            return source, DelayTo(address_of(target), delay_ms, jitter_ms, duplicated_percent, hurried_percent)
        case Flap(source, target, down_ms, up_ms, one_way):
            return target, FlapWith(address_of(source), down_ms, up_ms, both=not one_way)
        case _:
            assert_never(fault)


def fault_of(block: Block, *, at: str, names: Mapping[IPv4Address, str]) -> NetworkFault | None:  # noqa: PLR0911 - one for each kind
    """Translate a block at a server back into the fault it stands for; None if its address has no name."""
    if isinstance(block, Lost):
        return Vanished(at)
    name = names.get(block.address)
    if name is None or name == at:  # a server is never cut from itself: whatever that is, it is none of ours
        return None
    match block:
        case Source(_, manner):
            return Link(name, at, manner)
        case SourcePort(_, protocol, port, manner):
            return Path(name, at, protocol, port, manner)
        case LossFrom(_, permille):
            return Loss(name, at, permille)
        case RateTo(_, bits_per_s):
            return Rate(at, name, bits_per_s)
        case DelayTo(_, delay_ms, jitter_ms, duplicated_percent, hurried_percent):
            return Delay(at, name, delay_ms, jitter_ms, duplicated_percent, hurried_percent)
        case FlapWith(_, down_ms, up_ms, both):
            return Flap(name, at, down_ms, up_ms, one_way=not both)
        case _:
            assert_never(block)


def excludes(one: NetworkFault, other: NetworkFault) -> bool:
    """Whether the two cannot be in force at once: they want different things of the same packets."""
    return one != other and _wanted_of(one) == _wanted_of(other)


def _wanted_of(fault: NetworkFault) -> tuple[object, ...]:
    match fault:
        case Link(source, target):
            return "cut", source, target
        case Path(source, target, protocol, port):
            return "cut", source, target, protocol, port
        case Vanished(server):
            return "vanished", server
        case Loss(source, target):
            return "loss", source, target
        case Rate(source, target) | Delay(source, target):
            return "shape", source, target
        case Flap(source, target):
            return "flap", source, target
        case _:
            assert_never(fault)
