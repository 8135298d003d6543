"""Times in which a portal did not answer whoever watched it: what explains them, and what does not. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from testbed.checkers.effects import CLIENTS
from testbed.recording.stretches import Stretch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbed.checkers.conditions import Times
    from testbed.checkers.story import Story

ENDS_PORTAL = frozenset({"kill", "stop", "restart", "lose"})
"""The faults after which a portal's process tells nothing more."""

SILENCES = ENDS_PORTAL | {"pause", "vanish"}
"""The faults under which a portal does not answer whoever watches it."""

LOOK_MS = 1000.0
"""A look at a portal may take so long: what another look told meanwhile may be of later than that."""

LATE_MS = 3000.0
"""So long before a fault a portal may have been heard last: on a busy machine some looks in a row come to nothing."""


def unexplained(story: Story) -> list[Mapping[str, Any]]:
    """The silences of portals that no fault and no change of settings explains: who served then nobody knows."""
    configuring = _configuring(story)
    told = (record.fields for record in story.of("silent"))
    return [one for one in told if not _is_explained(story, one, configuring)]


def in_words(silence: Mapping[str, Any]) -> str:
    """Who was silent, and when."""
    return f"{silence['why']}, from {silence['from_ms']:.0f} to {silence['until_ms']:.0f} ms, and no fault says why"


def _is_explained(story: Story, silence: Mapping[str, Any], configuring: list[Stretch]) -> bool:
    from_ms, until_ms = silence["from_ms"], silence["until_ms"]
    if from_ms < story.begin_ms or any(from_ms <= one.end_ms and one.begin_ms <= until_ms for one in configuring):
        return True
    own = story.facts.portal_servers[silence["server"]]
    return any(
        times.planned_ms <= from_ms + LATE_MS and from_ms <= times.healed_ms and _can_silence(times, own)
        for times in story.times
    )


def _can_silence(times: Times, server: str) -> bool:
    """Whether it ends or freezes that server's portal, or is in the way between that and whoever watches."""
    on_the_way = any(CLIENTS in (one.source, one.target) or one.does == "unknown" for one in times.effects)
    return on_the_way or times.hits(server, "portal", SILENCES)


def _configuring(story: Story) -> list[Stretch]:
    """When settings were changed, or portals restarted to let them take effect."""
    found, began = [], None
    for record in story.of("configured"):
        if record.fields["state"] == "begins":
            began = record.monotonic_ms if began is None else began
        elif began is not None:
            found.append(Stretch(begin_ms=began, end_ms=record.monotonic_ms))
            began = None
    return found if began is None else [*found, Stretch(begin_ms=began, end_ms=math.inf)]
