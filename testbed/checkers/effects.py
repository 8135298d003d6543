"""What effects of faults make of what is up and connected. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from testbed.checkers.facts import SITES
from testbed.recording.effects import Effect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from testbed.world import World

CLIENTS = "clients"
"""The end of a link that is outside of all servers."""

HARMLESS = frozenset({"restart", "certificate"})
"""Faults after which all is up and connected as before: a restarted service begins again by itself."""

ENDS = frozenset({"kill", "stop", "pause"})
"""Faults after which a service is down."""

LINK = frozenset({"cut", "portal path", "path", "vanish", "lose", "worsen"})
"""Faults with which the link between the two may not be whole."""

_WAYS = {SITES, SITES[::-1]}
"""The two directions of the link."""


def counting(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Those that roles may depend on: neither a certificate nor the way to clients is among them."""
    return tuple(one for one in effects if one.does != "certificate" and CLIENTS not in (one.source, one.target))


def worlds_with(world: World, effects: Iterable[Effect], *, plain: bool) -> tuple[World, ...]:
    """The world in which all these are in force, each way that is possible; none: no rule says what comes of it.

    A bad link (loss, rate, delay, flap) loses or delays words by chance: at any moment it may be as good as whole, or
    as bad as cut, for the portals alone or for all. What the rules promise in each of these worlds they promise on it.

    Args:
        world: without them.
        effects: what is in force.
        plain: a pair whose portals run on the servers that they belong to (CFG-10).
    """
    counts = [one for one in counting(effects) if one.does not in HARMLESS]
    if counts and not plain:
        return ()
    paths = {(one.source, one.target) for one in counts if one.does == "portal path"}
    worse = {(one.source, one.target) for one in counts if one.does == "worsen"}
    if (paths and paths != _WAYS) or not worse <= _WAYS:
        return ()
    found: World | None = replace(world, portal_path_cut=bool(paths))
    for one in counts:
        found = None if found is None else _with(found, one)
    return () if found is None else _worsened(found, worse)


def able(server: str, *, in_force: Collection[Effect], pending: Collection[Effect]) -> bool | None:
    """Whether core and portal of a server run; `None`: nobody can say.

    Args:
        server: which.
        in_force: what is proved to hold.
        pending: what is just coming or going.
    """
    returning = any(one.does == "lose" and one.server == server for one in pending)
    if not returning and any(_ends(one, server) for one in in_force):
        return False
    doubtful = [one for one in in_force if one.does not in HARMLESS | LINK] + [
        one for one in pending if one.does not in LINK - {"lose"}
    ]
    return None if any(one.server in (server, "") for one in doubtful) else True


def _ends(effect: Effect, server: str) -> bool:
    down = effect.does in ENDS and effect.service in ("core", "portal")
    return effect.server == server and (down or effect.does == "lose")


def _worsened(world: World, worse: Collection[tuple[str, str]]) -> tuple[World, ...]:
    found = [world]
    if ("primary", "secondary") in worse:
        found += [replace(one, primary_to_secondary_cut=True) for one in found]
    if ("secondary", "primary") in worse:
        found += [replace(one, secondary_to_primary_cut=True) for one in found]
    if worse:
        found += [replace(one, portal_path_cut=True) for one in found]
    return tuple(dict.fromkeys(found))


def _with(world: World, effect: Effect) -> World | None:  # noqa: PLR0911 - one line for each kind of effect
    match effect:
        case Effect("lose", "primary" | "secondary" as server):
            return _side(world, server, "lost", is_=True)
        case Effect("kill" | "stop" | "pause", "primary" | "secondary" as server, "core" | "portal" as service):
            return _side(world, server, f"{service}_up", is_=False)
        case Effect("vanish", "primary" | "secondary"):
            return replace(world, primary_to_secondary_cut=True, secondary_to_primary_cut=True)
        case Effect("cut", source="primary", target="secondary"):
            return replace(world, primary_to_secondary_cut=True)
        case Effect("cut", source="secondary", target="primary"):
            return replace(world, secondary_to_primary_cut=True)
        case Effect("portal path" | "worsen"):
            return world
        case _:
            return None


def _side(world: World, server: str, name: str, *, is_: bool) -> World:
    return replace(world, **{server: replace(getattr(world, server), **{name: is_})})
