"""Measures links that carry, but badly: sends probes, counts and times what comes of them. Judges by `evidence`."""

from __future__ import annotations

import contextlib
from dataclasses import fields
from typing import TYPE_CHECKING

from stubs import ports
from testbed.bad_links import SHORTEST_PHASE_MS
from testbed.errors import NotInTimeError
from testbed.network import tc
from testbed.network.blocks import Flow
from testbed.network.delays import Arrival, delays_within, probes_for, punctual_within
from testbed.network.evidence import (
    Measured,
    Went,
    count_within,
    enough_probes,
    probe_of,
    rate_within,
    stream_for,
)
from testbed.network.phases import Sample, phases_within, steady
from testbed.network.sending import send
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from testbed.bad_links import Delay, Flap, Loss, Rate
    from testbed.network.links import Links
    from testbed.partitions import Worsened

WITHIN_S = 2.0
"""How much longer than it should probes may be under way, in seconds."""

STREAM_S = 30.0
"""How long a stream may take that shares its link with others, in seconds; it gives up sooner by itself."""

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


def rate(links: Links, fault: Rate, *, within_s: float) -> Measured:
    """Stream until the link shows the rate, or the time is over."""
    return _repeated(lambda: (_stream(links, fault),), within_s=within_s, what=f"rate of {fault}")[0]


def unlimited(links: Links, fault: Rate, *, within_s: float) -> Measured:
    """Stream until the link is faster than the limit, or the time is over."""

    def look() -> tuple[Measured]:
        seen = _stream(links, fault)
        least = _CARRIES_MORE * seen.high
        return (Measured(fault=fault, what="bits a second", found=seen.found, low=least, high=float("inf")),)

    return _repeated(look, within_s=within_s, what=f"end of {fault}")[0]


def flap(links: Links, fault: Flap, *, within_s: float) -> tuple[Measured, ...]:
    """Look again and again over two cycles and more; a measurement that was disturbed is repeated."""
    cycle_ms = fault.down_ms + fault.up_ms

    def look() -> tuple[Measured, ...]:
        return phases_within(fault, _sampled(links, fault, lasts_ms=2.3 * cycle_ms))

    return _repeated(look, within_s=within_s, what=f"phases of {fault}")


def flaps_no_more(links: Links, fault: Flap) -> Measured:
    """Look again and again for longer than the link would be up."""
    return steady(fault, _sampled(links, fault, lasts_ms=fault.up_ms + SHORTEST_PHASE_MS))


def _as_asked(judged: Sequence[Measured]) -> bool:
    return all(one.is_as_asked for one in judged)


def _sampled(links: Links, fault: Flap, *, lasts_ms: float) -> list[Sample]:
    """Send a probe each way, and see what becomes of it, until the time is over."""
    samples: list[Sample] = []
    back, address = links.channel(fault.target), links.end(fault.source).address
    counted = _counted(links, fault.source, fault.target)
    began_ms = links.listing(fault.target).at_ms

    def look() -> Sample:
        nonlocal counted
        before = samples[-1].ended_ms if samples else began_ms
        sent = send(links, probe_of(fault), count=1).sent
        is_down_back = back.probe(address, count=1) == 0
        flow, listing = _flow(links, fault.source), links.listing(fault.target)
        now = (listing.arrived.get(flow, 0), listing.passed.get(flow, 0))
        is_down = (now[0] - counted[0], now[1] - counted[1]) == (sent, 0)
        counted = now
        samples.append(Sample(began_ms=before, ended_ms=listing.at_ms, is_down=is_down, is_down_back=is_down_back))
        return samples[-1]

    every_s = max(min(fault.down_ms, fault.up_ms) / 20_000, 0.002)
    wait_until(
        look,
        lambda one: one.ended_ms - began_ms > lasts_ms,
        within_s=lasts_ms / 1000 + WITHIN_S,
        what=f"the phases of {fault}",
        every_s=every_s,
    )
    return samples


def delay(links: Links, fault: Delay, *, within_s: float) -> tuple[Measured, ...]:
    """Time many packets, each by itself; a measurement that was disturbed is repeated."""
    count = probes_for(fault)

    def look() -> tuple[Measured, ...]:
        arrivals = timed(links, fault, count=count, lasts_ms=fault.delay_ms + fault.jitter_ms)
        return delays_within(fault, arrivals, sent=count)

    return _repeated(look, within_s=within_s, what=str(fault))


def punctual(links: Links, fault: Delay, *, within_s: float) -> tuple[Measured, ...]:
    """Time packets until they arrive once, and sooner than under the delay, or the time is over."""
    count = probes_for(fault)

    def look() -> tuple[Measured, ...]:
        return punctual_within(fault, timed(links, fault, count=count), sent=count)

    return _repeated(look, within_s=within_s, what=f"end of {fault}")


def _repeated(look: Callable[[], tuple[Measured, ...]], *, within_s: float, what: str) -> tuple[Measured, ...]:
    """Measure until it is as asked, or the time is over; at least once. What was measured last is returned."""
    seen = look()
    if not _as_asked(seen):
        with contextlib.suppress(NotInTimeError):
            seen = wait_until(look, _as_asked, within_s=within_s, what=what)
    return seen


def timed(links: Links, fault: Worsened, *, count: int, lasts_ms: float = 0) -> list[Arrival]:
    """Send packets over the link of a fault, and hear how late they are.

    Args:
        links: the network.
        fault: whose link.
        count: how many packets.
        lasts_ms: for how long another one may come of a packet that has come.

    Returns:
        What came in time.
    """
    arrivals: list[Arrival] = []
    numbers: set[int] = set()
    ear, address = links.channel(fault.target), str(links.end(fault.target).address)
    with contextlib.ExitStack() as undo:
        undo.callback(ear.request, {"do": "hear", "act": "end"})
        port = ear.request({"do": "hear", "act": "begin"})["port"]
        sender = links.channel(fault.source)
        sent_ms = sender.request({"do": "timed", "address": address, "port": port, "count": count})["at_ms"]

        def look() -> float:
            answer = ear.request({"do": "hear", "act": "look"})
            arrivals.extend(Arrival(number=number, late_ms=late_us / 1000) for number, late_us in answer["late"])
            numbers.update(number for number, _ in answer["late"])
            at_ms: float = answer["at_ms"]
            return at_ms

        with contextlib.suppress(NotInTimeError):  # what came until then is judged
            wait_until(
                look,
                lambda at_ms: len(numbers) >= count and at_ms > sent_ms + lasts_ms,
                within_s=lasts_ms / 1000 + WITHIN_S,
                what=f"timed packets under {fault}",
            )
    return arrivals


def _stream(links: Links, fault: Rate) -> Measured:
    stream, channel = stream_for(fault), links.channel(fault.source)
    channel.request(
        {
            "do": "stream",
            "act": "begin",
            "address": str(links.end(fault.target).address),
            "size": stream.size,
            "count": stream.count,
            "skip": stream.skip,
            "room": stream.room,
            "device": tc.DEVICE,
            "class": tc.handle_of(links.end(fault.target).address),
        }
    )
    # In small bites, as leases are renewed over the same channel, and a busy link may take seconds.
    answer = wait_until(
        lambda: channel.request({"do": "stream", "act": "look"}),
        lambda told: "sent" in told,
        within_s=STREAM_S,
        what=f"the end of a stream under {fault}",
    )
    went = Went(**{one.name: answer[one.name] for one in fields(Went)})
    return rate_within(fault, stream, went)


def _flow(links: Links, source: str) -> Flow:
    return Flow(links.end(source).address, "udp", ports.PROBE)


def _counted(links: Links, source: str, target: str) -> tuple[int, int]:
    listing, flow = links.listing(target), _flow(links, source)
    return listing.arrived.get(flow, 0), listing.passed.get(flow, 0)
