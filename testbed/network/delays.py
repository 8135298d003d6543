"""How late packets are to be under a delay, and what is to be seen of them. Pure: arrivals in, verdicts out.

Each packet is timed by itself (`stubs.server.arrivals`). A kernel never lets one out too early, so what came too early
was not delayed; one that is late may be so because the machine was busy. Hence the earliest are judged strictly, the
late ones by their soonest, and a measurement that was disturbed is to be repeated.

Jitter is drawn evenly from both sides of the delay; but where it is long the kernel's draw favours the early ones, by
the remainder of 2^32 divided by its range in nanoseconds (`tabledist` of net/sched/sch_netem.c): so for the earliest
and the latest quarter of the range there are bounds that hold for any jitter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from testbed.network.evidence import Measured, count_within, enough_probes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.bad_links import Delay

_LEAST_SHARE = 0.01
"""Of what comes twice, or overtakes: asked for or not, it is to be seen."""

_EARLIEST, _LATEST = (0.25, 0.4), 1 / 7
"""The share of the earliest quarter, from and to, and of the latest one, at least."""

_CLOCK_MS = 0.1
"""What two clocks may be off."""

_TRANSIT_MS, _PROMPT_MS = 0.2, 0.5
"""What a packet takes that is not delayed: mostly, and if nothing disturbs it."""

_SLACK_MS = 200.0
"""How much later than it should a packet may be; a busy machine looks late."""

_SOON_MS, _SOON_SHARE = 5.0, 0.1
"""How much later than it should the soonest of many may be: in milliseconds, and as a share of the delay."""

_SURELY_LATE, _SHOWN_LATE = 0.6, 40
"""By half the delay, so large a share has not come yet, whatever the jitter; and so many of them are looked for."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One packet that came; one that came twice is two.

    Attributes:
        number: of the packet.
        late_ms: how long it was under way.
    """

    number: int
    late_ms: float


def probes_for(delay: Delay) -> int:
    """How many packets show surely that it is in force, and that it is not."""
    late = math.ceil(_SHOWN_LATE / _SURELY_LATE / (1 - delay.hurried_percent / 100))
    return max(enough_probes(_LEAST_SHARE), late)


def delays_within(delay: Delay, arrivals: Sequence[Arrival], *, sent: int) -> tuple[Measured, ...]:
    """Judge what came of packets that were sent under a delay."""
    judged = _counted(delay, arrivals, sent=sent, twice=delay.duplicated_percent / 100)
    if delay.delay_ms:
        late_ms = sorted(one.late_ms for one in arrivals)
        judged += _timed(delay, late_ms)
        judged += _spread(delay, late_ms) if delay.jitter_ms else [_soonest(delay, late_ms)]
    return tuple(judged)


def punctual_within(delay: Delay, arrivals: Sequence[Arrival], *, sent: int) -> tuple[Measured, ...]:
    """Judge packets that are no longer to be late, nor to come twice."""
    judged = _counted(delay, arrivals, sent=sent, twice=0)
    if delay.delay_ms:
        late = sum(one.late_ms >= delay.delay_ms / 2 for one in arrivals)
        most = sent * (1 - delay.hurried_percent / 100) * _SURELY_LATE / 4
        judged.append(Measured(fault=delay, what=f"probes late, of {sent},", found=late, low=0, high=most))
    return tuple(judged)


def _counted(delay: Delay, arrivals: Sequence[Arrival], *, sent: int, twice: float) -> list[Measured]:
    different = len({one.number for one in arrivals})
    return [
        Measured(fault=delay, what="probes that arrived", found=different, low=sent, high=sent),
        count_within(delay, "probes that came twice", len(arrivals) - different, of=sent, share=twice),
    ]


def _timed(delay: Delay, late_ms: Sequence[float]) -> list[Measured]:
    """What was not late are those that overtake, and maybe those that jitter brings as early; and none is too late."""
    surely_ms, hurried = delay.delay_ms - delay.jitter_ms, delay.hurried_percent / 100
    by_ms = max(surely_ms - _CLOCK_MS, _PROMPT_MS)
    # The kernel's draw favours no time more than twice.
    jittered = min(2 * max(by_ms - surely_ms, 0) / (2 * delay.jitter_ms), 1) if delay.jitter_ms else 0.0
    early = sum(each < by_ms for each in late_ms)
    share = hurried, hurried + (1 - hurried) * jittered
    most = delay.delay_ms + delay.jitter_ms + _SLACK_MS
    last = max(late_ms, default=math.inf)
    return [
        _count_between(delay, "probes that were not late", early, of=len(late_ms), share=share),
        Measured(fault=delay, what="ms late at most", found=last, low=-math.inf, high=most),
    ]


def _soonest(delay: Delay, late_ms: Sequence[float]) -> Measured:
    least = delay.delay_ms - _CLOCK_MS
    soonest = min((each for each in late_ms if each >= least), default=math.inf)
    most = delay.delay_ms * (1 + _SOON_SHARE) + _SOON_MS
    return Measured(fault=delay, what="ms late, the soonest of the late ones,", found=soonest, low=least, high=most)


def _spread(delay: Delay, late_ms: Sequence[float]) -> list[Measured]:
    """How many came in the earliest quarter of the time, or overtook, and how many in the latest."""
    of, hurried, half = len(late_ms), delay.hurried_percent / 100, delay.jitter_ms / 2
    early = sum(each < delay.delay_ms - half for each in late_ms)
    late = sum(each > delay.delay_ms + half for each in late_ms)
    least, most = _EARLIEST
    seen_at_least = least - _TRANSIT_MS / (2 * delay.jitter_ms)
    first, second = (hurried + (1 - hurried) * share for share in (seen_at_least, most))
    what = f"probes less than {delay.delay_ms - half:g} ms late"
    latest = count_within(
        delay, f"probes more than {delay.delay_ms + half:g} ms late", late, of=of, share=(1 - hurried) * _LATEST
    )
    return [_count_between(delay, what, early, of=of, share=(first, second)), replace(latest, high=of)]


def _count_between(delay: Delay, what: str, found: int, *, of: int, share: tuple[float, float]) -> Measured:
    least, most = (count_within(delay, what, found, of=of, share=each) for each in share)
    return replace(least, high=most.high)
