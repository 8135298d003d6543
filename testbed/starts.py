"""What a service that starts slowly wrote down of its starts, read and judged. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from stubs.slow_start import BEGAN, HELD
from testbed.errors import FaultError


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start; times are of the machine's monotonic clock, in milliseconds.

    Attributes:
        held_at_ms: when the process woke, and began to wait.
        began_at_ms: when it went on; `None`: it still waits, or ended before.
    """

    held_at_ms: int
    began_at_ms: int | None


@dataclass(frozen=True, kw_only=True)
class Starts:
    """The starts of a service since they are slow, the earliest first.

    Attributes:
        by_ms: how much longer each has to take.
        starts: all of them.
    """

    by_ms: int
    starts: tuple[Start, ...]

    def prove(self, target: object) -> None:
        """Every start took as much longer as it had to, and there was one.

        Raises:
            FaultError: the fault had no effect.
        """
        if not self.starts:
            raise FaultError(f"the fault had no effect: {target} was not started while its starts were slow")
        for start in self.starts:
            if start.began_at_ms is not None and start.began_at_ms - start.held_at_ms < self.by_ms:
                took_ms = start.began_at_ms - start.held_at_ms
                raise FaultError(f"the fault had no effect: {target} was held for {took_ms} ms, not {self.by_ms} ms")


def read(text: str) -> Starts:
    """The file that stands for a slow start, as `stubs.slow_start` has it."""
    first, *lines = text.splitlines()
    starts: list[Start] = []
    for line in lines:
        word, _, at_ms = line.partition(" ")
        if word == HELD:
            starts.append(Start(held_at_ms=int(at_ms), began_at_ms=None))
        elif word == BEGAN:
            starts.append(Start(held_at_ms=starts.pop().held_at_ms, began_at_ms=int(at_ms)))
    return Starts(by_ms=int(first), starts=tuple(starts))
