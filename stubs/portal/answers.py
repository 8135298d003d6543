"""What a portal answers when it is asked how it stands, from any thread. Reads the latest moment; changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs import clock
from stubs.wire import Site

if TYPE_CHECKING:
    from stubs.installation import Installation
    from stubs.portal.cores import Cores
    from stubs.portal.links import Links
    from stubs.portal.moment import Moment
    from stubs.timing import Timing


class Answers:
    """The asking side of a portal.

    Attributes:
        installed: who it is.
        site: its half of the pair.
        timing: its durations.
        cores: what it knows of the cores.
        links: its links.
        moment: how it stands now; the reactor replaces it whole.
    """

    installed: Installation
    site: Site
    timing: Timing
    cores: Cores
    links: Links
    moment: Moment

    @property
    def serving(self) -> bool:
        """Whether log-ins are taken; not if the reactor has been frozen so long that the other may serve."""
        return self.moment.serves(clock.monotonic_ms())

    @property
    def core_host(self) -> str:
        """The host name of the own half's core, if it is another machine (reading "two machines"); else empty."""
        return "" if self.site.server is self.installed.server else self.installed.cores[self.site.server].hostname

    def serving_peer(self) -> str | None:
        """The host name of the other portal, if it is known to serve at this moment (REDIR-8)."""
        peer = self.moment.serving_peer(clock.monotonic_ms(), fresh_ms=self.timing.fresh_ms)
        return None if peer is None else self.installed.portal_host(self.site.other, peer.facts.host_domain_name)

    def knows_other_idle(self) -> bool:
        """Whether the other portal is known not to serve now: by its own word, or its core's; silence tells nothing."""
        other, peer = self.site.other, self.moment.state.peer
        if peer is not None and self.is_fresh(peer.heard_at_ms):
            return not peer.status.serving
        return self.cores.knows_idle(other.server.value, other)

    def redirects_to(self) -> str | None:
        """Where a caller of this portal is sent: only ever from the secondary to the primary (REDIR-3, REDIR-5)."""
        return self.serving_peer() if self.site is Site.SECONDARY and not self.serving else None

    def may_follow(self) -> bool:
        """Whether this secondary follows the primary's log now (SYNC-1, SYNC-3)."""
        return self.moment.may_follow(clock.monotonic_ms(), fresh_ms=self.timing.fresh_ms)

    def may_feed(self) -> bool:
        """Whether this primary lets its log be followed now."""
        return self.moment.may_feed(clock.monotonic_ms())

    def sync_state(self) -> str:
        """One of: running, interrupted (it should run, nothing comes), suspended (the rules forbid it)."""
        if not (self.may_follow() or self.may_feed()):
            return "suspended"
        at = self.links.synchronised_at_ms()
        return "running" if at is not None and self.is_fresh(at) else "interrupted"

    def sync_trouble(self) -> str:
        """Why synchronisation is interrupted, if that is known."""
        return self.links.trouble() if self.sync_state() == "interrupted" else ""

    def is_fresh(self, at_ms: int) -> bool:
        """Whether what was heard then still counts."""
        return clock.monotonic_ms() - at_ms < self.timing.fresh_ms
