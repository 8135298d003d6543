"""What a portal has learnt of the pair, and keeps across restarts. Pure but for the store.

When its primary is lost, a secondary must know whether it may take over, even if it was restarted since (ROLE-12),
and whether failover was switched off (CFG-11).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from stubs.decoding import decode
from stubs.events import Settled
from stubs.portal.database import NotStoredError
from stubs.readiness import Known, unmet
from stubs.wire import CoreFacts, PortalFacts, ServerName, Site

if TYPE_CHECKING:
    from stubs.portal.settings import Notes
    from stubs.timing import Timing

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
        self._learnt = Learnt() if text is None else decode(text, Learnt)
        self._kept = self._learnt
        # Until the primary's core speaks, its mode counts as it was when it was last heard.
        self._select = None if self._learnt.primary_core is None else self._learnt.primary_core.select
        self._told = False

    def learn_peer(self, facts: PortalFacts) -> None:
        """The other portal told what it has in effect."""
        self._keep(replace(self._learnt, peer=facts))

    def learn_core(self, facts: CoreFacts) -> None:
        """A core told its configuration; the primary's counts."""
        if facts.server is not ServerName.PRIMARY:
            return
        known = self._learnt.primary_core
        # A core after a factory reset is a new installation, whichever of the two was reset first.
        first = not self._told or known is None or known.installed != facts.installed
        self._select = facts.select and (first or self._select is True)
        self._told = True
        self._keep(replace(self._learnt, primary_core=facts))

    def forget(self) -> None:
        """Know nothing, as after installation."""
        self._select, self._told = None, False
        self._keep(Learnt())

    @property
    def select(self) -> bool | None:
        """Whether the system has been in Select mode ever since this portal started (CFG-3); `None`: never learnt.

        Reading "switch to select": what the primary's core says first after the start of this portal counts; a switch
        to another mode counts at once.
        """
        return self._select

    @property
    def primary_select(self) -> bool | None:
        """Whether the system is in Select mode now (CFG-2); `None`: never learnt."""
        return None if self._learnt.primary_core is None else self._learnt.primary_core.select

    @property
    def primary_configuration(self) -> int | None:
        """The version of the primary's core's configuration that is known here; `None`: none is."""
        return None if self._learnt.primary_core is None else self._learnt.primary_core.version

    @property
    def switched_off(self) -> bool | None:
        """Whether this secondary knows that failover is not in effect on the primary (CFG-11); `None`: never learnt.

        A primary knows nothing of the kind: it never stops by itself.
        """
        if self._site is Site.PRIMARY or self._learnt.peer is None:
            return None
        return not self._learnt.peer.failover

    def known(self, own: PortalFacts) -> Known:
        """All facts, for `stubs.readiness`."""
        primary = own if self._site is Site.PRIMARY else self._learnt.peer
        secondary = own if self._site is Site.SECONDARY else self._learnt.peer
        return Known(primary=primary, secondary=secondary, primary_core=self._learnt.primary_core)

    def primary(self, own: PortalFacts) -> PortalFacts:
        """The facts whose failback and detection time count: the primary's, or the own until they are known."""
        return own if self._site is Site.PRIMARY or self._learnt.peer is None else self._learnt.peer

    def meaning(self, own: PortalFacts, *, at_ms: int, timing: Timing) -> tuple[tuple[str, ...], Settled]:
        """What is known now means: the unmet rules (CFG-13), and what the resilience machine is told.

        Args:
            own: facts of this portal.
            at_ms: now.
            timing: turns the detection time into testbed time.
        """
        missing = unmet(self.known(own))
        leading = self.primary(own)
        return missing, Settled(
            at_ms=at_ms,
            ready=not missing if self.complete else None,
            failback=leading.failback,
            detection_ms=timing.detection_ms(leading.detection_minutes),
        )

    @property
    def complete(self) -> bool:
        """Whether everybody whose facts count was heard at least once."""
        peer, core = self._learnt.peer, self._learnt.primary_core
        return peer is not None and peer.select is not None and core is not None

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
