"""Who should serve, and where each user should end: predicted from what is up, connected and configured.

Pure, and written apart from the stubs on purpose: nothing of `stubs` may be imported here, else a wrong
state machine would predict its own wrong answer. There is no clock in it either: a prediction holds once
the world has been as it is for longer than the detection time. Where the rules leave a gap,
`testbed.readings` says how it is closed, and the code names the reading it follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from testbed.world import Failback

if TYPE_CHECKING:
    from testbed.world import Side, World


class Role(StrEnum):
    """What a portal does, in the platform view's words."""

    AVAILABLE = "Available"
    STARTING = "Starting"
    STOPPED = "Stopped"


class Resilience(StrEnum):
    """The state of the pair."""

    NORMAL = "normal"
    FAILOVER = "failover"
    STAND_ALONE = "stand-alone"
    NOT_READY = "not ready"


class Colour(StrEnum):
    """The colour of an icon in the platform view."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Where(StrEnum):
    """Where a web user ends without typing another address."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    NOWHERE = "nowhere"
    UNSAID = "unsaid"
    """No rule says, and no checker may judge it (reading "unsaid")."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a platform view."""

    state: Role
    colour: Colour


@dataclass(frozen=True, kw_only=True)
class PlatformView:
    """What the platform view of one server shows."""

    core: Row
    portal: Row


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Where a web user ends, and whether a redirect brought them there."""

    where: Where
    redirected: bool = False


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What holds once the detection time is over.

    Attributes:
        primary: role of P's portal.
        secondary: role of S's portal.
        resilience: state of the pair.
        sync_runs: changes on P reach S.
        was_on_primary: a web user who was logged in on P before.
        was_on_secondary: a web user who was logged in on S before.
        asks_primary: a new web user who opens P's address.
        asks_secondary: a new web user who opens S's address.
        primary_view: P's platform view; None where the server is lost.
        secondary_view: S's platform view; None where the server is lost.
    """

    primary: Role
    secondary: Role
    resilience: Resilience
    sync_runs: bool
    was_on_primary: Ending
    was_on_secondary: Ending
    asks_primary: Ending
    asks_secondary: Ending
    primary_view: PlatformView | None
    secondary_view: PlatformView | None

    @property
    def secondary_alone(self) -> bool:
        """S serves and P does not: the history that the next world has to be told."""
        return self.secondary is Role.AVAILABLE and self.primary is not Role.AVAILABLE


def settle(world: World) -> Settled:
    """Predict where a pair settles."""
    primary, secondary = _primary_role(world), _secondary_role(world)
    both = _Roles(primary, secondary)
    return Settled(
        primary=primary,
        secondary=secondary,
        resilience=_resilience(world, both),
        sync_runs=_sync_runs(world, both),
        was_on_primary=_was_on_primary(world, both),
        was_on_secondary=_was_on_secondary(world, both),
        asks_primary=Ending(where=Where.PRIMARY if both.primary_serves else Where.NOWHERE),  # REDIR-3
        asks_secondary=_asks_secondary(world, both),
        primary_view=_view(world.primary, primary),
        secondary_view=_view(world.secondary, secondary),
    )


class _Roles(NamedTuple):
    primary: Role
    secondary: Role

    @property
    def primary_serves(self) -> bool:
        return self.primary is Role.AVAILABLE

    @property
    def secondary_serves(self) -> bool:
        return self.secondary is Role.AVAILABLE


def _primary_role(world: World) -> Role:
    if not world.primary.portal_runs:
        return Role.STOPPED
    if world.all_unmet:
        return Role.AVAILABLE  # reading "not ready"
    if not world.primary.core_runs or _primary_waits(world):
        return Role.STARTING  # ROLE-3, ROLE-8
    return Role.AVAILABLE


def _primary_waits(world: World) -> bool:
    """ROLE-8, reading "manual failback"."""
    manual = world.failback is Failback.MANUAL and world.secondary_served
    return manual and world.link_whole and world.secondary.can_serve


def _secondary_role(world: World) -> Role:
    if not world.secondary.portal_runs or "CFG-6" in world.all_unmet:
        return Role.STOPPED  # CFG-11, reading "stopped by itself"
    if world.all_unmet or not world.secondary.can_serve:
        return Role.STARTING  # readings "not ready", "own core"
    hears_primary_serve = _primary_role(world) is Role.AVAILABLE and not world.primary_to_secondary_cut
    return Role.STARTING if hears_primary_serve else Role.AVAILABLE  # readings "deaf secondary", "cores relay"


def _resilience(world: World, roles: _Roles) -> Resilience:
    if world.all_unmet:
        return Resilience.NOT_READY
    if not roles.secondary_serves:
        return Resilience.NORMAL  # reading "otherwise normal"
    return Resilience.STAND_ALONE if roles.primary_serves else Resilience.FAILOVER


def _sync_runs(world: World, roles: _Roles) -> bool:
    """SYNC-1, SYNC-3, reading "sync runs"."""
    usual = roles == (Role.AVAILABLE, Role.STARTING) and not world.all_unmet
    return usual and world.link_whole and not world.portal_path_cut


def _was_on_primary(world: World, roles: _Roles) -> Ending:
    if roles.primary_serves:
        return Ending(where=Where.PRIMARY)
    told = world.primary.core_runs and not world.secondary_to_primary_cut  # REDIR-2, reading "no guess"
    if roles.secondary_serves and told:
        return Ending(where=Where.SECONDARY, redirected=True)  # REDIR-1
    return Ending(where=Where.NOWHERE)


def _was_on_secondary(world: World, roles: _Roles) -> Ending:
    if roles.primary_serves and roles.secondary is Role.STOPPED:
        tellable = world.secondary.core_runs and not world.primary_to_secondary_cut
        return Ending(where=Where.UNSAID if tellable else Where.NOWHERE)
    return _asks_secondary(world, roles)  # REDIR-4 sends the old where REDIR-5 sends the new


def _asks_secondary(world: World, roles: _Roles) -> Ending:
    if roles.secondary_serves:
        return Ending(where=Where.SECONDARY)  # REDIR-3, REDIR-7
    if roles.secondary is Role.STOPPED or not (roles.primary_serves and _secondary_is_told(world)):
        return Ending(where=Where.NOWHERE)  # REDIR-8
    if world.all_unmet:
        return Ending(where=Where.UNSAID)
    return Ending(where=Where.PRIMARY, redirected=True)  # REDIR-5


def _secondary_is_told(world: World) -> bool:
    """S's portal hears of P's: from itself, or through the cores (readings "cores relay", "no guess")."""
    cores = (world.primary.core_runs, world.secondary.core_runs)
    relayed = all(cores) if world.secondary_to_primary_cut else any(cores)
    return not world.primary_to_secondary_cut and (relayed or not world.portal_path_cut)


_COLOURS = {Role.AVAILABLE: Colour.GREEN, Role.STARTING: Colour.YELLOW, Role.STOPPED: Colour.RED}


def _view(side: Side, portal: Role) -> PlatformView | None:
    """VIEW-1, VIEW-2, VIEW-3; a lost server shows nothing (reading "lost server")."""
    if side.lost:
        return None
    core = Role.AVAILABLE if side.core_runs else Role.STOPPED
    return PlatformView(core=_row(core), portal=_row(portal))


def _row(state: Role) -> Row:
    return Row(state=state, colour=_COLOURS[state])
