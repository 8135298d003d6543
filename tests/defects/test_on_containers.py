"""Defects on a pair of servers: ordinary scenarios find them, and their report says what was planted."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from testbed.defects import DEFECTS
from tests.defects.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOUND_BY = {
    "secondary:passive-portal-is-green": (
        "tests/scenarios/test_normal.py::test_the_primary_is_available_and_the_secondary_starting"
    ),
    "secondary:sync-skips-a-change": (
        "tests/scenarios/test_normal.py::test_users_and_administrators_changes_reach_the_secondary_in_order"
    ),
    "primary:contacts-need-no-core": (
        "tests/scenarios/test_contacts.py::test_contacts_wait_for_the_secondarys_core_in_normal_running"
    ),
    "primary:stale-save-accepted": (
        "tests/scenarios/test_manager.py::test_of_two_who_loaded_the_same_only_the_first_saves"
    ),
    "clients:plug-in-waits-for-a-person": (
        "tests/scenarios/test_clients.py::test_the_plugin_reconnects_by_itself_both_ways"
    ),
}
"""One for each part that can have a defect: the platform view, both sides' portals, a core, the clients."""


def report(folder: Path, *planted: str) -> dict[str, Any]:
    """What the scenarios come to, with these defects."""
    options = [f"--testbed-defect={each}" for each in planted]
    command = [sys.executable, "-m", "pytest", "-q", *options, f"--testbed-report={folder}", *FOUND_BY.values()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - of ours
    assert done.returncode == int(bool(planted)), done.stdout
    found: dict[str, Any] = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """With all of them on one pair."""
    return report(tmp_path_factory.mktemp("wrong"), *FOUND_BY)


@pytest.mark.parametrize("planted", FOUND_BY)
def test_a_scenario_finds_a_defect_and_names_its_rule(planted: str, wrong: dict[str, Any]) -> None:
    """On containers, as a user would plant it."""
    breaks = DEFECTS[planted.partition(":")[2]].breaks
    failed = {
        rule["id"]
        for rule in wrong["rules"]
        for test in rule["tests"]
        if test["result"] == "failed" and test["nodeid"].startswith(FOUND_BY[planted])
    }
    assert failed & set(breaks)


def test_the_report_says_what_was_planted(wrong: dict[str, Any]) -> None:
    """Nobody takes it for the report of a sound pair."""
    assert wrong["facts"]["planted defects"] == ", ".join(sorted(FOUND_BY))


def test_the_same_scenarios_find_nothing_without_a_defect(tmp_path: Path) -> None:
    """And the report speaks of none."""
    assert "planted defects" not in report(tmp_path)["facts"]
