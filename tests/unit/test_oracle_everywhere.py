"""What must hold in every world there is: the oracle, over all combinations of its inputs."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from testbed.oracle import Colour, Resilience, Role, Settled, Where, settle
from testbed.world import Failback, Side, World

SIDES = [Side(core_up=core, portal_up=portal, lost=lost) for core, portal, lost in product((True, False), repeat=3)]
TWICE = (False, True)


def all_worlds() -> list[World]:
    """Every world: sides, link, unmet rules, version skew, failback and history in all their states."""
    return [
        World(
            primary=primary,
            secondary=replace(secondary, version=version),
            primary_to_secondary_cut=there,
            secondary_to_primary_cut=back,
            portal_path_cut=path,
            unmet=unmet,
            failback=failback,
            secondary_served=served,
        )
        for primary, secondary, version, there, back, path, unmet, failback, served in product(
            SIDES,
            SIDES,
            ("same", "older"),
            TWICE,
            TWICE,
            TWICE,
            (frozenset[str](), frozenset({"CFG-6"}), frozenset({"CFG-7"})),
            Failback,
            TWICE,
        )
    ]


@pytest.fixture(scope="module")
def everywhere() -> list[tuple[World, Settled]]:
    """Each world with what the oracle predicts for it."""
    return [(world, settle(world)) for world in all_worlds()]


Everywhere = list[tuple[World, Settled]]


def serving(seen: Settled) -> set[Where]:
    """The portals that are Available."""
    pairs = ((Where.PRIMARY, seen.primary), (Where.SECONDARY, seen.secondary))
    return {where for where, role in pairs if role is Role.AVAILABLE}


def test_no_world_is_left_out(everywhere: Everywhere) -> None:
    """An empty enumeration would make all that follows true."""
    assert len({world for world, _ in everywhere}) == 8 * 8 * 2 * 8 * 3 * 2 * 2


def test_the_portals_never_both_serve_over_a_whole_link(everywhere: Everywhere) -> None:
    """ROLE-11."""
    assert all(len(serving(seen)) < 2 for world, seen in everywhere if world.link_whole)


def test_somebody_serves_whenever_a_portal_could(everywhere: Everywhere) -> None:
    """CFG-1: while resilience is ready, a portal with its core is never idle on both servers."""
    for world, seen in everywhere:
        could = world.primary.can_serve or world.secondary.can_serve
        if not world.all_unmet:
            assert bool(serving(seen)) is could, world


def test_without_resilience_the_primary_serves_whenever_it_runs_and_the_secondary_never(
    everywhere: Everywhere,
) -> None:
    """Reading "not ready"."""
    for world, seen in everywhere:
        if world.all_unmet:
            assert serving(seen) == ({Where.PRIMARY} if world.primary.portal_runs else set()), world


def test_a_one_way_cut_ends_in_stand_alone_or_with_a_serving_primary(everywhere: Everywhere) -> None:
    """ROLE-14, for two healthy servers and for one."""
    for world, seen in everywhere:
        one_way = world.primary_to_secondary_cut != world.secondary_to_primary_cut
        if not one_way or world.all_unmet:
            continue
        if world.primary.can_serve or world.secondary.can_serve:
            assert serving(seen), world
        if world.primary.can_serve and world.secondary.can_serve:
            assert seen.primary is Role.AVAILABLE, world


def test_a_fault_of_the_secondary_alone_disturbs_nobody_on_the_primary(everywhere: Everywhere) -> None:
    """ROLE-9: from normal running, whatever S and its link do, P's users stay and P's address works."""
    for world, seen in everywhere:
        if world.primary == Side() and not world.secondary_served:
            assert seen.primary is Role.AVAILABLE, world
            assert seen.was_on_primary.where is seen.asks_primary.where is Where.PRIMARY, world
            assert not seen.was_on_primary.redirected, world


def test_every_user_ends_at_a_portal_that_serves(everywhere: Everywhere) -> None:
    """REDIR-8: no redirect to a portal that does not serve, and whoever ends somewhere is served there."""
    for world, seen in everywhere:
        for end in (seen.was_on_primary, seen.was_on_secondary, seen.asks_primary, seen.asks_secondary):
            assert end.where in serving(seen) | {Where.NOWHERE, Where.UNSAID}, world
            assert not (end.redirected and end.where in {Where.NOWHERE, Where.UNSAID}), world


def test_a_redirect_leads_to_the_other_server_and_is_the_only_way_there(everywhere: Everywhere) -> None:
    """A user who ends on the other server was redirected, and one who stays was not."""
    for world, seen in everywhere:
        for end in (seen.was_on_primary, seen.asks_primary):
            assert end.redirected is (end.where is Where.SECONDARY), world
        for end in (seen.was_on_secondary, seen.asks_secondary):
            assert end.redirected is (end.where is Where.PRIMARY), world


def test_a_new_user_of_the_primary_is_never_redirected(everywhere: Everywhere) -> None:
    """REDIR-3."""
    assert not any(seen.asks_primary.redirected for _, seen in everywhere)


def test_stand_alone_moves_nobody(everywhere: Everywhere) -> None:
    """REDIR-7."""
    for world, seen in everywhere:
        if seen.resilience is Resilience.STAND_ALONE:
            ends = (seen.was_on_primary, seen.was_on_secondary, seen.asks_primary, seen.asks_secondary)
            assert not any(end.redirected for end in ends), world
            assert len(serving(seen)) == 2, world


def test_the_state_of_the_pair_follows_from_who_serves(everywhere: Everywhere) -> None:
    """Failover is S alone, stand-alone is both, normal is S standing by."""
    words = {
        frozenset({Where.SECONDARY}): Resilience.FAILOVER,
        frozenset({Where.PRIMARY, Where.SECONDARY}): Resilience.STAND_ALONE,
    }
    for world, seen in everywhere:
        ready = words.get(frozenset(serving(seen)), Resilience.NORMAL)
        assert seen.resilience is (Resilience.NOT_READY if world.all_unmet else ready), world


def test_changes_travel_only_in_normal_running_between_running_portals(everywhere: Everywhere) -> None:
    """SYNC-1 and SYNC-3."""
    for world, seen in everywhere:
        if seen.sync_runs:
            assert seen.resilience is Resilience.NORMAL, world
            assert world.primary.portal_runs, world
            assert world.secondary.portal_runs, world
            assert world.link_whole, world
            assert not world.portal_path_cut, world


def test_the_secondary_is_kept_only_by_manual_failback(everywhere: Everywhere) -> None:
    """ROLE-5, ROLE-6 and ROLE-8: what happened before matters with manual failback and nowhere else."""
    predicted = dict(everywhere)
    for world, seen in everywhere:
        if world.failback is Failback.AUTOMATIC:
            assert seen == predicted[replace(world, secondary_served=not world.secondary_served)], world


def test_a_lost_server_is_one_with_nothing_up_and_no_platform_view(everywhere: Everywhere) -> None:
    """Reading "lost server": cut off and dead, or lost, is the same to everybody else."""
    for world, seen in everywhere:
        if world.primary.lost and not (world.primary_to_secondary_cut or world.secondary_to_primary_cut):
            dead = Side(core_up=False, portal_up=False)
            cut = replace(world, primary=dead, primary_to_secondary_cut=True, secondary_to_primary_cut=True)
            assert replace(seen, primary_view=None) == replace(settle(cut), primary_view=None), world


def test_a_platform_view_shows_the_role_in_the_colour_of_its_state(everywhere: Everywhere) -> None:
    """VIEW-1 to VIEW-3, wherever the server itself is there."""
    colours = {Role.AVAILABLE: Colour.GREEN, Role.STARTING: Colour.YELLOW, Role.STOPPED: Colour.RED}
    for world, seen in everywhere:
        for side, role, view in (
            (world.primary, seen.primary, seen.primary_view),
            (world.secondary, seen.secondary, seen.secondary_view),
        ):
            assert (view is None) is side.lost, world
            if view is not None:
                assert view.portal.state is role, world
                assert view.portal.colour is colours[role], world
