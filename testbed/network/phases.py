"""The phases of a flapping link: what the packet filter does in them, and what is to be seen of them. Pure.

The kernel keeps the time, by elements that end: nobody has to live for a link to flap on time, or to stop flapping. A
packet that finds no phase begins a cycle: for the cycle's length there is an element in one set, and for the length of
its first part, in which all is dropped, one in another set. So both ways of a link, judged at one server, are down
together.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.network.evidence import Measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.bad_links import Flap
    from testbed.network.blocks import FlapWith

IN, OUT = "flapping_sources", "flapping_targets"
DOWN, CYCLE = "flaps_down", "flaps_begun"

_SLACK_MS = 25.0
"""What a kernel's timer and a look at it may be off."""


def chain(one: FlapWith, way: str) -> str:
    """Name of the chain that holds the phases of one way; another one where that flaps alone, so the two exclude."""
    alone = "" if one.both else "_alone"
    return f"{way}{alone}_{str(one.address).replace('.', '_')}_{one.down_ms}_{one.up_ms}"


def ways(one: FlapWith) -> tuple[tuple[str, str], ...]:
    """Which maps it has an element in, and by which field of a packet."""
    return ((IN, "saddr"), (OUT, "daddr")) if one.both else ((IN, "saddr"),)


def rules(one: FlapWith, field: str) -> tuple[str, ...]:
    """The rules of one way's chain."""
    peer, cycle_ms = f"ip {field}", one.down_ms + one.up_ms
    return (
        f"{peer} @{DOWN} drop",
        f"{peer} @{CYCLE} return",
        f"add @{CYCLE} {{ {peer} timeout {cycle_ms}ms }}",
        f"add @{DOWN} {{ {peer} timeout {one.down_ms}ms }} drop",
    )


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One look at a flapping link.

    Attributes:
        began_ms: when it began, in milliseconds of the monotonic clock.
        ended_ms: when it ended; the packet was judged in between.
        is_down: whether the packet was stopped.
        is_down_back: whether one in the other direction was, right after.
    """

    began_ms: float
    ended_ms: float
    is_down: bool
    is_down_back: bool


def phases_within(flap: Flap, samples: Sequence[Sample]) -> tuple[Measured, ...]:
    """Judge the lengths of the phases that were seen from their begin to their end, and the other direction.

    A phase surely lasted from its first to its last sample, and surely no longer than from the last sample before it to
    the first one after it. What lies between is not known, so a slow look loses sharpness and never accuses.
    """
    runs = [list(run) for _, run in itertools.groupby(samples, key=lambda one: one.is_down)]
    judged = []
    for is_down, wanted_ms in ((True, flap.down_ms), (False, flap.up_ms)):
        what = f"ms {'down' if is_down else 'up'}"
        whole = [place for place in range(1, len(runs) - 1) if runs[place][0].is_down is is_down]
        count = Measured(fault=flap, what=f"phases {what[3:]}", found=len(whole), low=1, high=len(samples))
        judged.append(count)
        for place in whole:
            surely_ms = runs[place][-1].began_ms - runs[place][0].ended_ms
            at_most_ms = runs[place + 1][0].ended_ms - runs[place - 1][-1].began_ms
            high, low = wanted_ms + _SLACK_MS, wanted_ms - _SLACK_MS
            judged += [
                Measured(fault=flap, what=f"{what}, at least", found=surely_ms, low=float("-inf"), high=high),
                Measured(fault=flap, what=f"{what}, at most", found=at_most_ms, low=low, high=float("inf")),
            ]
    if flap.one_way:
        back, most = sum(one.is_down_back for one in samples), 0
    else:
        back, most = sum(one.is_down != one.is_down_back for one in samples), len(runs)
    what = "packets of the other direction that were stopped otherwise"
    return (*judged, Measured(fault=flap, what=what, found=back, low=0, high=most))


def steady(flap: Flap, samples: Sequence[Sample]) -> Measured:
    """Judge a link that is to flap no more: nothing was stopped, for longer than it would have been up."""
    stopped = sum(one.is_down or one.is_down_back for one in samples)
    return Measured(fault=flap, what=f"probes stopped of {2 * len(samples)}", found=stopped, low=0, high=0)
