"""What the containers of a topology are called in the engine. Names only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stubs.wire import ServerName

PREFIX = "prt"
"""Begins every name in the engine."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the containers of one topology are called in the engine, where two of one name cannot be."""

    name: str

    def container(self, server: ServerName, service: str) -> str:
        """A container of a server."""
        return f"{PREFIX}-{self.name}-{server.value}-{service}"
