"""What the Health pages claim, from what a portal knows: table by table, and never a guess (VIEW-4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stubs.condition import Other, Sight, components, other_portal, resilience
from stubs.portal.hearing import Hearing
from stubs.watchdog import Colour
from stubs.wire import Farewell, ServerName, Site
from tests.unit.stubs.portals import word

P, S = Site.PRIMARY, Site.SECONDARY

NORMAL = Sight(
    site=P,
    serving=True,
    why="the secondary does not serve",
    cores={ServerName.PRIMARY: True, ServerName.SECONDARY: True},
    other=Other.WAITS,
    direct=True,
    sync="running",
    trouble="",
    head=7,
)

Table = dict[Site, tuple[str, str, str]]


def table(sight: Sight) -> Table:
    """Portal, IP Office and database of each server, in the words of the page."""

    def text(one: object) -> str:
        return " ".join(str(part) for part in vars(one).values() if part is not None)

    return {
        site: (text(row.portal), text(row.ip_office), text(row.database)) for site, row in resilience(sight).items()
    }


ACTIVE = ("Started Active", "Connected", "Started Active")
PASSIVE = ("Started Passive", "Connected", "Started Passive")
CORELESS = {ServerName.PRIMARY: False, ServerName.SECONDARY: True}
UNHEARD = ("Unknown", "Unknown", "Unknown")

SIGHTS: dict[str, tuple[Sight, Table]] = {
    "normal, from P": (NORMAL, {P: ACTIVE, S: PASSIVE}),
    "normal, from S": (replace(NORMAL, site=S, serving=False, other=Other.SERVES), {P: ACTIVE, S: PASSIVE}),
    "failover by portal, from S": (
        replace(NORMAL, site=S, other=Other.MISSED),
        {P: ("Not Started", "Connected", "Not Started"), S: ACTIVE},
    ),
    "failover by core, from S": (
        replace(NORMAL, site=S, cores=CORELESS),
        {P: ("Started Passive", "Not Connected", "Started Passive"), S: ACTIVE},
    ),
    "failover by core, from P": (
        replace(NORMAL, serving=False, cores=CORELESS, other=Other.SERVES),
        {P: ("Started Passive", "Not Connected", "Started Passive"), S: ACTIVE},
    ),
    "stand-alone, from S": (
        replace(NORMAL, site=S, other=Other.SILENT, cores=CORELESS),
        {P: UNHEARD, S: ACTIVE},
    ),
    "S lost, from P": (
        replace(NORMAL, other=Other.SILENT, cores={ServerName.PRIMARY: True, ServerName.SECONDARY: False}),
        {P: ACTIVE, S: UNHEARD},
    ),
    "P said good-bye, from S": (
        replace(NORMAL, site=S, other=Other.LEFT),
        {P: ("Not Started", "Connected", "Not Started"), S: ACTIVE},
    ),
    "S stopped by itself, from P": (
        replace(NORMAL, other=Other.DORMANT),
        {P: ACTIVE, S: ("Not Started", "Connected", "Not Started")},
    ),
    "a database that does not answer": (
        replace(NORMAL, head=None),
        {P: ("Started Active", "Connected", "Not Started"), S: PASSIVE},
    ),
}


@pytest.mark.parametrize("name", SIGHTS)
def test_the_resilience_page_says_what_is_known(name: str) -> None:
    """VIEW-4: both servers, from either point of view."""
    sight, expected = SIGHTS[name]
    assert table(sight) == expected


@pytest.mark.parametrize("other", Other)
@pytest.mark.parametrize("core", [True, False])
def test_nothing_is_claimed_of_a_server_that_is_not_heard(other: Other, core: bool) -> None:  # noqa: FBT001 - a parameter
    """What is said of the other portal rests on its word or its core; a silent one is Unknown, whatever else is up."""
    cores = {ServerName.PRIMARY: True, ServerName.SECONDARY: core}
    portal, ip_office, database = table(replace(NORMAL, other=other, cores=cores))[S]
    assert portal == database
    assert (portal == "Unknown") is (other is Other.SILENT)
    assert (ip_office == "Connected") is core


@pytest.mark.parametrize(
    ("farewell", "serving", "expected"),
    [
        (Farewell.NONE, True, Other.SERVES),
        (Farewell.NONE, False, Other.WAITS),
        (Farewell.HAND_OVER, False, Other.WAITS),
        (Farewell.STOP, False, Other.LEFT),
        (Farewell.RESTART, False, Other.LEFT),
    ],
)
def test_a_fresh_word_of_the_other_portal_is_believed(farewell: Farewell, serving: bool, expected: Other) -> None:  # noqa: FBT001 - a parameter
    """Also while its core does not know of it yet."""
    said = word(S, serving=serving, farewell=farewell)
    for missed in (True, False):
        assert other_portal(said, missed=missed, dormant=False) is expected


def test_without_a_word_only_the_core_beside_it_can_tell() -> None:
    """And while failover is not in effect, a word of the secondary is that of one that has stopped by itself."""
    assert other_portal(None, missed=True, dormant=False) is Other.MISSED
    assert other_portal(None, missed=False, dormant=True) is Other.SILENT
    assert other_portal(word(S), missed=False, dormant=True) is Other.DORMANT
    assert other_portal(word(S, farewell=Farewell.STOP), missed=False, dormant=True) is Other.LEFT


def test_the_components_are_this_portal_and_its_links() -> None:
    """Each with a word and a colour; an expansion system's core has a line too."""
    sight = replace(
        NORMAL, cores={**NORMAL.cores, ServerName.EXPANSION: False}, sync="interrupted", trouble="gap", direct=False
    )
    shown = {one.name: (one.state, one.colour) for one in components(sight)}
    assert shown == {
        "one-X Portal": ("Available", Colour.GREEN),
        "Database": ("Started", Colour.GREEN),
        "CTI link to the primary's IP Office": ("Connected", Colour.GREEN),
        "CTI link to the secondary's IP Office": ("Connected", Colour.GREEN),
        "CTI link to the expansion's IP Office": ("Not Connected", Colour.RED),
        "Link to the secondary's portal": ("Not Connected", Colour.RED),
        "Synchronisation": ("Interrupted", Colour.RED),
    }
    details = {one.name: one.detail for one in components(sight)}
    assert details["Link to the secondary's portal"] == "Heard through the cores only."
    assert details["Synchronisation"] == "Up to change 7 of the primary. Trouble: gap."


@pytest.mark.parametrize("sync", ["running", "interrupted", "suspended"])
def test_a_passive_portal_with_a_broken_database_says_both(sync: str) -> None:
    """Nothing of the page depends on the database."""
    shown = {one.name: one for one in components(replace(NORMAL, serving=False, head=None, sync=sync))}
    assert (shown["one-X Portal"].state, shown["one-X Portal"].colour) == ("Starting", Colour.YELLOW)
    assert (shown["Database"].state, shown["Database"].colour) == ("Not Started", Colour.RED)
    assert shown["Synchronisation"].state == sync.capitalize()


def test_a_core_counts_the_time_for_which_it_talks_without_a_portal() -> None:
    """From the portal's last word, but no further back than its own first; a link that is gone proves nothing."""
    hearing = Hearing()
    core = ServerName.SECONDARY
    assert hearing.core_alone_ms(core, None) == 0
    hearing.hear_core(core, 1000)
    hearing.hear_core(core, 1400)
    assert hearing.core_alone_ms(core, None) == 400
    assert hearing.core_alone_ms(core, 500) == 400
    assert hearing.core_alone_ms(core, 1300) == 100
    assert hearing.core_alone_ms(core, 1500) < 0
    hearing.lose_core(core)
    assert hearing.core_alone_ms(core, 1300) < 0
    hearing.hear_core(core, 2000)
    assert hearing.core_alone_ms(core, 1300) == 0
