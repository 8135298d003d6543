"""Redirects: to whom, when, in circles, and where one is due. Pure; reads stories only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.checkers.answers import CORE, PAGE, REDIRECTS, Asked, host_of
from testbed.checkers.facts import SITES
from testbed.checkers.moments import Calendar, Spans
from testbed.checkers.verdict import Found
from testbed.recording.stretches import Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.checkers.story import Story
    from testbed.oracle import Settled

LOOP = "redirect loop"
"""What a client shows that was sent round in a circle."""


def redirects(story: Story) -> Found:
    """REDIR-1, REDIR-3 to REDIR-5, REDIR-7, REDIR-8: to a portal that serves, never round, where due, not elsewhere."""
    judge = _Judge(story)
    wrong = list(_loops(story))
    for one in (*story.answers, *_seen(story)):
        wrong += judge.look(one)
    missing = story.roles_missed
    judged = story.judged(f"{judge.count} redirects") if judge.count else []
    return Found(wrong=wrong, missing=missing, judged=judged)


def news_ms(story: Story) -> float:
    """How long it may take until everybody has heard of a change of role, announced or not."""
    return 2 * story.facts.heartbeat_ms + story.facts.fresh_ms


def _loops(story: Story) -> Iterator[str]:
    """A circle is one even if each of its redirects was true when it was said, unless a role changed meanwhile."""
    late_ms = news_ms(story)
    moments = [one.fields["since_ms"] for one in story.of("role")]
    changing = Spans(Stretch(begin_ms=at_ms - late_ms, end_ms=at_ms + late_ms) for at_ms in moments)
    for record in story.of("screen"):
        fields, at_ms = record.fields, record.monotonic_ms
        if fields["shows"] == LOOP and not changing.meets(at_ms, at_ms):
            yield f"{fields['client']} was sent round at {at_ms:.0f} ms: {fields['detail']}"


def _seen(story: Story) -> Iterator[Asked]:
    """The redirects that servers were seen to answer, whoever asked: clients that record nothing are judged too."""
    calendar = Calendar(story.records[0])
    names = {server: host for host, server in story.facts.hosts.items()}
    for record in story.of("seen"):
        fields = record.fields
        if fields["what"] == "request" and fields.get("location"):
            at_ms = calendar.ms(fields["seen_at"])
            yield Asked(
                client=fields["client"],
                method=fields["method"],
                path=fields["path"],
                url=f"https://{names.get(fields['server'], '')}:{fields['port']}{fields['path']}",
                server=fields["server"],
                begin_ms=at_ms,
                end_ms=at_ms,
                status=fields.get("status"),
                session=None,
                begun=None,
                fields=fields,
            )


class _Judge:
    def __init__(self, story: Story) -> None:
        self.count = 0
        self._story = story
        self._begun: dict[str, str] = {}
        self._served = {story.facts.portal_servers[site]: Spans(story.possibly_served(site)) for site in SITES}
        self._sure = Spans(story.surely_served("primary"))
        self._late_ms = news_ms(story)
        # The time in which a portal that has just begun, or gave up serving, need not have heard of the other one.
        self._new = Spans(
            Stretch(begin_ms=one.fields["since_ms"], end_ms=one.fields["since_ms"] + self._late_ms)
            for one in story.of("role")
            if one.fields["server"] == "secondary"
        )

    def look(self, one: Asked) -> Iterator[str]:
        """What is wrong with one answer; they come in their order, so that it is known where a session began."""
        if one.begun is not None and one.logs_in:
            self._begun[one.begun] = one.server
        target = self._target(one)
        if target is not None:
            self.count += 1
            yield from self._leads(one, target)
            yield from self._forbidden(one, target)
        elif one.status is not None:
            yield from self._due(one)

    def _target(self, one: Asked) -> str | None:
        """Where an answer sends its client, if it does: another server, or the same address again."""
        if one.path == CORE:
            url = one.fields.get("names")
        else:
            url = one.fields.get("location") if one.status in REDIRECTS else None
        if not url:
            return None
        host = host_of(url)
        target = self._story.facts.hosts.get(host, host)
        own = one.path == CORE or url != one.url
        return None if target == one.server and own else target

    def _leads(self, one: Asked, target: str) -> Iterator[str]:
        """REDIR-8; for as long as news may take to travel, the portal that served before may still be named."""
        if target == one.server:
            yield f"sent to the same address again: {one}"
        elif target not in self._served:
            yield f"sent to {target}, which is no portal of the pair: {one}"
        elif not (self._story.roles_missed or self._served[target].meets(one.begin_ms - self._late_ms, one.end_ms)):
            yield f"sent to the {target}, which does not serve: {one}"

    def _forbidden(self, one: Asked, target: str) -> Iterator[str]:
        """REDIR-3: never from P's portal; REDIR-7: none while both serve."""
        if one.path != CORE and one.server == self._story.facts.portal_servers["primary"]:
            yield f"the primary's portal sends to the {target}: {one}"
        expected = self._story.expected(one.begin_ms, one.end_ms)
        if expected and all(each.resilience == "stand-alone" for each in expected):
            yield f"sent to the {target} in stand-alone mode: {one}"

    def _due(self, one: Asked) -> Iterator[str]:
        """REDIR-1, REDIR-4, REDIR-5: an answer that names nobody, where somebody has to be named."""
        if self._failed_back(one):
            yield f"not sent to the primary, which has served since failback: {one} answered {one.status}"
        elif one.path == CORE and one.server == "primary":
            expected = self._expected(one)
            if expected and all(each.was_on_primary.redirected for each in expected):
                yield f"the primary's core names nobody, though the secondary serves: {one}"
        elif one.path == PAGE and one.server == "secondary" and one.method == "GET":
            expected = self._expected(one)
            if expected and all(each.asks_secondary.redirected for each in expected):
                yield f"not sent to the primary: {one} answered {one.status}"

    def _expected(self, one: Asked) -> tuple[Settled, ...]:
        return self._story.expected(one.begin_ms, one.end_ms) if self._story.facts.plain else ()

    def _failed_back(self, one: Asked) -> bool:
        """REDIR-4: a user who was logged in on S asks S for something, and S has had time to hear that P serves.

        That does not wait until all has settled: who serves is known, and that nothing changed meanwhile.
        """
        secondary = "secondary"
        if one.server != secondary or one.session is None or self._begun.get(one.session) != secondary:
            return False
        if one.path == PAGE or one.logs_out or self._story.roles_missed or not self._story.facts.plain:
            return False
        since_ms = one.begin_ms - self._late_ms
        piece = self._story.piece_at(since_ms)
        told = bool(piece.expected) and all(each.was_on_secondary.redirected for each in piece.expected)
        serves = self._sure.holds(since_ms, one.end_ms) and not self._served[secondary].meets(since_ms, one.end_ms)
        return told and one.end_ms <= piece.end_ms and serves and not self._new.meets(one.begin_ms, one.end_ms)
