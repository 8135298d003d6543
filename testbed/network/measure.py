"""Measures links that carry, but badly: sends probes, counts and times what comes of them. Judges by `evidence`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from stubs import ports
from testbed.errors import NotInTimeError
from testbed.network.blocks import Flow
from testbed.network.evidence import (
    Look,
    Measured,
    count_within,
    delays_within,
    enough_probes,
    probe_of,
    punctual_within,
    rate_within,
    stream_for,
)
from testbed.network.sending import send
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from testbed.network.links import Links
    from testbed.partitions import Delay, Loss, Rate

WITHIN_S = 2.0
"""How long a link may take to show the rate that was asked for, in seconds: a busy machine disturbs a measurement."""

_DELAY_PROBES, _MOST_DELAY_PROBES = 50, 400
_CARRIES_MORE = 1.25
"""By how much a link is faster than a limit that is gone."""


def loss(links: Links, fault: Loss, *, within_s: float) -> Measured:
    """Count how many of many probes are lost."""
    share = fault.permille / 1000
    before = _counted(links, fault.source, fault.target)
    tried = enough_probes(share)
    sent = send(links, probe_of(fault), count=tried).sent
    with contextlib.suppress(NotInTimeError):  # fewer arrived: what did arrive is judged, and all of it must
        wait_until(
            lambda: _counted(links, fault.source, fault.target)[0] - before[0],
            lambda arrived: arrived >= sent,
            within_s=within_s,
            what="probes",
        )
    arrived, passed = (
        now - then for now, then in zip(_counted(links, fault.source, fault.target), before, strict=True)
    )
    if arrived < tried:
        return Measured(fault=fault, what="probes that arrived at all", found=arrived, low=tried, high=tried)
    return count_within(fault, "probes lost", arrived - passed, of=arrived, share=share)


def rate(links: Links, fault: Rate) -> Measured:
    """Stream until the link shows the rate, or the time is over; a measurement that was disturbed is repeated."""
    seen = _stream(links, fault)
    with contextlib.suppress(NotInTimeError):
        seen = wait_until(
            lambda: _stream(links, fault), lambda one: one.is_as_asked, within_s=WITHIN_S, what=f"rate of {fault}"
        )
    return seen


def unlimited(links: Links, fault: Rate) -> Measured:
    """Stream until the link is faster than the limit, or the time is over."""

    def look() -> Measured:
        seen = _stream(links, fault)
        least = _CARRIES_MORE * seen.high
        return Measured(fault=fault, what="bits a second", found=seen.found, low=least, high=float("inf"))

    seen = look()
    with contextlib.suppress(NotInTimeError):
        seen = wait_until(look, lambda one: one.is_as_asked, within_s=WITHIN_S, what=f"end of {fault}")
    return seen


def delay(links: Links, fault: Delay) -> tuple[Measured, ...]:
    """Send probes at once, and look again and again how many have arrived."""
    shares = [percent / 100 for percent in (fault.duplicated_percent, fault.hurried_percent) if percent]
    count = max([_DELAY_PROBES, *(min(enough_probes(share), _MOST_DELAY_PROBES) for share in shares)])
    began_ms, ended_ms, looks = _watch(links, fault, count=count, lasts_ms=fault.delay_ms + fault.jitter_ms)
    return delays_within(fault, looks, sent=count, began_ms=began_ms, ended_ms=ended_ms)


def punctual(links: Links, fault: Delay) -> tuple[Measured, ...]:
    """Send probes until they arrive once, and sooner than the delay, or the time is over."""

    def look() -> tuple[Measured, ...]:
        _, ended_ms, looks = _watch(links, fault, count=_DELAY_PROBES, lasts_ms=0)
        return punctual_within(fault, looks, sent=_DELAY_PROBES, ended_ms=ended_ms)

    seen = look()
    with contextlib.suppress(NotInTimeError):
        seen = wait_until(
            look, lambda them: all(one.is_as_asked for one in them), within_s=WITHIN_S, what=f"end of {fault}"
        )
    return seen


def _watch(links: Links, fault: Delay, *, count: int, lasts_ms: float) -> tuple[float, float, list[Look]]:
    """Send probes and look until all are there and some time is over; when sending began and ended, and the looks."""
    flow = _flow(links, fault.source)
    begun = links.listing(fault.target)
    answer = links.channel(fault.source).request(
        {"do": "probe", "address": str(links.end(fault.target).address), "protocol": "udp", "count": count}
    )
    looks: list[Look] = []

    def look() -> Look:
        listing = links.listing(fault.target)
        looks.append(Look(at_ms=listing.at_ms, arrived=listing.arrived.get(flow, 0) - begun.arrived.get(flow, 0)))
        return looks[-1]

    with contextlib.suppress(NotInTimeError):  # what was seen until then is judged
        wait_until(
            look,
            lambda seen: seen.arrived >= count and seen.at_ms > answer["at_ms"] + lasts_ms,
            within_s=(fault.delay_ms + fault.jitter_ms) / 1000 + WITHIN_S,
            what=f"probes under {fault}",
            every_s=0.001,
        )
    return begun.at_ms, answer["at_ms"], looks


def _stream(links: Links, fault: Rate) -> Measured:
    stream = stream_for(fault)
    answer = links.channel(fault.source).request(
        {
            "do": "stream",
            "address": str(links.end(fault.target).address),
            "size": stream.size,
            "count": stream.count,
            "skip": stream.skip,
            "room": stream.room,
        }
    )
    return rate_within(fault, stream, began_ms=answer["began_ms"], ended_ms=answer["ended_ms"])


def _flow(links: Links, source: str) -> Flow:
    return Flow(links.end(source).address, "udp", ports.PROBE)


def _counted(links: Links, source: str, target: str) -> tuple[int, int]:
    listing, flow = links.listing(target), _flow(links, source)
    return listing.arrived.get(flow, 0), listing.passed.get(flow, 0)
