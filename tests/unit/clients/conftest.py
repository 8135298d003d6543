"""Two fake servers, and clients that know them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from testbed import certificates
from testbed.clients.kinds import CallAssistant, OutlookPlugin, WebClient, world_of
from testbed.clients.trust import TrustStore
from testbed.history import History
from tests.unit.clients.fakes import LOOPBACK, FakeServer, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from testbed.certificates import ServerCertificate
    from testbed.clients.world import World
    from tests.unit.clients.fakes import Reply, Request

PRIMARY, SECONDARY = "primary.demo.test", "secondary.demo.test"
USERS = {"alice": "right", "mallory": "wrong"}


@dataclass(frozen=True)
class Pair:
    """The two servers; each has a certificate of its own making."""

    primary: FakeServer
    secondary: FakeServer

    def fail_over(self) -> None:
        """The primary's portal dies, its core lives and knows that the secondary serves."""
        self.primary.portal.stop()
        self.primary.sessions.clear()
        self.secondary.serves()
        self.primary.core_names = self.secondary.core_names = self.secondary.portal_url

    def fail_back(self) -> None:
        """The primary's portal is back; the secondary sends everybody there."""
        self.primary.portal.start()
        self.secondary.waits(sends_to=self.primary)
        self.primary.core_names = self.secondary.core_names = self.primary.portal_url

    def trust(self) -> TrustStore:
        """The store of a client that trusts both."""
        return TrustStore.with_anchor(self.primary.certificate.anchor, self.secondary.certificate.anchor)


@pytest.fixture
def bed() -> Iterator[Pair]:
    """Both servers up; the primary serves, the secondary sends to it."""
    names = (("primary", PRIMARY), ("secondary", SECONDARY))
    primary, secondary = (FakeServer(name, certificates.own(hostname, LOOPBACK), hostname) for name, hostname in names)
    pair = Pair(primary, secondary)
    secondary.waits(sends_to=primary)
    primary.core_names = secondary.core_names = primary.portal_url
    with ExitStack() as stack:
        for server in (primary, secondary):
            stack.callback(server.close)
            server.start()
        yield pair


@pytest.fixture
def service() -> Iterator[Callable[[ServerCertificate, Callable[[Request], Reply | None]], Service]]:
    """Starts single services, and stops them all."""
    with ExitStack() as stack:

        def start(certificate: ServerCertificate, respond: Callable[[Request], Reply | None]) -> Service:
            made = Service(certificate, respond)
            stack.callback(made.close)
            made.start()
            return made

        yield start


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """A history of the test's own."""
    with History(tmp_path / "history.jsonl") as opened:
        yield opened


@pytest.fixture
def world(bed: Pair, history: History) -> World:
    """The surroundings of the clients, a thousand times faster than life."""
    return world_of((bed.primary, bed.secondary), time_scale=0.001, history=history)


@pytest.fixture
def web_client(world: World) -> WebClient:
    """Browsers' users."""
    return WebClient(world, users=USERS)


@pytest.fixture
def outlook_plugin(world: World) -> OutlookPlugin:
    """Plug-ins' users."""
    return OutlookPlugin(world, users=USERS)


@pytest.fixture
def call_assistant(world: World) -> CallAssistant:
    """Call Assistants' users."""
    return CallAssistant(world, users=USERS)
