"""What a portal has learnt of the pair, and keeps across restarts. Pure but for the store.

When its primary is lost, a secondary must know whether it may take over, even if it was restarted since (ROLE-12).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from stubs.portal.database import NotStoredError
from stubs.readiness import Known
from stubs.wire import CoreFacts, PortalFacts, ServerName, Site

if TYPE_CHECKING:
    from stubs.portal.settings import Notes

log = logging.getLogger(__name__)

_KEY = "learnt"


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What others said, the last time they said it."""

    peer: PortalFacts | None = None
    primary_core: CoreFacts | None = None


class Knowledge:
    """The facts of the pair, as one portal knows them.

    Args:
        site: whose knowledge.
        notes: keeps it.
    """

    def __init__(self, site: Site, notes: Notes) -> None:
        self._site = site
        self._notes = notes
        text = notes.remembered(_KEY)
        self._learnt = Learnt() if text is None else msgspec.json.decode(text, type=Learnt)
        self._kept = self._learnt

    def learn_peer(self, facts: PortalFacts) -> None:
        """The other portal told what it has in effect."""
        self._keep(replace(self._learnt, peer=facts))

    def learn_core(self, facts: CoreFacts) -> None:
        """A core told its configuration; the primary's counts."""
        if facts.server is ServerName.PRIMARY:
            self._keep(replace(self._learnt, primary_core=facts))

    def forget(self) -> None:
        """Know nothing, as after installation."""
        self._keep(Learnt())

    def known(self, own: PortalFacts) -> Known:
        """All facts, for `stubs.readiness`."""
        primary = own if self._site is Site.PRIMARY else self._learnt.peer
        secondary = own if self._site is Site.SECONDARY else self._learnt.peer
        return Known(primary=primary, secondary=secondary, primary_core=self._learnt.primary_core)

    def primary(self, own: PortalFacts) -> PortalFacts:
        """The facts whose failback and detection time count: the primary's, or the own until they are known."""
        return own if self._site is Site.PRIMARY or self._learnt.peer is None else self._learnt.peer

    @property
    def complete(self) -> bool:
        """Whether everybody whose facts count was heard at least once."""
        return self._learnt.peer is not None and self._learnt.primary_core is not None

    def _keep(self, learnt: Learnt) -> None:
        self._learnt = learnt
        if learnt == self._kept:
            return
        try:
            self._notes.remember(_KEY, msgspec.json.encode(learnt).decode())
        except NotStoredError:
            # True all the same: it counts until the next start, and is kept at the next word that can be.
            log.exception("what was learnt is not stored")
        else:
            self._kept = learnt
