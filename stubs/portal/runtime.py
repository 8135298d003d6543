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
from stubs.events import Close, CoreDown, CoreUp, Event, FailoverNow, PeerHeard, Settled, Tick
from stubs.portal import settings as portal_settings
from stubs.portal.gate import Gate
from stubs.portal.knowledge import Knowledge
from stubs.portal.links import Links
from stubs.portal.moment import Moment
from stubs.portal.sessions import Sessions
from stubs.resilience import Role, State, step, willing
from stubs.wire import ServerName, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.installation import Installation
    from stubs.portal.store import Store
    from stubs.wire import CoreWord, PortalFacts, PortalStatus

log = logging.getLogger(__name__)


class Portal:
    """One portal.

    Args:
        installed: who it is.
        store: its data.
    """

    def __init__(self, installed: Installation, store: Store) -> None:
        self.installed = installed
        self.timing = installed.timing
        self.site = installed.site
        self._own_core = self.site.server
        self.store = store
        self.sessions = Sessions()
        self.writes = Gate()
        self.settings = portal_settings.PortalSettings(store, portal_settings.at_installation(installed.baseline))
        self.knowledge = Knowledge(self.site, store)
        self._events: queue.SimpleQueue[Event | Callable[[], None]] = queue.SimpleQueue()
        self._serial = 0
        self.moment = Moment(state=self._fresh_state(), boot=clock.boot_id(), unmet=(), why="just started")
        self._settle()
        self.links = Links(installed, store, self)

    def start(self) -> None:
        """Open all links and begin to decide."""
        self.links.follower.gate.open()
        self.links.start()
        threading.Thread(target=self._react, name="reactor", daemon=True).start()

    # What others may ask, from any thread.

    @property
    def serving(self) -> bool:
        """Whether log-ins are taken; not if the reactor has been frozen so long that the other may serve."""
        state = self.moment.state
        awake = clock.monotonic_ms() - state.now_ms < state.frozen_ms
        return state.role is Role.AVAILABLE and awake

    @property
    def core_host(self) -> str:
        """The host name of the own half's core, if it is another machine (reading "two machines"); else empty."""
        return "" if self._own_core is self.installed.server else self.installed.cores[self._own_core].hostname

    def serving_peer(self) -> str | None:
        """The host name of the other portal, if it is known to serve at this moment (REDIR-8)."""
        peer = self.moment.state.peer
        if peer is None or not peer.status.serving or not self._is_fresh(peer.heard_at_ms):
            return None
        return peer.status.facts.host_domain_name or self.installed.portals[self.site.other].hostname

    def redirects_to(self) -> str | None:
        """Where a caller of this portal is sent: only ever from the secondary to the primary (REDIR-3, REDIR-5)."""
        return self.serving_peer() if self.site is Site.SECONDARY and not self.serving else None

    def may_follow(self) -> bool:
        """Whether this secondary follows the primary's log now (SYNC-1, SYNC-3)."""
        state = self.moment.state
        idle = state.role is Role.STARTING and not state.closing and not self.moment.unmet
        return self.site is Site.SECONDARY and idle and self.serving_peer() is not None

    def may_feed(self) -> bool:
        """Whether this primary lets its log be followed now."""
        return self.site is Site.PRIMARY and self.serving and not self.moment.unmet

    def sync_state(self) -> str:
        """One of: running, interrupted (it should run, nothing comes), suspended (the rules forbid it)."""
        if not (self.may_follow() or self.may_feed()):
            return "suspended"
        at = self.links.synchronised_at_ms()
        return "running" if at is not None and self._is_fresh(at) else "interrupted"

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
        return speaks

    def _take(self, event: Event) -> bool:
        before = self.moment.state
        after, effects = step(before, event)
        why = self.moment.why
        for effect in effects:
            why = effect.why
            log.info("%s: %s", effect.role.value, effect.why)
            if effect.role is Role.STARTING:
                self.writes.shut()
                self.sessions.clear()
                self.moment = replace(self.moment, state=after, why=why)
                self.links.follower.gate.open()
            else:
                self.links.follower.gate.shut()
                self.writes.open()
        self.moment = replace(self.moment, state=after, why=why)
        return bool(effects) or after.closing != before.closing or willing(after) != willing(before)

    def _speak(self) -> None:
        self._serial += 1
        word = self.moment.word(serial=self._serial, head=self.store.head(), facts=self._facts())
        self.links.say(word, self.moment.sign())

    def _settle(self) -> None:
        """Work out what the facts that are known now mean."""
        own = self._facts()
        unmet = readiness.unmet(self.knowledge.known(own))
        ready = not unmet if self.knowledge.complete else None
        leading = self.knowledge.primary(own)
        self.moment = replace(self.moment, unmet=unmet)
        self._events.put(
            Settled(
                at_ms=clock.monotonic_ms(),
                ready=ready,
                failback=leading.failback,
                detection_ms=self.timing.detection_ms(leading.detection_minutes),
            )
        )

    def _factory_reset(self) -> None:
        self.writes.shut()
        self.links.follower.gate.shut()
        self.store.wipe()
        self.sessions.clear()
        self.settings.reset()
        self.knowledge.forget()
        self._serial = 0
        self.moment = Moment(state=self._fresh_state(), boot=clock.boot_id(), unmet=(), why="factory reset")
        self._settle()
        self.links.follower.gate.open()
        self._speak()

    # What arrives, in the threads of the links.

    def hear_peer(self, status: PortalStatus) -> None:
        """The other portal spoke."""
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

    def hear_core(self, server: ServerName, word: CoreWord) -> None:
        """The core of a server spoke."""
        self.store.accounts.hear(server, word.users)
        self._events.put(lambda: self._learn_from_core(server, word, clock.monotonic_ms()))

    def _learn_from_core(self, server: ServerName, word: CoreWord, now: int) -> None:
        self.knowledge.learn_core(word.facts)
        self._settle_if_changed()
        for status in word.portals:
            self._learn_from_peer(status, now)
        if server is self._own_core:
            event = CoreDown(at_ms=now, orderly=True) if word.farewell else CoreUp(at_ms=now)
            if self._take(event):
                self._speak()

    def lose_core(self, server: ServerName) -> None:
        """The link to the core of a server, which was up, is gone."""
        if server is self._own_core:
            self._events.put(CoreDown(at_ms=clock.monotonic_ms(), orderly=False))

    # Small helpers.

    def _settle_if_changed(self) -> None:
        unmet = readiness.unmet(self.knowledge.known(self._facts()))
        if unmet != self.moment.unmet or self.moment.state.ready is None:
            self._settle()

    def _facts(self) -> PortalFacts:
        return self.settings.facts(self.installed.baseline.portal_version)

    def _is_fresh(self, at_ms: int) -> bool:
        return clock.monotonic_ms() - at_ms < self.timing.fresh_ms

    def _fresh_state(self) -> State:
        now = clock.monotonic_ms()
        own = self.settings.facts(self.installed.baseline.portal_version)
        return State(
            site=self.site,
            started_at_ms=now,
            now_ms=now,
            detection_ms=self.timing.detection_ms(own.detection_minutes),
            heartbeat_ms=self.timing.heartbeat_ms,
        )

    def _in_reactor(self, action: Callable[[], None]) -> None:
        done = threading.Event()

        def act() -> None:
            try:
                action()
            finally:
                done.set()

        self._events.put(act)
        done.wait(5.0)
