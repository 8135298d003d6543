"""The oracle predicts what the rules say, one row a sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testbed import oracle
from testbed.errors import MisuseError
from testbed.oracle import Colour, Resilience, Role, Where, settle
from testbed.readings import READINGS
from testbed.rules import RULES
from testbed.world import PREREQUISITES, Failback, Side, World

if TYPE_CHECKING:
    from testbed.oracle import Ending

NO_CORE = Side(core_up=False)
NO_PORTAL = Side(portal_up=False)
NEITHER = Side(core_up=False, portal_up=False)
LOST = Side(lost=True)
OLDER = Side(version="older")

HEALTHY = World()
CUT = World(primary_to_secondary_cut=True, secondary_to_primary_cut=True)
DEAF_S = World(primary_to_secondary_cut=True)
DEAF_P = World(secondary_to_primary_cut=True)
APART = World(portal_path_cut=True)
KEPT = World(failback=Failback.MANUAL, secondary_served=True)
OFF = World(unmet=frozenset({"CFG-6"}))
UNREADY = World(unmet=frozenset({"CFG-7"}))

ROLES = [
    ("ROLE-1: P serves and S stands by", HEALTHY, "A s normal"),
    ("ROLE-2: P's portal ended, S serves", replace(HEALTHY, primary=NO_PORTAL), "x A failover"),
    ("ROLE-2: P is lost, S serves", replace(CUT, primary=LOST), "x A failover"),
    ("ROLE-3: P's core ended, its portal hands over", replace(HEALTHY, primary=NO_CORE), "s A failover"),
    ("ROLE-4: the link is cut, both serve", CUT, "A A stand-alone"),
    ("ROLE-5: P is back, S stands by", replace(HEALTHY, secondary_served=True), "A s normal"),
    (
        "ROLE-7: manual failback keeps no S that was not alone",
        replace(HEALTHY, failback=Failback.MANUAL),
        "A s normal",
    ),
    ("ROLE-8: with manual failback S goes on and P waits", KEPT, "s A failover"),
    ("ROLE-8: P waits over a cut portal path too", replace(KEPT, portal_path_cut=True), "s A failover"),
    ("ROLE-8: P waits no longer when S's portal ends", replace(KEPT, secondary=NO_PORTAL), "A x normal"),
    ("ROLE-8: P waits no longer when S's core ends", replace(KEPT, secondary=NO_CORE), "A s normal"),
    ("ROLE-9: S's portal ended, P serves", replace(HEALTHY, secondary=NO_PORTAL), "A x normal"),
    ("ROLE-9: S's core ended, P serves", replace(HEALTHY, secondary=NO_CORE), "A s normal"),
    ("ROLE-9: S is lost, P serves", replace(CUT, secondary=LOST), "A x normal"),
    ("ROLE-13: S learns from the cores that P serves", APART, "A s normal"),
    ("ROLE-14: S hears nothing, both serve", DEAF_S, "A A stand-alone"),
    ("ROLE-14: S still hears P and stands by", DEAF_P, "A s normal"),
    ("ROLE-14: a deaf S ends P's wait", replace(KEPT, primary_to_secondary_cut=True), "A A stand-alone"),
    ("ROLE-14: a deaf P waits no longer", replace(KEPT, secondary_to_primary_cut=True), "A s normal"),
    (
        "own core: neither portal has one, nobody serves",
        World(primary=NO_CORE, secondary=NO_CORE),
        "s s normal",
    ),
    (
        "own core: S cannot stand in without its core",
        World(primary=NO_PORTAL, secondary=NO_CORE),
        "x s normal",
    ),
    ("own core: a cut does not make S serve without one", replace(CUT, secondary=NO_CORE), "A s normal"),
    ("CFG-9: other versions, no takeover", World(primary=NO_PORTAL, secondary=OLDER), "x s not ready"),
    ("CFG-11: failover is off, S's portal is stopped", OFF, "A x not ready"),
    ("not ready: P serves without its core", replace(UNREADY, primary=NO_CORE), "A s not ready"),
    ("not ready: S never takes over", replace(UNREADY, primary=LOST), "x s not ready"),
    ("not ready: a cut makes nothing stand alone", replace(CUT, unmet=UNREADY.unmet), "A s not ready"),
]


@pytest.mark.parametrize(("world", "roles"), [row[1:] for row in ROLES], ids=[row[0] for row in ROLES])
def test_settle_gives_the_roles_of_the_rules(world: World, roles: str) -> None:
    """Each row is one sentence: P's role, S's (A Available, s Starting, x Stopped), the pair's state."""
    seen = settle(world)
    letters = {Role.AVAILABLE: "A", Role.STARTING: "s", Role.STOPPED: "x"}
    assert f"{letters[seen.primary]} {letters[seen.secondary]} {seen.resilience}" == roles


SYNC = [
    ("SYNC-1: it runs in normal running", HEALTHY, True),
    ("SYNC-3: not in failover", World(primary=NO_CORE), False),
    ("SYNC-3: not in stand-alone", CUT, False),
    ("ROLE-13: a cut portal path interrupts it", APART, False),
    ("deaf secondary: a cut from S to P interrupts it", DEAF_P, False),
    ("sync runs: a stopped S receives nothing", World(secondary=NO_PORTAL), False),
    ("sync runs: S's core has no part in it", World(secondary=NO_CORE), True),
    ("CFG-9: other versions do not synchronise", World(secondary=OLDER), False),
    ("CFG-2: nothing synchronises while not ready", World(unmet=frozenset({"CFG-2"})), False),
]


@pytest.mark.parametrize(("world", "runs"), [row[1:] for row in SYNC], ids=[row[0] for row in SYNC])
def test_settle_says_whether_changes_travel(world: World, runs: bool) -> None:  # noqa: FBT001  one row's answer
    """Each row is one sentence about synchronisation."""
    assert settle(world).sync_runs is runs


ENDINGS = [
    ("REDIR-1: P's core sends P's users to S", World(primary=NO_PORTAL), ">S S - S"),
    ("REDIR-1: so it does while P waits", KEPT, ">S S - S"),
    ("REDIR-1: the portal path has no part in it", replace(APART, primary=NO_PORTAL), ">S S - S"),
    ("REDIR-2: without P's core nobody is sent", World(primary=NO_CORE), "- S - S"),
    ("REDIR-2: a lost P sends nobody", replace(CUT, primary=LOST), "- S - S"),
    ("REDIR-4, REDIR-5: S's users and askers go to P", HEALTHY, "P >P P >P"),
    ("REDIR-5: also when the cores relay", APART, "P >P P >P"),
    ("REDIR-5: S's portal needs no core to say so", World(secondary=NO_CORE), "P >P P >P"),
    ("REDIR-7: stand-alone moves nobody", CUT, "P S P S"),
    ("REDIR-8: an S that hears nothing of P sends nobody", replace(CUT, secondary=NO_CORE), "P - P -"),
    ("cores relay: P's core tells S's portal, S's own is not needed", replace(APART, secondary=NO_CORE), "P >P P >P"),
    (
        "cores relay: over one direction it takes both cores",
        replace(APART, secondary_to_primary_cut=True, secondary=NO_CORE),
        "P - P -",
    ),
    ("cores relay: and both are enough", replace(APART, secondary_to_primary_cut=True), "P >P P >P"),
    ("REDIR-8: nobody serves, nobody is sent", World(primary=NO_CORE, secondary=NO_CORE), "- - - -"),
    ("no guess: P's core has not heard that S serves", replace(CUT, primary=NO_PORTAL), "- S - S"),
    ("no guess: nor has it when only S to P is cut", replace(DEAF_P, primary=NO_PORTAL), "- S - S"),
    ("no guess: but it hears S over a cut from P to S", replace(DEAF_S, primary=NO_PORTAL), ">S S - S"),
    ("unsaid: S's portal has ended, its core is up", World(secondary=NO_PORTAL), "P ? P -"),
    ("a dead S sends nobody", World(secondary=NEITHER), "P - P -"),
    ("an S that is cut off cannot send", replace(DEAF_S, secondary=NO_PORTAL), "P - P -"),
    ("a lost S sends nobody", replace(CUT, secondary=LOST), "P - P -"),
    ("unsaid: S runs and is not ready", UNREADY, "P ? P ?"),
    ("CFG-11: a stopped S answers nobody", OFF, "P ? P -"),
    ("CFG-2: without resilience there is no way out", replace(UNREADY, primary=NO_PORTAL), "- - - -"),
]


def short(ending: Ending) -> str:
    """One letter for where, and an arrow for a redirect."""
    letter = {Where.PRIMARY: "P", Where.SECONDARY: "S", Where.NOWHERE: "-", Where.UNSAID: "?"}[ending.where]
    return f">{letter}" if ending.redirected else letter


@pytest.mark.parametrize(("world", "ends"), [row[1:] for row in ENDINGS], ids=[row[0] for row in ENDINGS])
def test_settle_says_where_each_user_ends(world: World, ends: str) -> None:
    """Each row: was on P, was on S, asks P, asks S."""
    seen = settle(world)
    endings = (seen.was_on_primary, seen.was_on_secondary, seen.asks_primary, seen.asks_secondary)
    assert " ".join(map(short, endings)) == ends


def test_a_platform_view_shows_each_service_with_its_colour() -> None:
    """VIEW-1, VIEW-2, VIEW-3: green serves, yellow waits, red does not run."""
    seen = settle(World(primary=NO_CORE, secondary=Side()))
    assert seen.primary_view is not None
    assert seen.secondary_view is not None
    assert (seen.primary_view.portal.state, seen.primary_view.portal.colour) == (Role.STARTING, Colour.YELLOW)
    assert (seen.primary_view.core.state, seen.primary_view.core.colour) == (Role.STOPPED, Colour.RED)
    assert (seen.secondary_view.portal.state, seen.secondary_view.portal.colour) == (
        Role.AVAILABLE,
        Colour.GREEN,
    )
    assert (seen.secondary_view.core.state, seen.secondary_view.core.colour) == (Role.AVAILABLE, Colour.GREEN)


def test_a_platform_view_answers_for_dead_services_but_not_for_a_lost_server() -> None:
    """VIEW-3: a dead service leaves the server there; a lost server leaves nothing."""
    dead = settle(World(primary=NEITHER)).primary_view
    assert dead is not None
    assert dead.portal.colour is dead.core.colour is Colour.RED
    assert settle(World(primary=LOST)).primary_view is None


def test_the_history_bit_follows_from_the_world_before() -> None:
    """ROLE-8 then ROLE-7: kept through manual failback, dropped once both have served."""
    failover = settle(World(primary=NO_PORTAL))
    assert failover.secondary_alone
    waiting = settle(replace(KEPT, secondary_served=failover.secondary_alone))
    assert waiting.secondary_alone
    apart = settle(replace(CUT, failback=Failback.MANUAL, secondary_served=waiting.secondary_alone))
    assert apart.resilience is Resilience.STAND_ALONE
    assert not apart.secondary_alone


def test_a_world_names_every_reason_at_once() -> None:
    """CFG-13: a version skew adds to what else is unmet, and hides nothing."""
    world = World(secondary=OLDER, unmet=frozenset({"CFG-7", "CFG-12"}))
    assert world.all_unmet == {"CFG-7", "CFG-9", "CFG-12"}


def test_a_world_refuses_an_unmet_rule_that_is_no_prerequisite() -> None:
    """A typing error in a scenario must not read as a pair that is ready."""
    with pytest.raises(MisuseError, match="CFG-77, ROLE-1"):
        World(unmet=frozenset({"CFG-7", "CFG-77", "ROLE-1"}))


@pytest.mark.parametrize("reason", [f"CFG-{n}" for n in (1, 2, 3, 4, 5, 6, 7, 9, 10, 12)])
def test_any_unmet_prerequisite_keeps_the_secondary_from_serving(reason: str) -> None:
    """CFG-1 to CFG-12: one box unticked is enough."""
    seen = settle(replace(CUT, primary=LOST, unmet=frozenset({reason})))
    assert seen.resilience is Resilience.NOT_READY
    assert seen.secondary is not Role.AVAILABLE


def test_prerequisites_and_readings_rest_on_rules_that_exist() -> None:
    """A reading that rests on nothing would be an invention."""
    assert set(RULES) >= PREREQUISITES
    for reading in READINGS.values():
        assert reading.rests_on
        assert set(reading.rests_on) <= set(RULES)


def test_the_code_follows_each_reading_by_name() -> None:
    """A reading that no code names is stale; a name without a reading explains nothing."""
    root = Path(oracle.__file__).parents[1]
    paths = [path for folder in ("stubs", "testbed") for path in (root / folder).rglob("*.py")]
    text = "".join(path.read_text() for path in paths if path.name != "readings.py")
    named = re.findall(r'[Rr]eadings? ("[a-z ]+"(?:, "[a-z ]+")*)', text)
    assert {name.strip('"') for group in named for name in group.split(", ")} == set(READINGS)
