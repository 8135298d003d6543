"""The judge: a history in, a verdict of each checker out, with evidence. Pure; it can judge an old history again.

Each checker is a function from a story (`testbed.checkers.story`) to what it found, and names the rules it judges by.
What a history has to hold to be judged at all is written by `testbed.recording.observer` and by clients and nemesis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from testbed.checkers import keeping, meetings, prompts, redirects, roles, sessions, syncing
from testbed.checkers.story import stories
from testbed.checkers.verdict import Found, Judgement, Loss, Outcome, Verdict, merged
from testbed.collecting import without_collecting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from testbed.checkers.story import Story
    from testbed.history import Record

T = TypeVar("T")

__all__ = ["CHECKERS", "Checker", "Judgement", "Loss", "Outcome", "Verdict", "judge"]


class Checker(NamedTuple):
    """One invariant.

    Attributes:
        name: what it is called.
        rules: the ids of the rules that it judges by.
        check: what it finds in a story.
    """

    name: str
    rules: tuple[str, ...]
    check: Callable[[Story], Found]


CHECKERS = (
    Checker("one portal", ("ROLE-11",), roles.one_portal),
    Checker("somebody serves", ("CFG-1", "ROLE-2", "ROLE-3", "ROLE-14"), roles.somebody_serves),
    Checker("roles", roles.RULES, roles.as_the_oracle_says),
    Checker("changes kept", ("SYNC-4", "SYNC-5", "SYNC-6", "SYNC-8"), keeping.changes_kept),
    Checker("in step", ("SYNC-1", "SYNC-2", "SYNC-3", "SYNC-5", "SYNC-7"), syncing.in_step),
    Checker("sessions", ("REDIR-6", "ROLE-1", "ROLE-3", "ROLE-5"), sessions.sessions),
    Checker("redirects", ("REDIR-1", "REDIR-3", "REDIR-4", "REDIR-5", "REDIR-7", "REDIR-8"), redirects.redirects),
    Checker("prompts", ("CERT-1", "CERT-2", "CERT-3", "CERT-4"), prompts.prompts),
    Checker("meetings", ("MEET-1", "MEET-2", "MEET-3", "MEET-4"), meetings.meetings),
)
"""All checkers, in the order in which they are told."""


def judge(records: Sequence[Record]) -> Judgement:
    """Judge a history, as `testbed.history.read` gives it.

    A history of several beds, or of a bed that was reset, is judged part by part. What is missing makes a verdict
    unknown and never a pass; so an empty history, or one of no bed, is unknown throughout. What was seen after a fault
    had ended before its time is not judged, and a run in which the testbed itself failed never passes.

    Raises:
        MisuseError: a bed does not tell what it is.
    """
    with without_collecting():
        return _judge(records)


def _judge(records: Sequence[Record]) -> Judgement:
    told = stories(records)
    several = len({story.name for story in told}) < len(told)
    names = [f"{story.name} from {story.begin_ms:.0f} ms" if several else story.name for story in told]
    verdicts = tuple(
        merged(one.name, one.rules, [(name, _checked(one, story)) for name, story in zip(names, told, strict=True)])
        for one in CHECKERS
    )
    longest = [None if story.cut_short else roles.recovery_ms(story) for story in told]
    lost = [None if story.cut_short else story.account.lost for story in told]
    return Judgement(
        verdicts=verdicts,
        rto_ms=max(known) if (known := _all_known(longest)) else None,
        changes_lost=sum(counted) if (counted := _all_known(lost)) else None,
        losses=tuple(one for story in told for one in keeping.losses_of(story)),
    )


def _checked(checker: Checker, story: Story) -> Found:
    """What a checker finds; of a story that was cut short it cannot know all."""
    found = checker.check(story)
    return found._replace(missing=[*found.missing, story.cut_short]) if story.cut_short else found


def _all_known(figures: Sequence[T | None]) -> list[T]:
    """The figures of all stories; none, if one of them is unknown."""
    known = [one for one in figures if one is not None]
    return known if len(known) == len(figures) else []
