"""What a server's kernel can do to a link, found by trying. Says by which option a kernel is built to do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from testbed.bad_links import Delay, Flap, Loss, Rate
from testbed.network import tc
from testbed.network.channel import RefusedError
from testbed.partitions import Link, Manner, Path, Vanished

if TYPE_CHECKING:
    from testbed.network.channel import Channel
    from testbed.partitions import NetworkFault

NUMGEN = "CONFIG_NFT_NUMGEN"
REJECT = "CONFIG_NFT_REJECT_INET"
HTB = "CONFIG_NET_SCH_HTB"
NETEM = "CONFIG_NET_SCH_NETEM"

OPTIONS = (NUMGEN, REJECT, HTB, NETEM)
"""All that a fault may need beyond what cutting links takes."""

_TRIAL = "inet portal_testbed_trial"
_QUEUES = {HTB: "htb", NETEM: "netem"}
_RULES = {NUMGEN: "numgen inc mod 2 0 drop", REJECT: "reject with icmp type port-unreachable"}


def needs(fault: NetworkFault) -> frozenset[str]:
    """Which kernel options a fault needs; plain cuts need none of them."""
    match fault:
        case Link(manner=manner) | Path(manner=manner):
            return frozenset() if manner is Manner.DROP else frozenset({REJECT})
        case Vanished() | Flap():
            return frozenset()
        case Loss():
            return frozenset({NUMGEN})
        case Rate():
            return frozenset({HTB})
        case Delay():
            return frozenset({HTB, NETEM})
        case _:
            assert_never(fault)


def lacking(channel: Channel) -> frozenset[str]:
    """The options that the kernel below a server does not have. What is tried for it is gone when this returns.

    Raises:
        EngineError: the server cannot be asked.
    """
    return frozenset(option for option in OPTIONS if not _has(channel, option))


def _has(channel: Channel, option: str) -> bool:
    try:
        if option in _QUEUES:
            # On loopback, which has no queue that an attempt could disturb.
            channel.request({"do": "route", "device": "lo", "messages": tc.try_kind(_QUEUES[option])})
        else:
            rule = _RULES[option]
            lines = (f"add table {_TRIAL}", f"add chain {_TRIAL} trial", f"add rule {_TRIAL} trial {rule}")
            channel.transact("".join(f"{line}\n" for line in (*lines, f"delete table {_TRIAL}")))
    except RefusedError:
        return False
    return True
