"""What is looked at of a simulated pair, and what is found wrong with it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from stubs.wire import Site
    from testbed.schedules.condition import Condition
    from testbed.simulator.ledger import Ledger
    from testbed.simulator.parts import Core, Portal


class Seen(Protocol):
    """A pair, as far as it is looked at."""

    now_ms: int
    condition: Condition
    portals: dict[Site, Portal]
    cores: dict[Site, Core]
    ledger: Ledger

    def serving(self, site: Site, /) -> bool:
        """Whether a portal takes log-ins now."""


class Finding(NamedTuple):
    """A rule that was broken."""

    rules: tuple[str, ...]
    at_ms: int
    says: str

    def __str__(self) -> str:
        return f"{' '.join(self.rules)} at {self.at_ms} ms: {self.says}"
