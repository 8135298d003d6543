"""What a core knows of the portals: their latest words, and which of them serves. Pure but for its lock."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from stubs.wire import Site

if TYPE_CHECKING:
    from stubs.wire import PortalStatus


class Board:
    """The latest word of each portal and when it came.

    Args:
        fresh_ms: how long a word counts as current.
    """

    def __init__(self, fresh_ms: int) -> None:
        self._fresh_ms = fresh_ms
        self._words: dict[Site, tuple[PortalStatus, int]] = {}
        self._here: set[Site] = set()
        self._lock = threading.Lock()

    def hear(self, status: PortalStatus, now_ms: int, *, here: bool = True) -> bool:
        """Take a word in; whether it says something new about who serves.

        Args:
            status: the word.
            now_ms: when it came.
            here: the portal itself said it, logged in at this core, and not the other core.
        """
        with self._lock:
            if here:
                self._here.add(status.site)
            before, heard = self._words.get(status.site, (None, 0))
            if not status.newer_than(before):
                return False
            self._words[status.site] = (status, now_ms)
        # One that had fallen silent, or was forgotten, was reported gone.
        return before is None or now_ms - heard >= self._fresh_ms or _stance(before) != _stance(status)

    def fresh(self, now_ms: int) -> tuple[PortalStatus, ...]:
        """The words that are still current."""
        with self._lock:
            return tuple(word for word, heard in self._words.values() if now_ms - heard < self._fresh_ms)

    def told_here(self, now_ms: int) -> tuple[PortalStatus, ...]:
        """The current words of portals that are logged in at this core: what it may pass on to the other core."""
        with self._lock:
            here = frozenset(self._here)
        return tuple(word for word in self.fresh(now_ms) if word.site in here)

    def part(self, site: Site) -> None:
        """A portal is no longer logged in here: what it said last no longer counts."""
        with self._lock:
            self._here.discard(site)
        self.forget(site)

    def forget(self, *sites: Site) -> None:
        """What these portals said no longer counts, and an echo of it does not either."""
        with self._lock:
            for site in sites:
                if site in self._words:
                    self._words[site] = (self._words[site][0], -self._fresh_ms)

    def copied(self) -> Board:
        """Another board that knows the same: what either hears from now on, the other does not."""
        other = Board(self._fresh_ms)
        with self._lock:
            other._words, other._here = dict(self._words), set(self._here)
        return other

    def known(self) -> tuple[tuple[PortalStatus, int, bool], ...]:
        """Every word that it has, current or not: when it came, and whether its portal is logged in here."""
        with self._lock:
            return tuple((word, heard, site in self._here) for site, (word, heard) in sorted(self._words.items()))

    def serving(self, own: Site | None, now_ms: int) -> PortalStatus | None:
        """The portal that serves now; in stand-alone mode both do, and the own half's comes first (REDIR-7, REDIR-8).

        Args:
            own: the half that this core belongs to; `None`: neither, and the primary's comes first (ours).
            now_ms: the time.
        """
        words = {word.site: word for word in self.fresh(now_ms) if word.serving}
        first = own or Site.PRIMARY
        return words.get(first) or words.get(first.other)


def _stance(status: PortalStatus) -> tuple[object, ...]:
    return status.boot, status.serving, status.claim, status.willing, status.heard_claim, status.farewell, status.facts
