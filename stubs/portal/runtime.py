"""The portal at work: takes events in, drives the state machine, carries its effects out, tells the others.

One thread (the reactor) owns the state; everybody else reads the latest frozen copy. The order at a change of role is
what keeps the rules: first stop (gates, sessions), then say so; first be told, then begin.
"""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from stubs import clock, readiness
from stubs.events import Close, CoreDown, CoreUp, Event, FailoverNow, PeerHeard, Tick
from stubs.portal import settings as portal_settings
from stubs.portal.answers import Answers
from stubs.portal.cores import Cores
from stubs.portal.events_record import EventsRecord, Standing, What
from stubs.portal.gate import Gate
from stubs.portal.hearing import Hearing
from stubs.portal.knowledge import Knowledge
from stubs.portal.links import Links
from stubs.portal.moment import Moment, is_news
from stubs.portal.scheduler import Scheduler
from stubs.portal.sessions import Sessions
from stubs.resilience import Role, State, hears_peer, step

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.installation import Installation
    from stubs.portal.store import Store
    from stubs.wire import CoreWord, PortalFacts, PortalStatus, ServerName

log = logging.getLogger(__name__)


class Portal(Answers):
    """One portal. What others may ask of it is in `stubs.portal.answers`.

    Args:
        installed: who it is.
        store: its data.
        dormant: whether it is stopped by itself (CFG-11); `None`: what it learnt before its last end says so.
        begin_again: asks this process to restart.
        record: where its key recent events are noted.
    """

    def __init__(
        self,
        installed: Installation,
        store: Store,
        *,
        dormant: bool | None = None,
        begin_again: Callable[[], object] = lambda: None,
        record: EventsRecord | None = None,
    ) -> None:
        self.installed = installed
        self.timing = installed.timing
        self.site = installed.site
        self.store = store
        self.sessions = Sessions()
        self.administrators = Sessions()
        self.hearing = Hearing()
        self.writes = Gate()
        self.cores = Cores()
        self.meetings = Scheduler(store, self, now=clock.utc)
        self.settings = portal_settings.PortalSettings(store, portal_settings.at_installation(installed.baseline))
        self.knowledge = Knowledge(self.site, store)
        self.record = EventsRecord() if record is None else record
        self._events: queue.SimpleQueue[Event | Callable[[], None]] = queue.SimpleQueue()
        self._serial = 0
        self._begin_again, self._asked_to_begin_again = begin_again, False
        off = self.knowledge.switched_off is True
        self.moment = self._begun("just started", dormant=off if dormant is None else dormant)
        self.record.add(What.STARTED, self.moment.why)
        self._settle()
        self.links = Links(installed, store, self)

    def start(self) -> None:
        """Open all links and begin to decide."""
        self.links.follower.gate.open()
        self.links.start()
        self.meetings.start()
        threading.Thread(target=self._react, name="reactor", daemon=True).start()

    # What others may order, from any thread.

    def fail_over_now(self) -> None:
        """Hand over to the secondary (CFG-6)."""
        self._events.put(FailoverNow(at_ms=clock.monotonic_ms()))

    def leave(self, restart: bool) -> None:  # noqa: FBT001 - the form that `service.live` calls
        """Stop serving and say good-bye; returns when it is said."""
        self._events.put(Close(at_ms=clock.monotonic_ms(), restart=restart))
        self._in_reactor(lambda: None)

    def reset(self) -> None:
        """Forget all data, sessions and settings since installation; returns when done."""
        self._in_reactor(self._factory_reset)

    # The reactor.

    def _react(self) -> None:
        heartbeat = self.timing.heartbeat_ms
        due = clock.monotonic_ms()
        while True:
            wait_ms = due - clock.monotonic_ms()
            try:
                event = self._events.get(timeout=max(0, wait_ms) / 1000)
            except queue.Empty:
                event = Tick(at_ms=clock.monotonic_ms())
            if self._handle(event):
                due = clock.monotonic_ms() + heartbeat

    def catch_up(self) -> None:
        """Take in what has arrived so far; for whoever drives a portal that was not started."""
        while not self._events.empty():
            self._handle(self._events.get())

    def _handle(self, event: Event | Callable[[], None]) -> bool:
        """Take one thing in; whether all were told how this portal stands."""
        if callable(event):
            event()
            return False
        speaks = self._take(event) or isinstance(event, Tick)
        if speaks:
            self._speak()
        self._note()
        return speaks

    def _take(self, event: Event) -> bool:
        before = self.moment.state
        after, effects = step(before, event)
        why = self.moment.why
        for effect in effects:
            why = effect.why
            log.info("%s: %s", effect.role.value, effect.why)
            if effect.role is Role.STARTING:
                self.meetings.cease()
                self.writes.shut()
                self.sessions.clear()
                self.moment = replace(self.moment, state=after, why=why)
                # One that was frozen has said since then that it does not serve.
                self.record.add(What.STARTING, why, at_ms=min(clock.monotonic_ms(), before.now_ms + before.frozen_ms))
                self.links.follower.gate.open()
            else:
                self.record.add(What.AVAILABLE, why)
                self.links.follower.gate.shut()
                self.store.own_begins()
                self.writes.open()
        self.moment = replace(self.moment, state=after, why=why)
        if effects and after.role is Role.AVAILABLE:
            self.meetings.begin()
        if after.closing and not before.closing:
            self.record.add(What.CLOSING, after.farewell.value)
        return is_news(before, after, effects)

    def _speak(self) -> None:
        self._serial += 1
        word = self.moment.word(serial=self._serial, head=self.store.head(), facts=self._facts())
        self.links.say(word, self.moment.sign())

    def _note(self) -> None:
        state = self.moment.state
        sync, trouble = self.sync_state(), self.sync_trouble()
        self.record.note(Standing(core=state.core_up, peer=hears_peer(state), sync=sync, trouble=trouble))

    def _settle(self) -> None:
        """Work out what the facts that are known now mean."""
        own = self._facts()
        unmet, settled = self.knowledge.meaning(own, at_ms=clock.monotonic_ms(), timing=self.timing)
        self.moment = replace(self.moment, unmet=unmet)
        self._events.put(settled)

    def _factory_reset(self) -> None:
        self.meetings.cease()
        self.writes.shut()
        self.links.follower.gate.shut()
        self.store.wipe()
        self.sessions.clear()
        self.administrators.clear()
        self.settings.reset()
        self.knowledge.forget()
        self._serial = 0
        self.moment = self._begun("factory reset", dormant=self.moment.dormant)
        self.record.reset()
        self._settle()
        self.links.follower.gate.open()
        self._speak()

    # What arrives, in the threads of the links.

    def hear_peer(self, status: PortalStatus) -> None:
        """The other portal spoke."""
        self.hearing.hear_peer(clock.monotonic_ms())
        self._events.put(lambda: self._learn_from_peer(status, clock.monotonic_ms()))

    def _learn_from_peer(self, status: PortalStatus, now: int) -> None:
        known = self.moment.state.peer
        if status.site is not self.site.other or not status.newer_than(known.status if known else None):
            return
        if known is None or known.status.facts != status.facts:
            self.knowledge.learn_peer(status.facts)
            self._settle()
        if self._take(PeerHeard(at_ms=now, status=status)):
            self._speak()
        self._obey_the_switch()

    def _obey_the_switch(self) -> None:
        """Stop when failover ceases to be in effect on the primary, start when it comes into effect (CFG-11)."""
        off = self.knowledge.switched_off
        if off not in (None, self.moment.dormant) and not self._asked_to_begin_again:
            log.info("failover on the primary is %s: begins again", "off" if off else "on")
            self._asked_to_begin_again = True
            self._begin_again()

    def hear_core(self, server: ServerName, word: CoreWord) -> None:
        """The core of a server spoke."""
        self.hearing.hear_core(server, clock.monotonic_ms())
        self.cores.hear(server.value, word)
        self.store.accounts.hear(server, word.users)
        self._events.put(lambda: self._learn_from_core(server, word, clock.monotonic_ms()))

    def _learn_from_core(self, server: ServerName, word: CoreWord, now: int) -> None:
        self.knowledge.learn_core(word.facts)
        self._settle_if_changed()
        for status in word.portals:
            self._learn_from_peer(status, now)
        if server is self.site.server:
            event = CoreDown(at_ms=now, orderly=True) if word.farewell else CoreUp(at_ms=now)
            if self._take(event):
                self._speak()

    def lose_core(self, server: ServerName) -> None:
        """The link to the core of a server, which was up, is gone."""
        self.hearing.lose_core(server)
        self.cores.lose(server.value)
        if server is self.site.server:
            self._events.put(CoreDown(at_ms=clock.monotonic_ms(), orderly=False))

    # Small helpers.

    def _settle_if_changed(self) -> None:
        unmet = readiness.unmet(self.knowledge.known(self._facts()))
        if unmet != self.moment.unmet or self.moment.state.ready is None:
            self._settle()

    def _facts(self) -> PortalFacts:
        return self.settings.facts(self.installed.baseline.portal_version, select=self.knowledge.select)

    def _begun(self, why: str, *, dormant: bool) -> Moment:
        now = clock.monotonic_ms()
        state = State(
            site=self.site,
            boot=clock.boot_id(),
            started_at_ms=now,
            now_ms=now,
            detection_ms=self.timing.detection_ms(self.settings.effective.detection_minutes),
            heartbeat_ms=self.timing.heartbeat_ms,
        )
        return Moment(state=state, unmet=(), why=why, dormant=dormant)

    def _in_reactor(self, action: Callable[[], None]) -> None:
        done = threading.Event()

        def act() -> None:
            try:
                action()
            finally:
                done.set()

        self._events.put(act)
        done.wait(5.0)
