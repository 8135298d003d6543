"""Sessions that work where they must not, and log-ins where nobody may log in. Pure; reads stories only."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from testbed.checkers.answers import PAGE
from testbed.checkers.facts import SITES
from testbed.checkers.moments import Spans
from testbed.checkers.verdict import Found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbed.checkers.answers import Asked
    from testbed.checkers.story import Story

TICK_MS = 1
"""The portals' record counts in whole milliseconds."""


def sessions(story: Story) -> Found:
    """REDIR-6, ROLE-1, ROLE-3, ROLE-5: a session is worth something where it began, while that portal serves.

    And until its user logs out (reading "logged out").
    """
    served = {story.facts.portal_servers[site]: Spans(story.possibly_served(site)) for site in SITES}
    ended = [
        one.fields["since_ms"]
        for one in story.of("role")
        if (one.fields["server"], one.fields["role"]) == ("secondary", "Starting")
    ]
    ended.sort()
    begun: dict[str, Asked] = {}
    over: dict[str, Asked] = {}
    wrong, count = [], 0
    missed = story.roles_missed
    for one in story.answers:
        if not one.works or one.server not in served:
            continue
        session = one.session
        logs_in = one.logs_in
        if logs_in:
            if one.begun is not None:
                begun[one.begun] = one
        elif one.logs_out:  # it does no harm to end a session twice
            over.setdefault(str(session), one)
            continue
        elif session not in begun:
            continue
        count += 1
        if not logs_in and session is not None and one.path != PAGE:  # the page itself is shown to anybody
            wrong += _misplaced(one, begun[session], ended, story.facts.portal_servers)
            if (last := over.get(session)) is not None and last.end_ms < one.begin_ms:
                wrong.append(f"a session that its user had ended at {last.end_ms:.0f} ms works: {one}")
        if not missed and not served[one.server].meets(one.begin_ms - TICK_MS, one.end_ms + TICK_MS):
            wrong.append(f"{'logged in' if logs_in else 'served'} by a portal that does not serve: {one}")
    judged = story.judged(f"{len(begun)} sessions, {count} answers to them") if begun else []
    return Found(wrong=wrong, missing=missed, judged=judged)


def _misplaced(one: Asked, first: Asked, ended: list[float], portal_servers: Mapping[str, str]) -> list[str]:
    if one.server != first.server:
        return [f"a session of the {first.server}'s works: {one}"]
    place = bisect.bisect_right(ended, first.end_ms)
    over = place < len(ended) and ended[place] < one.begin_ms
    if one.server == portal_servers["secondary"] and over:
        return [f"a session from before {ended[place]:.0f} ms, when the secondary ceased to serve, works: {one}"]
    return []
