"""Watches both servers while faults come and go: who serves, and where every redirect leads. Looks; asserts nothing.

Each thread asks with connections of its own, so that one that has to wait for a dead server holds up no other.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stubs import ports
from stubs.wire import Site
from testbed.faults import Fault, Kill, Lose, Stop, Target
from testbed.inspector import Inspector
from testbed.recording.stretches import RoleRecord, Stretch, common, without
from testbed.waiting import wait_until
from tests.scenarios.observing import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from testbed.bed import Bed

PAGE, SESSION, STATUS, REDIRECT = "/onexportal.html", "/api/v1/session", "/api/v1/resilience", "/api/v1/redirect"
MOST_HOPS = 6
"""Where a chain of redirects that does not end is given up."""

_WHOLE_WATCH_S = 600.0
_TICK_MS = 1
"""The portals' record counts in whole milliseconds."""


def kills_portal(fault: Fault) -> tuple[Site, ...]:
    """Whose portal a fault ends for good, so that it tells nothing more of its role."""
    match fault:
        case Kill(Target(server, "portal")) | Stop(Target(server, "portal")) | Lose(server):
            return (Site(server.value),)
        case _:
            return ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer of one server.

    Attributes:
        server: who answered.
        path: what was asked for.
        during: from the question to the answer.
        serves: it took a log-in, or would have; never so for a core.
        target: the server that it named instead; empty for none.
    """

    server: str
    path: str
    during: Stretch
    serves: bool
    target: str

    def __str__(self) -> str:
        says = f"names {self.target}" if self.target else "serves" if self.serves else "names nobody"
        return f"{self.server}{self.path} {says} ({self.during})"


Chain = tuple[Answer, ...]
"""What somebody met who followed every redirect."""


@dataclass
class Seen:
    """What was seen.

    Attributes:
        chains: every way that was followed.
        records: the changes of role that the portals told.
        dead_by_ms: moments by which a server's portal had been ended.
        apart: when the link was not whole.
    """

    chains: list[Chain] = field(default_factory=list)
    records: dict[Site, RoleRecord] = field(default_factory=lambda: {site: RoleRecord() for site in Site})
    dead_by_ms: dict[Site, list[float]] = field(default_factory=lambda: {site: [] for site in Site})
    apart: list[Stretch] = field(default_factory=list)

    def note_deaths(self, faults: Iterable[Fault]) -> None:
        """These faults are in force now."""
        for fault in faults:
            for site in kills_portal(fault):
                self.dead_by_ms[site].append(now_ms())

    def serving(self, site: Site) -> list[Stretch]:
        """When a portal took log-ins, as it told itself."""
        return self.records[site].serving(dead_by_ms=self.dead_by_ms[site])

    def overlaps(self) -> list[Stretch]:
        """When both served although the link was whole (ROLE-11)."""
        return without(common(self.serving(Site.PRIMARY), self.serving(Site.SECONDARY)), self.apart)

    def untold(self) -> list[str]:
        """The answers of portals that served when by their own record they did not: then that proves nothing."""
        return [
            str(answer)
            for chain in self.chains
            for answer in chain
            if answer.serves and not self._served(answer.server, answer.during, late_ms=_TICK_MS)
        ]

    def misled(self, *, late_ms: float) -> list[str]:
        """The redirects that lead to a portal that does not serve, or to no end (REDIR-8).

        Args:
            late_ms: for how long after a portal ceased to serve it may still be named.
        """
        wrong = []
        for chain in self.chains:
            lost = [answer for answer in chain if answer.target and not self._leads(answer, late_ms)]
            if lost or len(chain) > 3:
                wrong.append("; ".join(map(str, chain)))
        return wrong

    def _leads(self, answer: Answer, late_ms: float) -> bool:
        return answer.target in set(Site) and self._served(answer.target, answer.during, late_ms=late_ms)

    def _served(self, server: str, during: Stretch, *, late_ms: float) -> bool:
        window = Stretch(begin_ms=during.begin_ms - late_ms, end_ms=during.end_ms)
        return any(window.meets(stretch) for stretch in self.serving(Site(server)))


class Asker:
    """Asks the servers of a bed, with connections of its own."""

    def __init__(self, bed: Bed) -> None:
        administrator = (bed.topology.administrator.name, bed.topology.administrator.password)
        self._inspectors = {server.name: Inspector(server, administrator=administrator) for server in bed.servers}
        self._hosts = {server.hostname: server.name for server in bed.servers}

    def follow(self, server: str, path: str) -> Chain:
        """Ask, and go on wherever the answer leads, until somebody serves or nobody leads further."""
        chain: list[Answer] = []
        while server in self._inspectors and len(chain) < MOST_HOPS:
            answer = self._ask(server, path)
            if answer is None:
                break
            chain.append(answer)
            server, path = answer.target, SESSION if path == SESSION else PAGE
        return tuple(chain)

    def learn(self, site: Site, record: RoleRecord) -> None:
        """Take in what a portal tells of its role."""
        status = self._inspectors[site.value].resilience()
        record.learn(status["role_changes"] if status else ())

    def _ask(self, server: str, path: str) -> Answer | None:
        begin_ms = now_ms()
        answer = self._inspectors[server].answer(ports.CORE_SERVICES if path == REDIRECT else ports.PORTAL_HTTPS, path)
        during = Stretch(begin_ms=begin_ms, end_ms=now_ms())
        if answer is None:
            return None
        url = answer.json()["portal"] if path == REDIRECT else answer.headers.get("Location")
        serves = {
            PAGE: answer.status_code == 200,
            SESSION: answer.status_code == 401,
            STATUS: path == STATUS and answer.json()["role"] == "Available",
            REDIRECT: False,
        }
        target = self._hosts.get(urlsplit(url).hostname or "", url) if url else ""
        return Answer(server=server, path=path, during=during, serves=serves[path], target=target)


@contextlib.contextmanager
def watched(bed: Bed) -> Iterator[Seen]:
    """Ask both servers everything without a pause while the block runs; all is there when it has been left."""
    seen, over = Seen(), threading.Event()
    failures: list[Exception] = []

    def watch(site: Site) -> None:
        asker = Asker(bed)

        def look() -> bool:
            seen.chains.extend(asker.follow(site.value, path) for path in (PAGE, SESSION, STATUS, REDIRECT))
            return over.is_set()

        try:
            wait_until(look, bool, within_s=_WHOLE_WATCH_S, what="the end of the watch", every_s=0.001)
        except Exception as error:  # noqa: BLE001 - raised below, in the thread of the test
            failures.append(error)

    threads = [threading.Thread(target=watch, args=(site,), name=f"watch-{site.value}") for site in Site]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()
    asker = Asker(bed)
    for site, record in seen.records.items():
        asker.learn(site, record)
    if failures:
        raise ExceptionGroup("not all was watched", failures)
