"""The Health pages as JSON: what this portal knows of itself and of the other server. Flask; `stubs.condition` decides.

An administrator reads them on any portal that runs: when something is wrong, each server tells its own half.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, TypeVar

from stubs import condition, readiness
from stubs.contract import documented
from stubs.portal import access, bodies
from stubs.serving import answer
from stubs.wire import Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Blueprint, Response

    from stubs.portal.runtime import Portal

T = TypeVar("T")

log = logging.getLogger(__name__)

_GUARDS = (access.ADMINISTRATOR,)


def add(blueprint: Blueprint, portal: Portal) -> None:
    """The Health pages, under `/health` of the administrators' API."""

    @blueprint.get("/health/components")
    @documented("Page Component Status.", guards=_GUARDS, answers={200: bodies.Components})
    def components() -> Response:
        """Page Component Status: this portal, its database and its links."""
        access.administrator(portal.administrators)
        return answer({"items": condition.components(sight(portal))})

    @blueprint.get("/health/resilience")
    @documented("Page Resilience.", guards=_GUARDS, answers={200: bodies.ResiliencePage})
    def resilience() -> Response:
        """Page Resilience (VIEW-4): both servers, what is unmet, and what the last failback discarded."""
        access.administrator(portal.administrators)
        discarded = _read(portal.store.discarded) or ()
        return answer(
            {
                "seen_from": portal.site,
                "servers": condition.resilience(sight(portal)),
                "unmet": readiness.needs(portal.moment.unmet),
                "discarded": {"count": len(discarded), "changes": discarded},
            }
        )

    @blueprint.get("/health/events")
    @documented("Page Key Recent Events.", guards=_GUARDS, answers={200: bodies.KeyEvents})
    def recent() -> Response:
        """Page Key Recent Events: the newest first."""
        access.administrator(portal.administrators)
        return answer({"items": portal.record.events[::-1]})

    @blueprint.get("/health/sessions")
    @documented("Page Active Sessions.", guards=_GUARDS, answers={200: bodies.ActiveSessions})
    def sessions() -> Response:
        """Page Active Sessions: which users are logged in here, since when and from where."""
        access.administrator(portal.administrators)
        return answer({"items": portal.sessions.all()})


def sight(portal: Portal) -> condition.Sight:
    """What the portal knows at this moment."""
    peer = portal.moment.state.peer
    word = peer.status if peer is not None and portal.is_fresh(peer.heard_at_ms) else None
    direct_ms = portal.hearing.peer_ms
    return condition.Sight(
        site=portal.site,
        serving=portal.serving,
        why=portal.moment.why,
        cores={server: portal.cores.is_up(server.value) for server in portal.installed.cores},
        other=condition.other_portal(
            word,
            missed=_is_missed(portal, peer.heard_at_ms if peer is not None else None),
            dormant=portal.site is Site.PRIMARY and not portal.settings.effective.failover,
        ),
        direct=direct_ms is not None and portal.is_fresh(direct_ms),
        sync=portal.sync_state(),
        trouble=portal.sync_trouble(),
        head=_read(portal.store.head),
    )


def _is_missed(portal: Portal, heard_at_ms: int | None) -> bool:
    """Whether the core beside the other portal talks on without it.

    A core on another server than its portal (CFG-10) may just be cut off from it, and proves nothing.
    """
    other, installed = portal.site.other, portal.installed
    if installed.portals[other] != installed.cores[other.server]:
        return False
    return portal.hearing.core_alone_ms(other.server, heard_at_ms) >= portal.timing.fresh_ms


def _read(what: Callable[[], T]) -> T | None:
    """Read from the database; nothing if it does not answer: that is what these pages are there to tell."""
    try:
        return what()
    except sqlite3.Error:
        log.exception("the database does not answer")
        return None
