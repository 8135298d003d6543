"""Resiliency exists in Server Edition Select mode only, and after a switch to it only once portals were restarted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stubs.portal.knowledge import Knowledge
from stubs.wire import CoreFacts, ServerName, Site
from tests.unit.stubs.pair import MemoryNotes
from tests.unit.stubs.portals import Bench, ask, core_word, word

if TYPE_CHECKING:
    from pathlib import Path

SELECT = CoreFacts(server=ServerName.PRIMARY, select=True, supports_resiliency=True, backs_up_portal=True)
STANDARD = replace(SELECT, select=False)
PAGES = [
    ("GET", "resiliency", None),
    ("PUT", "resiliency", {"failover": True, "failback": "manual", "detection_minutes": 5}),
    ("POST", "failover-now", None),
]


@pytest.mark.parametrize("site", Site)
@pytest.mark.parametrize(
    ("words", "select"),
    [
        ((), None),
        ((SELECT,), True),
        ((STANDARD,), False),
        ((STANDARD, SELECT), False),
        ((SELECT, STANDARD, SELECT), False),
        ((replace(STANDARD, server=ServerName.SECONDARY), SELECT), True),
        ((STANDARD, replace(SELECT, installed=5)), True),
        ((SELECT, replace(STANDARD, installed=5)), False),
    ],
)
def test_the_first_word_of_the_primarys_core_decides_until_the_portal_restarts(
    site: Site, words: tuple[CoreFacts, ...], *, select: bool | None
) -> None:
    """CFG-3: a later switch to Select waits, one away from it does not, and a factory reset of the core begins anew."""
    knowledge = Knowledge(site, MemoryNotes())
    for one in words:
        knowledge.learn_core(one)
    assert knowledge.select is select


def test_a_restart_makes_the_switch_count() -> None:
    """CFG-3: at once, even while the primary's core is silent; and its first word after the start has the last say."""
    notes = MemoryNotes()
    before = Knowledge(Site.SECONDARY, notes)
    before.learn_core(STANDARD)
    before.learn_core(SELECT)
    again = Knowledge(Site.SECONDARY, notes)
    assert (before.select, again.select) == (False, True)
    again.learn_core(STANDARD)
    assert again.select is False
    third = Knowledge(Site.SECONDARY, notes)
    assert third.select is False
    third.learn_core(SELECT)
    assert third.select is True


def test_a_factory_reset_forgets_the_mode() -> None:
    """The first word after it counts, as after installation."""
    knowledge = Knowledge(Site.PRIMARY, MemoryNotes())
    knowledge.learn_core(STANDARD)
    knowledge.forget()
    assert knowledge.select is None
    knowledge.learn_core(SELECT)
    assert knowledge.select is True


def test_nobody_decides_while_the_other_portal_does_not_know_the_mode() -> None:
    """Not ready would let a primary serve without its core; unknown does not."""
    knowledge = Knowledge(Site.SECONDARY, MemoryNotes())
    knowledge.learn_core(SELECT)
    facts = word(Site.PRIMARY).facts
    knowledge.learn_peer(replace(facts, select=None))
    assert not knowledge.complete
    knowledge.learn_peer(replace(facts, select=False))
    assert knowledge.complete


def told(bench: Bench, *modes: str) -> None:
    """The primary's core tells one mode after the other."""
    said = core_word(Site.PRIMARY)
    for mode in modes:
        bench.portal.hear_core(ServerName.PRIMARY, replace(said, facts=replace(said.facts, select=mode == "select")))
    bench.portal.catch_up()


@pytest.mark.parametrize("site", Site)
@pytest.mark.parametrize(
    ("modes", "named"),
    [
        ((), "has not told"),
        (("standard",), "CFG-2"),
        (("standard", "select"), "CFG-3"),
        (("select", "standard"), "CFG-2"),
    ],
)
def test_without_resiliency_its_page_does_not_exist(
    tmp_path: Path, site: Site, modes: tuple[str, ...], named: str
) -> None:
    """CFG-2, CFG-3: 404 no_resiliency on both portals, with what to do; and nothing is set."""
    bench = Bench(tmp_path, site)
    told(bench, *modes)
    before = bench.portal.settings.configured
    for method, path, body in PAGES:
        answer = ask(bench.administrator(), method, f"/api/v1/admin/{path}", json=body)
        assert (answer.status_code, answer.get_json()["error"]) == (404, "no_resiliency")
        assert named in answer.get_json()["message"]
    assert bench.portal.settings.configured == before
    bench.store.database.close()


def test_the_page_comes_and_goes_with_the_mode(bench: Bench) -> None:
    """CFG-2: a switch away from Select takes it away at once, and CFG-2 is the rule that is named."""
    administrator = bench.administrator()
    assert ask(administrator, "GET", "/api/v1/admin/resiliency").status_code == 200
    told(bench, "standard")
    assert ask(administrator, "GET", "/api/v1/admin/resiliency").status_code == 404
    assert bench.portal.moment.unmet == ("CFG-2",)
    told(bench, "select")
    assert bench.portal.moment.unmet == ("CFG-3",)
    assert ask(administrator, "GET", "/api/v1/admin/central-cti-link").status_code == 200
