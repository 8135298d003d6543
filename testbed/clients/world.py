"""What every client of a bed is given: servers, names, time scale, history. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from testbed.clients import policy
from testbed.clients.places import host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from testbed.clients.steps import Event, State
    from testbed.history import History

_POLL_S, _POLL_FLOOR_S = 20.0, 0.02
_TIMEOUT_S, _TIMEOUT_FLOOR_S = 60.0, 0.3
_ANSWER_FLOOR_S = 2.0  # a disk keeps what is acknowledged no faster because time is scaled
_PATIENCE_S, _PATIENCE_FLOOR_S = 900.0, 10.0  # a restart of the real portal takes up to 15 minutes


class ServerLike(Protocol):
    """What a client needs to know of a server; `testbed.servers.Server` is one."""

    @property
    def name(self) -> str:
        """The role in the topology."""

    @property
    def hostname(self) -> str:
        """The name in its certificate and in redirects."""

    @property
    def address(self) -> str:
        """Its IPv4 address."""

    @property
    def portal_url(self) -> str:
        """The user page of its portal."""

    @property
    def api_url(self) -> str:
        """The root of its portal's API."""

    @property
    def core_url(self) -> str:
        """The services of its core."""


@dataclass(frozen=True, kw_only=True)
class World:
    """The surroundings of a client.

    Attributes:
        servers: those that the client could know.
        resolver: host name to IPv4 address.
        time_scale: multiplies the product's real times.
        history: where every step is recorded.
        policy: what a client does in the place of `testbed.clients.policy.step`, if it is wrong on purpose.
    """

    servers: Sequence[ServerLike]
    resolver: Mapping[str, str]
    time_scale: float
    history: History
    policy: Callable[[State, Event], State] | None = None

    def step(self, state: State, event: Event) -> State:
        """What a client does next, as `testbed.clients.policy` says or wrongly."""
        return (self.policy or policy.step)(state, event)

    @property
    def poll_s(self) -> float:
        """Seconds between two polls: 20 in real time, never under 0.02."""
        return max(_POLL_S * self.time_scale, _POLL_FLOOR_S)

    @property
    def timeout_s(self) -> float:
        """Seconds that a client waits for a network step: 60 in real time, never under 0.3."""
        return max(_TIMEOUT_S * self.time_scale, _TIMEOUT_FLOOR_S)

    @property
    def answer_s(self) -> float:
        """Seconds that a client waits for the answer to what it has sent: 60 in real time, never under 2."""
        return max(_TIMEOUT_S * self.time_scale, _ANSWER_FLOOR_S)

    @property
    def patience_s(self) -> float:
        """Seconds within which something expected must come: 900 in real time, never under 10."""
        return max(_PATIENCE_S * self.time_scale, _PATIENCE_FLOOR_S)

    def name_of(self, page: str | None) -> str | None:
        """The name of the server of a page; its host name, where it is none of ours."""
        if page is None:
            return None
        host = host_of(page)
        return next((server.name for server in self.servers if server.hostname == host), host)

    def core_of(self, page: str) -> str | None:
        """The core of the server of a page, where we know it."""
        host = host_of(page)
        return next((server.core_url for server in self.servers if server.hostname == host), None)
