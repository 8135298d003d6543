"""Who serves: never two over a whole link, always one within the bound. Pure; reads stories only.

On a bad link (loss, rate, delay, flap) the portals may take each other for gone, or not: the rules promise neither, so
that S may serve or not. That P serves while it can, or S while P cannot, they promise whatever the link is like
(ROLE-4, ROLE-14; reading "bad link"), and that is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.checkers.conditions import clocks
from testbed.checkers.effects import CLIENTS, LINK
from testbed.checkers.facts import SITES
from testbed.checkers.verdict import Found
from testbed.recording.stretches import Stretch, common, joined, without

if TYPE_CHECKING:
    from testbed.checkers.story import Story

APART = LINK - {"path"} | {"unknown"}
"""The effects with which the two may not hear each other."""

RULES = (
    *("ROLE-1", "ROLE-2", "ROLE-3", "ROLE-4", "ROLE-5", "ROLE-6", "ROLE-7"),
    *("ROLE-8", "ROLE-9", "ROLE-12", "ROLE-13", "ROLE-14"),
)
"""The rules that say who serves once all is settled."""


def apart(story: Story) -> list[Stretch]:
    """When the link was not whole for sure; each ends when both have had time to hear each other again."""
    grace_ms = story.facts.detection_ms
    found = [
        Stretch(begin_ms=held.begin_ms, end_ms=held.end_ms + grace_ms)
        for times in story.times
        if any(one.does in APART and CLIENTS not in (one.source, one.target) for one in times.effects)
        for held in (times.held(sure=False),)
    ]
    return joined(found)


def one_portal(story: Story) -> Found:
    """ROLE-11: with the link up, never two portals Available, beyond the hand-over."""
    primary, secondary = (story.surely_served(site) for site in SITES)
    both = without(common(common(primary, secondary), story.seen), apart(story))
    served = common(joined([*primary, *secondary]), story.seen)
    return Found(
        wrong=[f"both portals were Available over a whole link: {one}" for one in both],
        missing=story.roles_missed,
        judged=story.judged(f"{len(primary) + len(secondary)} times of serving") if served else [],
    )


def nobody(story: Story) -> list[Stretch]:
    """When the servers were watched, and neither portal can have served."""
    anybody = [stretch for site in SITES for stretch in story.possibly_served(site)]
    return without(story.seen, joined(anybody))


def somebody_serves(story: Story) -> Found:
    """CFG-1, ROLE-2, ROLE-3, ROLE-14: within the bound somebody serves, if anybody can."""
    if not story.roles_told:
        return Found(missing=story.roles_missed)
    due = [piece.settled for piece in story.pieces if piece.somebody and piece.settled is not None]
    judged = common(due, story.seen)
    silent = nobody(story)
    wrong = joined([*common(silent, judged), *_overdue(story, silent)])
    return Found(
        wrong=[f"nobody served, though somebody could since before: {one}" for one in wrong],
        missing=story.roles_missed,
        judged=story.judged(f"{len(judged)} settled times in which somebody had to serve") if judged else [],
    )


def _overdue(story: Story, silent: list[Stretch]) -> list[Stretch]:
    """What of the time without anybody is beyond the bound since one and the same site could have ended it."""
    found = []
    for runs, within_ms in clocks(story.pieces):
        for gap in common(silent, [runs]):
            due_ms = gap.begin_ms + within_ms
            if due_ms < gap.end_ms:
                found.append(Stretch(begin_ms=due_ms, end_ms=gap.end_ms))
    return found


def as_the_oracle_says(story: Story) -> Found:
    """In a settled time each portal serves, or does not, as `testbed.oracle` predicts from what is up and connected."""
    if not story.roles_told:
        return Found(missing=story.roles_missed)
    wrong, judged = [], 0
    for site in SITES:
        sure, possible = joined(story.surely_served(site)), joined(story.possibly_served(site))
        due = [(piece.serves(site), piece.settled) for piece in story.pieces]
        must = common([time for serves, time in due if serves is True and time is not None], story.seen)
        must_not = common([time for serves, time in due if serves is False and time is not None], story.seen)
        judged += len(must) + len(must_not)
        wrong += [f"the {site} did not serve, where the oracle says it does: {one}" for one in without(must, possible)]
        wrong += [f"the {site} served, where the oracle says it does not: {one}" for one in common(must_not, sure)]
    seen = story.judged(f"{judged} settled times of a portal") if judged else []
    return Found(wrong=wrong, missing=story.roles_missed, judged=seen)


def recovery_ms(story: Story) -> float | None:
    """How long nobody served at the longest, though somebody could (RTO); `None`: unknown."""
    if story.roles_missed:
        return None
    able = joined(
        Stretch(begin_ms=one.begin_ms, end_ms=one.end_ms) for one in story.pieces if one.somebody or not one.expected
    )
    served = [stretch for site in SITES for stretch in story.surely_served(site)]
    # What nobody saw may have made an outage longer: the figure is known only if it makes no difference.
    longest = {
        max((one.end_ms - one.begin_ms for one in common(without(time, joined(served)), able)), default=0.0)
        for time in (story.seen, story.watched)
    }
    return longest.pop() if len(longest) == 1 else None
