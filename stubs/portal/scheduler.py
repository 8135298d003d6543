"""The conference scheduler at work: waits for the next due moment, and records what became of the meeting.

`stubs.portal.meetings` decides; here are the thread, the clock and the store. On the primary an outcome is a change of
its data like any other, so it reaches the secondary (MEET-1). The secondary only marks meetings, beside its data: an
outcome there is no user's change, and goes with failback (SYNC-4, MEET-3).
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from stubs.decoding import convert
from stubs.portal import meetings
from stubs.portal.changes import Place
from stubs.portal.database import NotStoredError
from stubs.portal.gate import ShutError
from stubs.portal.meetings import Outcome, Position, Standing
from stubs.wire import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from stubs.portal.forms import Meeting as Form
    from stubs.portal.gate import Gate
    from stubs.portal.meetings import Meeting
    from stubs.portal.store import Store

log = logging.getLogger(__name__)

COLLECTION = "meetings"

LONGEST_WAIT_S = 60.0
"""The calendar's clock can be set while somebody waits for it, so the time left is worked out anew after so long."""

RETRY_S = 1.0
"""After so long an outcome that could not be recorded is tried again, in seconds."""


class Host(Protocol):
    """The portal, as far as the scheduler asks it."""

    @property
    def site(self) -> Site:
        """Which portal it is."""

    @property
    def writes(self) -> Gate:
        """Open while it serves."""

    @property
    def serving(self) -> bool:
        """Whether it serves, and was not frozen itself just now."""

    def knows_other_idle(self) -> bool:
        """Whether the other portal is known not to serve."""


class Scheduler:
    """The meetings of one portal; safe to use from many threads.

    Args:
        store: where they are.
        host: the portal.
        now: the wall clock.
    """

    def __init__(self, store: Store, host: Host, *, now: Callable[[], datetime]) -> None:
        self._store, self._host, self._now = store, host, now
        self._serving_since: datetime | None = None
        self._news = False
        self._told = threading.Condition()

    def start(self) -> None:
        """Settle meetings in a thread of its own until the process ends."""
        threading.Thread(target=self._keep_time, name="scheduler", daemon=True).start()

    def begin(self) -> None:
        """This portal serves from now on; called once its gate is open and it says so itself."""
        self._serving_since = self._now()
        self._wake()

    def cease(self) -> None:
        """This portal is about to serve no more; called before its gate is shut."""
        self._serving_since = None

    def items(self, owner: str) -> list[dict[str, Any]]:
        """A user's meetings with what became of them."""
        marks = self._store.marks(COLLECTION)
        found = []
        for item in self._store.items(COLLECTION, owner):
            place = Place(COLLECTION, owner, item.pop("id"))
            found.append(_answer(place, _seen(item, marks.get(place))))
        return found

    def add(self, owner: str, form: Form) -> dict[str, Any]:
        """Schedule a meeting on this server; on disk when this returns.

        Raises:
            PastError: its time has passed.
            NotStoredError: the disk did not take it.
        """
        meeting = meetings.schedule(form, site=self._host.site, now=self._now())
        name = self._store.put(COLLECTION, owner, None, meetings.written(meeting))
        self._wake()
        return _answer(Place(COLLECTION, owner, str(name)), meeting)

    def change(self, owner: str, name: str, form: Form) -> dict[str, Any] | None:
        """Change a meeting; on disk when this returns. `None`: there is no such meeting.

        Raises:
            PastError: it would be at another time, which has passed.
            NotStoredError: the disk did not take it.
        """

        def changed(body: dict[str, Any]) -> dict[str, Any]:
            return meetings.written(meetings.change(meetings.read(body), form, site=self._host.site, now=self._now()))

        place = Place(COLLECTION, owner, name)
        body = self._store.edit(place, changed)
        if body is None:
            return None
        self._wake()
        return _answer(place, _seen(body, self._store.marks(COLLECTION).get(place)))

    def act(self) -> float:
        """Settle all that is due now; in how many seconds to look again, if there is no news before."""
        waits = [LONGEST_WAIT_S]
        marks = self._store.marks(COLLECTION)
        try:
            for place, body in self._store.every(COLLECTION):
                meeting = _seen(body, marks.get(place))
                left_s = (meeting.starts_at - self._now()).total_seconds()
                if meeting.state is not Standing.SCHEDULED:
                    continue
                if left_s > 0:
                    waits.append(left_s)
                else:
                    self._settle(place, meeting)
        except ShutError:
            return LONGEST_WAIT_S if self._serving_since is None else RETRY_S
        except NotStoredError:
            log.exception("what became of a meeting is not stored")
            return RETRY_S
        return min(waits)

    def _settle(self, place: Place, meeting: Meeting) -> None:
        # Inside the gate for one meeting at a time: a change of role waits for whoever is inside.
        with self._host.writes.passing():
            since = self._serving_since
            if since is None or not self._host.serving:
                raise ShutError
            position = Position(
                site=self._host.site, now=self._now(), serving_since=since, other_idle=self._host.knows_other_idle()
            )
            outcome = meetings.settle(meeting, position)
            if outcome is not None:
                self._record(place, outcome)
                log.info("meeting %s of %s: %s", place.id, place.owner, outcome.state.value)

    def _record(self, place: Place, outcome: Outcome) -> None:
        if self._host.site is Site.SECONDARY:
            self._store.mark(place, msgspec.to_builtins(outcome))
            return

        def settled(body: dict[str, Any]) -> dict[str, Any] | None:
            before = meetings.read(body)
            after = meetings.ended(before, outcome)
            return None if after == before else meetings.written(after)

        self._store.edit(place, settled)

    def _keep_time(self) -> None:
        while True:
            self._news = False
            wait_s = self.act()
            with self._told:
                self._told.wait_for(lambda: self._news, wait_s)

    def _wake(self) -> None:
        with self._told:
            self._news = True
            self._told.notify_all()


def _seen(body: dict[str, Any], mark: dict[str, Any] | None) -> Meeting:
    """A meeting as this portal knows it: its data, and what was noted beside them."""
    outcome = None if mark is None else convert(mark, Outcome)
    return meetings.ended(meetings.read(body), outcome)


def _answer(place: Place, meeting: Meeting) -> dict[str, Any]:
    return {"id": place.id, **meetings.written(meeting)}
