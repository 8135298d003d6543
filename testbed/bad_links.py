"""Links that are bad without being cut: lossy, slow, late, flapping. Values, of one direction or one link. Pure."""

from __future__ import annotations

from dataclasses import dataclass

SLOWEST_BITS_PER_S, FASTEST_BITS_PER_S = 64_000, 100_000_000
"""Rates that can be told from others within a second: what is slower sends too little, what is faster is no limit."""

SHORTEST_PHASE_MS, LONGEST_PHASE_MS = 50, 5000
"""How long a flapping link is down or up: what is shorter cannot be told apart on a busy machine, what is longer is cut
and healed by hand."""

LONGEST_DELAY_MS = 60_000
"""What is proved packet by packet, each waited for, twice at least."""

MOST_JITTER_MS = 2000
"""netem draws from a range of 2^32 ns at most."""


def two_ends(source: str, target: str) -> None:
    """Refuse a link from somewhere to itself.

    Raises:
        ValueError: it is one.
    """
    if source == target:
        raise ValueError(f"a link has two ends, and {source!r} is one")


@dataclass(frozen=True, order=True)
class Loss:
    """Of what `source` sends to `target`, so many packets in a thousand do not arrive.

    They are drawn from a shuffled deck: of each 1,000 packets in a row exactly these, and never a row that is luckier.
    """

    source: str
    target: str
    permille: int

    def __post_init__(self) -> None:
        two_ends(self.source, self.target)
        if not 1 <= self.permille <= 1000:  # noqa: PLR2004 - as the message says
            raise ValueError(f"from 0.1 to 100 % of the packets can be lost, not {self.permille / 10:g} %")

    def __str__(self) -> str:
        return f"{self.source} -> {self.target} loses {self.permille / 10:g} %"


@dataclass(frozen=True, order=True)
class Rate:
    """What `source` sends to `target` waits in a queue that lets so much through, Ethernet headers counted.

    The queue takes in 100 ms at that rate, at least 64 KiB; what does not fit is lost. What waits in it when the fault
    is healed arrives at once; where its lease ends instead, what waits still leaves at the rate (up to 9 s at the
    slowest). A packet that its sender had left to be cut up later is paid for first, in either case.
    """

    source: str
    target: str
    bits_per_s: int

    def __post_init__(self) -> None:
        two_ends(self.source, self.target)
        if not SLOWEST_BITS_PER_S <= self.bits_per_s <= FASTEST_BITS_PER_S:
            least, most = (f"{bits / 1000:g} kbit/s" for bits in (SLOWEST_BITS_PER_S, FASTEST_BITS_PER_S))
            raise ValueError(f"a rate from {least} to {most} can be proved, not {self.bits_per_s / 1000:g} kbit/s")

    def __str__(self) -> str:
        return f"{self.source} -> {self.target} at {self.bits_per_s / 1000:g} kbit/s"


@dataclass(frozen=True, order=True)
class Delay:
    """What `source` sends to `target` is late, comes twice, or overtakes. Needs a kernel with netem.

    Attributes:
        source, target: who sends, and who receives.
        delay_ms: how late each packet is.
        jitter_ms: how much earlier or later than that, at most.
        duplicated_percent: how many packets of a hundred come twice.
        hurried_percent: how many of a hundred are not delayed, and so overtake the others.
    """

    source: str
    target: str
    delay_ms: int
    jitter_ms: int = 0
    duplicated_percent: int = 0
    hurried_percent: int = 0

    def __post_init__(self) -> None:
        two_ends(self.source, self.target)
        if not 0 <= self.jitter_ms <= self.delay_ms or (self.delay_ms, self.duplicated_percent) == (0, 0):
            raise ValueError(f"a delay, with jitter at most as long: not {self.delay_ms}±{self.jitter_ms} ms")
        if self.delay_ms > LONGEST_DELAY_MS:
            raise ValueError(
                f"a delay of at most {LONGEST_DELAY_MS} ms, not {self.delay_ms} ms: it could hardly be proved"
            )
        if self.jitter_ms > MOST_JITTER_MS:
            raise ValueError(f"jitter of at most {MOST_JITTER_MS} ms, not {self.jitter_ms} ms: kernels have no more")
        for percent, most, does in (
            (self.duplicated_percent, 100, "come twice"),
            (self.hurried_percent, 99, "overtake"),
        ):
            if not 0 <= percent <= most:
                raise ValueError(f"from 0 to {most} % can {does}, not {percent} %")
        if self.hurried_percent and not self.delay_ms:
            raise ValueError("nothing overtakes where nothing is late")

    def __str__(self) -> str:
        shares = ((self.duplicated_percent, "twice"), (self.hurried_percent, "overtake"))
        told = "".join(f", {percent} % {what}" for percent, what in shares if percent)
        jitter = f"±{self.jitter_ms}" if self.jitter_ms else ""
        return f"{self.source} -> {self.target} {self.delay_ms}{jitter} ms late{told}"


@dataclass(frozen=True, order=True)
class Flap:
    """A link that is down and up by turns.

    A time down begins with the first packet that comes after the last time up, so a link on which nobody speaks does
    not flap, and one that is used loses at least one packet each time.

    Attributes:
        source, target: the ends; both directions are down together.
        down_ms: how long it is down.
        up_ms: how long it is up then, at least.
        one_way: whether only the way from source to target flaps.
    """

    source: str
    target: str
    down_ms: int
    up_ms: int
    one_way: bool = False

    def __post_init__(self) -> None:
        two_ends(self.source, self.target)
        least, most = SHORTEST_PHASE_MS, LONGEST_PHASE_MS
        if not (least <= self.down_ms <= most and least <= self.up_ms <= most):
            raise ValueError(f"from {least} to {most} ms down and up, not {self.down_ms} and {self.up_ms} ms")

    def __str__(self) -> str:
        way = "->" if self.one_way else "<->"
        return f"{self.source} {way} {self.target} {self.down_ms} ms down, {self.up_ms} ms up"
