"""When a portal's links last carried something, for its Health pages. Memory only; nothing is decided by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stubs.wire import ServerName


class Hearing:
    """What the links last carried. Each entry has one writer, the thread of its link; all may read."""

    def __init__(self) -> None:
        self._cores: dict[ServerName, tuple[int, int]] = {}
        self._peer_ms: int | None = None

    def hear_core(self, server: ServerName, now_ms: int) -> None:
        """A word came over the CTI link to a core."""
        since_ms, _last_ms = self._cores.get(server, (now_ms, now_ms))
        self._cores[server] = (since_ms, now_ms)

    def lose_core(self, server: ServerName) -> None:
        """That link is gone."""
        self._cores.pop(server, None)

    def hear_peer(self, now_ms: int) -> None:
        """The other portal spoke, not through a core."""
        self._peer_ms = now_ms

    def core_alone_ms(self, server: ServerName, portal_ms: int | None) -> int:
        """How long a core has gone on talking since a portal was last heard, if ever; 0 if its link is down."""
        since_ms, last_ms = self._cores.get(server, (0, 0))
        return last_ms - max(since_ms, portal_ms or 0)

    @property
    def peer_ms(self) -> int | None:
        """When the other portal itself was last heard."""
        return self._peer_ms
