"""Writes into a history what it takes to judge it: what a bed is, who serves when, how data keep in step. Looks only.

What is left on the servers at the end is `testbed.recording.inventory`'s.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from stubs.timing import Timing
from stubs.wire import Site
from testbed import layout, topology
from testbed.checkers.facts import Facts, within_ms
from testbed.history import SystemClock
from testbed.recording import inventory
from testbed.undo import Undo
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testbed.bed import Bed
    from testbed.history import Clock, History
    from testbed.inspector import Inspector
    from testbed.topology import Topology

EVERY_S = 0.02
"""Pause between two looks at a portal, in seconds; it tells its last ten changes of role each time."""

SILENT_MS = 1000.0
"""A portal that has not answered for so long at the end of the watch has fallen silent, in milliseconds."""

RETRY_MS = 200.0
"""After so long a list of what failback took back that could not be read is asked for again, in milliseconds."""

_LONGEST_S = 24 * 3600.0


def tell_bed(bed: Bed, history: History) -> None:
    """Record what a bed is; to be called when it is fresh or was reset, and before anything happens to it."""
    history.record("bed", **msgspec.to_builtins(facts_of(bed)))


def tell_configured(bed: Bed, history: History, *, state: str, **settings: Any) -> None:
    """Record that the configuration is about to change (state "begins"), or what is in effect now ("ends").

    Args:
        bed: which.
        history: where.
        state: "begins" or "ends".
        settings: in effect now, those that changed: `unmet` (ids of rules), `failback`, `detection_ms`; `hosts` for a
            new Host Domain Name, with the server that it leads to.
    """
    history.record("configured", bed=bed.name, state=state, **settings)


def facts_of(bed: Bed) -> Facts:
    """What a checker has to know of a bed after its installation."""
    chosen = bed.topology
    timing = Timing(scale=chosen.time_scale)
    detection_ms = timing.detection_ms(chosen.primary.detection_minutes)
    return Facts(
        bed=bed.name,
        heartbeat_ms=timing.heartbeat_ms,
        fresh_ms=timing.fresh_ms,
        detection_ms=detection_ms,
        within_ms=within_ms(timing, detection_ms),
        failback=chosen.primary.failback,
        unmet=topology.unmet(chosen),
        hosts={**_domain_names(chosen), **{server.hostname: server.name for server in bed.servers}},
        homes={user.name: user.home for user in chosen.users},
        portal_servers={site.value: layout.portal_server(chosen, site).value for site in Site},
    )


def _domain_names(chosen: Topology) -> dict[str, str]:
    """The Host Domain Names that differ from host names (CFG-12): redirects name them."""
    names = {site: getattr(chosen, site.value).host_domain_name for site in Site}
    return {name: layout.portal_server(chosen, site).value for site, name in names.items() if name}


@contextlib.contextmanager
def observed(bed: Bed, history: History) -> Iterator[None]:
    """Watch both portals while the block runs, and take stock of what they hold when it ends.

    Before it is left, heal what is to be healed and wait until what is to be judged has come about: what the servers
    hold is read at once. The bed's facts (`tell_bed`) come first in the history.

    Raises:
        ExceptionGroup: a portal could not be watched.
    """
    over, failures = threading.Event(), list[Exception]()

    def watch(site: Site) -> None:
        try:
            inspector = inventory.inspector_of(bed, site)
            Eye(inspector, bed=bed.name, site=site, history=history).watch(over)
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that asked for it
            failures.append(error)

    threads = [threading.Thread(target=watch, args=(site,), name=f"observer-{site.value}") for site in Site]
    history.record("observed", bed=bed.name, state="begins")
    for thread in threads:
        thread.start()

    def end() -> None:
        over.set()
        for thread in threads:
            thread.join()
        history.record("observed", bed=bed.name, state="ends")
        inventory.take(bed, history)

    with Undo() as undo:
        undo.callback(end)
        yield
    if failures:
        raise ExceptionGroup("not every portal could be watched", failures)


@dataclass
class _Unlisted:
    """A failback of which nobody has read yet what it took back.

    Attributes:
        until_ms: when it was noticed: what it took back had been made before.
        next_ms: when to try again.
        why: it could not be read, in words.
        served: the portal has served again since: the next failback replaces the list.
    """

    until_ms: float
    next_ms: float
    why: str = ""
    served: bool = False


class Eye:
    """Looks at one portal, and records what is new.

    Args:
        inspector: sees the portal, for this eye only.
        bed: name of the bed.
        site: the half of the pair whose portal it is.
        history: where.
        clock: of this machine, which the portals share; given by tests.
    """

    def __init__(
        self, inspector: Inspector, *, bed: str, site: Site, history: History, clock: Clock | None = None
    ) -> None:
        self._inspector = inspector
        self._bed, self._site, self._history = bed, site.value, history
        self._clock = clock or SystemClock()
        self._looked_ms = 0.0
        self._boot: int | None = None
        self._roles: set[tuple[int, str]] = set()
        self._sync: dict[str, Any] = {}
        self._unlisted: _Unlisted | None = None
        self._listed = True

    def watch(self, over: threading.Event) -> None:
        """Look until it is over, and once more after that."""

        def look() -> bool:
            last = over.is_set()
            self.look()
            return last

        try:
            wait_until(look, bool, within_s=_LONGEST_S, what="the end of the watch", every_s=EVERY_S)
        finally:
            self.end()

    def end(self) -> None:
        """What a portal that has fallen silent has done since, nobody will tell any more."""
        now_ms = self._clock.monotonic_ms()
        if self._boot is not None and now_ms - self._looked_ms > SILENT_MS:
            self._tell_silence(now_ms, "does not answer any more")

    def look(self) -> None:
        """Look once; a portal that does not answer tells nothing."""
        began_ms = self._clock.monotonic_ms()
        status = self._inspector.resilience()
        if status is None:
            return
        if self._boot not in (None, status["boot"]):
            self._tell_silence(began_ms, "has begun anew")
        self._boot = status["boot"]
        serves_again = self._tell_roles(status["role_changes"])
        gave_back = self._tell_sync(status["sync"])
        self._looked_ms = began_ms
        if status["sync"]["discarded"] and (gave_back or (serves_again and (self._unlisted or not self._listed))):
            self._list_due(serves=serves_again)
        self._read_list()

    def _tell_silence(self, until_ms: float, what: str) -> None:
        """A checker knows of the faults that explain it."""
        told = {"server": self._site, "from_ms": self._looked_ms, "until_ms": until_ms}
        self._history.record("silent", bed=self._bed, why=f"the {self._site}'s portal {what}", **told)

    def _tell_roles(self, changes: list[Mapping[str, Any]]) -> bool:
        """Record what is new; whether the portal has begun to serve."""
        news = [one for one in changes if (one["at_ms"], one["role"]) not in self._roles]
        if self._roles and changes and len(news) == len(changes):
            why = f"the {self._site} changed its role more often than it remembers"
            until_ms = max(self._looked_ms, min(one["at_ms"] for one in news))
            told = {"server": self._site, "what": "roles", "from_ms": self._looked_ms, "until_ms": until_ms}
            self._history.record("missed", bed=self._bed, why=why, **told)
        for one in news:
            self._roles.add((one["at_ms"], one["role"]))
            told = {"role": one["role"], "since_ms": one["at_ms"], "why": one["why"]}
            self._history.record("role", bed=self._bed, server=self._site, **told)
        self._listed = self._listed and not any(one["role"] != "Available" for one in news)
        return any(one["role"] == "Available" for one in news)

    def _tell_sync(self, sync: Mapping[str, Any]) -> bool:
        """Record what is new; whether a failback has taken something back, as far as that can be seen."""
        told = {key: sync[key] for key in ("state", "head", "digest", "discarded")}
        before, self._sync = self._sync, told
        if told == before:
            return False
        self._history.record("sync", bed=self._bed, server=self._site, **told)
        another = told["discarded"] != before.get("discarded", told["discarded"])
        return bool(another or told["state"] == "running" != before.get("state"))

    def _list_due(self, *, serves: bool) -> None:
        """The list is of the last failback only: it is read as soon as that is over, or as soon as it can be.

        A link may be lost again before a failback is over, so that nobody sees its end; then it is read while the
        portal serves again, as nothing is taken back meanwhile.
        """
        now_ms, late = self._clock.monotonic_ms(), self._unlisted
        if late is not None and late.served:
            told = {"why": f"what failback took back was not read in time: {late.why}", "until_ms": late.until_ms}
            self._history.record("unread", bed=self._bed, server=self._site, **told)
            late = None
        self._unlisted = late or _Unlisted(now_ms, now_ms)
        self._unlisted.served = serves

    def _read_list(self) -> None:
        """Until it is read; at the end of the watch whoever takes stock reads it, or records that it could not."""
        due = self._unlisted
        if due is None or self._clock.monotonic_ms() < due.next_ms:
            return
        due.why = inventory.take_discarded(self._inspector, self._bed, self._history)
        due.next_ms = self._clock.monotonic_ms() + RETRY_MS
        if not due.why:
            self._unlisted, self._listed = None, True
