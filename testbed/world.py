"""What decides where a pair of servers settles: what is up, connected and configured. May hold values only.

It knows nothing of the stubs, as the oracle that reads it must not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from testbed.errors import MisuseError

PREREQUISITES = frozenset({"CFG-1", "CFG-2", "CFG-3", "CFG-4", "CFG-5", "CFG-6", "CFG-7", "CFG-9", "CFG-10", "CFG-12"})
"""The rules that can be unmet, and so keep resilience from being ready."""


class Failback(StrEnum):
    """How P gets its users back."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One server. A service that is stopped, killed or frozen is down; a lost server has nothing up.

    Attributes:
        core_up: the core runs.
        portal_up: the portal's process runs, whatever its role.
        lost: the whole server is gone, and its address answers nobody.
        version: the software version of its portal.
    """

    core_up: bool = True
    portal_up: bool = True
    lost: bool = False
    version: str = "same"

    @property
    def core_runs(self) -> bool:
        """The core runs, and the server is there (reading "lost server")."""
        return self.core_up and not self.lost

    @property
    def portal_runs(self) -> bool:
        """The portal's process runs, and the server is there (reading "lost server")."""
        return self.portal_up and not self.lost

    @property
    def can_serve(self) -> bool:
        """The portal could take logins (reading "own core")."""
        return self.core_runs and self.portal_runs


@dataclass(frozen=True, kw_only=True)
class World:
    """All that decides where a pair settles. The default is a healthy pair in normal running.

    Attributes:
        primary: P.
        secondary: S.
        primary_to_secondary_cut: S hears nothing of P, neither portal nor core.
        secondary_to_primary_cut: P hears nothing of S, neither portal nor core.
        portal_path_cut: the portals do not hear each other; their cores may.
        unmet: the prerequisites of resilience that are not met. Different versions add CFG-9.
        failback: how P gets its users back.
        secondary_served: S served alone until now (`Settled.secondary_alone` of the world before).

    Raises:
        MisuseError: `unmet` names what is no prerequisite.
    """

    primary: Side = Side()
    secondary: Side = Side()
    primary_to_secondary_cut: bool = False
    secondary_to_primary_cut: bool = False
    portal_path_cut: bool = False
    unmet: frozenset[str] = frozenset()
    failback: Failback = Failback.AUTOMATIC
    secondary_served: bool = False

    def __post_init__(self) -> None:
        if strangers := self.unmet - PREREQUISITES:
            raise MisuseError(f"not a prerequisite of resilience: {', '.join(sorted(strangers))}")

    @property
    def all_unmet(self) -> frozenset[str]:
        """Every reason why resilience is not ready (CFG-13)."""
        skewed = self.primary.version != self.secondary.version
        return self.unmet | {"CFG-9"} if skewed else self.unmet

    @property
    def link_whole(self) -> bool:
        """Both directions of the link carry what the cores say."""
        return not (self.primary_to_secondary_cut or self.secondary_to_primary_cut)
