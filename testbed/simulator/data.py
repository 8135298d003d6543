"""How a simulated secondary keeps its copy in step: the stubs' own conversation over a line of its own. Pure.

As `stubs.portal.sync` over TCP: the secondary looks at every heartbeat whether it may follow, and calls; what was sent
on a cut way comes late, in order, if the line lasts; and either end gives it up after six heartbeats of silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from stubs.lines import Hello
from stubs.portal.changes import GapError
from stubs.portal.conversation import Ask, Batch, Feeding, Following, Offer, OverError, RefusedError
from stubs.portal.database import NotStoredError
from stubs.portal.gate import Gate, ShutError
from stubs.resilience import Role
from stubs.wire import Site
from testbed.simulator.items import FeedDue, FeederWaited, FollowDue, FollowerWaited, OfData, ToFeeder, ToFollower
from testbed.simulator.lines import Lines
from testbed.simulator.parts import FRESH_MS, HEARTBEAT_MS, DataLine

if TYPE_CHECKING:
    from testbed.simulator.items import OfPrimary, OfSecondary
    from testbed.simulator.parts import Portal, Setting

P, S = Site.PRIMARY, Site.SECONDARY
HELLO = Hello("portal", "", S.value)


class Data(Lines):
    """The data of both portals, and what keeps them in step.

    Attributes:
        data: the line.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.data = DataLine()

    # What whoever inherits does with what happens to the data.

    def sent(self, entries: int) -> None:
        """The primary sends changes."""
        raise NotImplementedError

    def took(self, entries: int) -> None:
        """The secondary took them over."""
        raise NotImplementedError

    def took_back(self, count: int) -> None:
        """The secondary took its own changes back."""
        raise NotImplementedError

    # The way.

    def repeat(self) -> None:
        """A way may be open again: TCP sends once more what was not taken."""
        super().repeat()
        held, self.data.held = self.data.held, []
        for item in held:
            self._send(item)
        if self.data.calling and self.portals[S].works:
            self._connect()

    def _send(self, item: ToFeeder | ToFollower | OfData) -> None:
        origin, target = (S, P) if isinstance(item, ToFeeder) else (P, S)
        if self._open(origin, target):
            self.post(self.delay_ms(origin, target), item)
        else:
            self.data.held.append(item)

    def _open(self, origin: Site, target: Site) -> bool:
        return self.condition.open(origin, target) and not self.condition.path_cut

    # The secondary.

    def at_follower(self, item: OfSecondary) -> None:
        """Something comes to the secondary, whose process works."""
        line = self.data
        match item:
            case FollowDue(boot):
                if boot == self.portals[S].boot:
                    self._look()
            case FollowerWaited(number):
                if number == line.number and (line.open or line.calling):
                    silent_ms = self.now_ms - line.heard_ms
                    if silent_ms < FRESH_MS:
                        self.post(FRESH_MS - silent_ms, item)
                    else:
                        self._stop_following("silent")
            case ToFollower(number, word):
                if number == line.number and line.open:
                    line.heard_ms = self.now_ms
                    self._follow(word)
            case _:
                assert_never(item)

    def _look(self) -> None:
        portal, line = self.portals[S], self.data
        if not self._may_follow():
            self.post(HEARTBEAT_MS, FollowDue(portal.boot))
            return
        line.number += 1
        line.open, line.calling, line.heard_ms = False, True, self.now_ms
        line.held.clear()
        self.post(FRESH_MS, FollowerWaited(line.number))
        self._connect()

    def _connect(self) -> None:
        """Call, if the way is open there and back; a process that is paused has a kernel that answers."""
        line = self.data
        if not (self._open(S, P) and self._open(P, S)):
            return
        line.calling = False
        if self.portals[P].alive:
            line.open, line.heard_ms = True, self.now_ms
            self._send(ToFeeder(line.number, HELLO))
        else:
            self._stop_following("refused")

    def _follow(self, word: Offer | Batch | None) -> None:
        portal, line, talk = self.portals[S], self.data, self._following()
        try:
            match word:
                case None:
                    self._stop_following("the primary hung up")
                    return
                case Offer():
                    self.took_back(talk.accept(word))
                    portal.disk.own_began = False  # as its store knows now
                case Batch():
                    talk.take(word)
                    portal.synced_ms, portal.trouble = self.now_ms, ""
                    if word.entries:
                        self.took(len(word.entries))
                case _:
                    assert_never(word)
            line.source, line.after = talk.source, talk.after
            self._send(ToFeeder(line.number, talk.ask()))
        except OverError:
            self._stop_following(portal.trouble)
        except (RefusedError, GapError, ShutError, NotStoredError) as error:
            self._stop_following(f"{type(error).__name__}: {error}")

    def _stop_following(self, trouble: str) -> None:
        portal, line = self.portals[S], self.data
        portal.trouble = trouble
        if line.open:
            self._send(ToFeeder(line.number, None))
        line.open = line.calling = False
        self.post(HEARTBEAT_MS, FollowDue(portal.boot))

    def _may_follow(self) -> bool:
        return self.portals[S].moment.may_follow(self.now_ms, fresh_ms=FRESH_MS)

    def _following(self) -> Following:
        portal, line = self.portals[S], self.data
        gate = Gate()
        if portal.state.role is Role.STARTING:  # as `stubs.portal.runtime` opens and shuts it
            gate.open()
        return Following(
            store=portal.disk.store, gate=gate, may_follow=self._may_follow, source=line.source, after=line.after
        )

    # The primary.

    def at_feeder(self, item: OfPrimary) -> None:
        """Something comes to the primary, whose process works."""
        line = self.data
        match item:
            case FeedDue(number, wait):
                if line.waits and (number, wait) == (line.fed, line.wait):
                    self._answer(waited=True)
            case FeederWaited(number):
                if number == line.fed:
                    self._wait_for_secondary(item)
            case ToFeeder(number, Hello()) if not self._feeding().may_feed():
                self._send(ToFollower(number, None))
            case ToFeeder(number, Hello()):
                line.fed, line.fed_heard_ms, line.waits, line.began_after = number, self.now_ms, False, None
                line.identity = self.portals[P].disk.store.identity()
                self.post(FRESH_MS, FeederWaited(number))
                self._send(ToFollower(number, Offer(line.identity)))
            case ToFeeder(number, word):
                if number == line.fed:
                    self._feed(word)
            case _:
                assert_never(item)

    def changed(self) -> None:
        """The primary's users changed something: whoever waits for that goes on."""
        if self.data.waits:
            self._answer(waited=True)

    def _feed(self, ask: Ask | Hello | None) -> None:
        portal, line, talk = self.portals[P], self.data, self._feeding()
        line.fed_heard_ms = self.now_ms
        if not isinstance(ask, Ask):
            line.fed, line.waits = 0, False
            return
        try:
            took = talk.hear(ask)
        except RefusedError as refusal:
            portal.trouble = str(refusal)
            self._send(ToFollower(line.fed, Batch(refused=portal.trouble)))
            self._hang_up()
            return
        except OverError:
            self._hang_up()
            return
        line.asked, line.began_after, portal.trouble = talk.after, talk.began_after, ""
        if took:
            portal.synced_ms = self.now_ms
        self._answer(waited=False)

    def _answer(self, *, waited: bool) -> None:
        line = self.data
        try:
            batch = self._feeding().answer()
        except OverError:
            self._hang_up()
            return
        line.waits = not (waited or batch.entries)
        if line.waits:
            line.wait += 1
            self.post(HEARTBEAT_MS, FeedDue(line.fed, line.wait))
            return
        line.fed_heard_ms = self.now_ms
        if batch.entries:
            self.sent(len(batch.entries))
        self._send(ToFollower(line.fed, batch))

    def _wait_for_secondary(self, item: FeederWaited) -> None:
        silent_ms = 0 if self.data.waits else self.now_ms - self.data.fed_heard_ms
        if silent_ms < FRESH_MS:
            self.post(FRESH_MS - silent_ms, item)
        else:
            self._hang_up()

    def _hang_up(self) -> None:
        self._send(ToFollower(self.data.fed, None))
        self.data.fed, self.data.waits = 0, False

    def _feeding(self) -> Feeding:
        portal, line = self.portals[P], self.data
        return Feeding(
            store=portal.disk.store,
            may_feed=lambda: portal.moment.may_feed(self.now_ms),
            identity=line.identity,
            after=line.asked,
            began_after=line.began_after,
        )

    # Either.

    def begin_data(self, portal: Portal) -> None:
        """A portal's process begins."""
        portal.synced_ms, portal.trouble = None, ""
        if portal.site is S:
            self.post(0, FollowDue(portal.boot))

    def drop_data(self, portal: Portal) -> None:
        """A portal's process ended: its kernel closes the line."""
        line = self.data
        if portal.site is P and line.fed:
            self._hang_up()
        elif portal.site is S:
            if line.open:
                self._send(ToFeeder(line.number, None))
            line.number += 1
            line.open = line.calling = False
