"""What a checker has to know of a bed to judge it: pace, settings, names. Pure values, from a record of kind `bed`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stubs.decoding import convert
from testbed.errors import MisuseError

if TYPE_CHECKING:
    from stubs.timing import Timing
    from testbed.history import Record

SITES = ("primary", "secondary")

START_MS = 3000
"""What a service may take to start on a busy machine; it does not scale."""


def within_ms(timing: Timing, detection_ms: float) -> float:
    """After how long everything must be as it stays (reading "within")."""
    return 2 * timing.fresh_ms + 2 * detection_ms + 6 * timing.heartbeat_ms + START_MS


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a bed is.

    Attributes:
        bed: its name.
        heartbeat_ms: pause between two words of portals and cores.
        fresh_ms: for so long what was heard counts as current.
        detection_ms: Failover Detection Time, in testbed time.
        within_ms: after so long without a change of conditions everything must be as it stays (reading "within").
        failback: automatic or manual.
        unmet: the prerequisites of resilience that are not met.
        hosts: host name to server.
        homes: user to the server whose core is the user's home.
        portal_servers: which server carries the portal of each half (CFG-10).
    """

    bed: str
    heartbeat_ms: float
    fresh_ms: float
    detection_ms: float
    within_ms: float
    failback: str = "automatic"
    unmet: tuple[str, ...] = ()
    hosts: dict[str, str] = {}
    homes: dict[str, str] = {}
    portal_servers: dict[str, str] = msgspec.field(default_factory=lambda: {site: site for site in SITES})

    @classmethod
    def of(cls, record: Record) -> Facts:
        """The facts that a record tells.

        Raises:
            MisuseError: it does not tell them all.
        """
        try:
            return convert(record.fields, cls)
        except msgspec.ValidationError as error:
            raise MisuseError(f"the record of a bed at {record.at} cannot be judged: {error}") from error

    @property
    def plain(self) -> bool:
        """A pair whose portals run on the servers that they belong to."""
        return all(self.portal_servers[site] == site for site in SITES)
