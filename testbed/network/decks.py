"""Which packets of a lossy link are lost: a shuffled deck, so that the share is exact. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from testbed.network.blocks import LossFrom

_CARDS = 1000


def deck(address: IPv4Address, permille: int) -> tuple[int, ...]:
    """Which of each 1,000 packets from an address are lost: exactly `permille`, shuffled, the same in every run."""

    def place(number: int) -> bytes:
        return hashlib.sha256(f"{address} {number}".encode()).digest()

    return tuple(sorted(sorted(range(_CARDS), key=place)[:permille]))


def chain(one: LossFrom) -> str:
    """Name of the chain that holds a deck."""
    return f"loss_{str(one.address).replace('.', '_')}_{one.permille}"


def rule(one: LossFrom) -> str:
    """The only rule of that chain: the next packet takes the next card."""
    cards = ", ".join(map(str, deck(one.address, one.permille)))
    return f"numgen inc mod {_CARDS} {{ {cards} }} drop"
