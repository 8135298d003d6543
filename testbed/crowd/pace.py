"""When a member of a crowd moves: how often it polls, and how it backs off. Pure: chance is passed in.

What it does then is the policy's (`testbed.clients.policy`). The time scale of a topology shortens the product's times,
but makes no portal faster: a crowd that polled at that scale would be an attack. So it has its own pace, which is the
reading "crowd".
"""

from __future__ import annotations

from dataclasses import dataclass

POLLS_A_SECOND = 200
"""How often all members poll together, at most; in the product 4,000 clients do that, one every 20 s."""

FIRST = 8
"""The first try after a poll in vain comes after one such part of the poll interval."""

HAND_S = 1.0
"""How long a person takes to fill in the log-in form, in seconds, on average: a browser knows the password."""

TIMEOUT_POLLS, TIMEOUT_FLOOR_S = 3, 10.0
"""How long a member waits for a network step, in poll intervals, as in the product; and never less, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a member of a crowd lives.

    Attributes:
        poll_s: seconds between two polls of one member, on average.
        hand_s: seconds in which its user fills in the log-in form, on average.
    """

    poll_s: float
    hand_s: float = HAND_S

    @classmethod
    def of(cls, clients: int, *, poll_s: float) -> Pace:
        """The pace of so many clients, none of which polls oftener than one alone would.

        Args:
            clients: how many there are.
            poll_s: how often one alone polls in this topology, in seconds.
        """
        return cls(poll_s=max(poll_s, clients / POLLS_A_SECOND))

    @property
    def timeout_s(self) -> float:
        """How long a member waits for a network step, in seconds."""
        return max(TIMEOUT_POLLS * self.poll_s, TIMEOUT_FLOOR_S)

    def comes_after_s(self, draw: float) -> float:
        """When a member comes at first: any time in one poll interval."""
        return self.poll_s * draw

    def types_for_s(self, draw: float) -> float:
        """How long the member's user takes to fill in the log-in form."""
        return self.hand_s * (0.5 + draw)

    def rests_for_s(self, missed: int, draw: float) -> float:
        """How long a member rests: the interval, or after polls in vain a part of it that doubles each time.

        Args:
            missed: how many polls in a row were in vain.
            draw: from 0 to 1, by chance; half as long up to half as long again, so that no two keep step.
        """
        whole = self.poll_s if missed == 0 else min(self.poll_s, self.poll_s / FIRST * 2.0 ** min(missed - 1, FIRST))
        return whole * (0.5 + draw)
