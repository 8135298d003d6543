"""Defects are chosen by place and name, sit where they were put, and nowhere by accident."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from stubs import resilience, service
from stubs.core import __main__ as core
from stubs.defects import __main__ as entry
from stubs.defects.planting import Defect
from stubs.resilience import State as Machine
from stubs.wire import PortalStatus, ServerName, Site
from testbed import defects, topology
from testbed.cli import commands
from testbed.cli.common import defect_lines
from testbed.clients import policy
from testbed.clients.defects import wrong_policy
from testbed.clients.kinds import world_of
from testbed.clients.screen import Shows
from testbed.clients.steps import Kind, Poll, State
from testbed.defects import CAUGHT_BY, DEFECTS, SEEN_BY
from testbed.engine import containers
from testbed.errors import MisuseError
from testbed.evidence import named_tests
from testbed.history import History
from testbed.rules import RULES
from testbed.simulator import lines
from testbed.status import summary
from tests.tidy.house import imports_of

ROOT = Path(__file__).parents[2]

FEEDS, NEVER = "primary-feeds-out-of-service", "core-never-lost"
CORES = "core-names-the-dead"


def test_every_defect_says_what_is_wrong_and_which_rules_that_breaks() -> None:
    """For people, in a sentence; and rules that there are."""
    assert all(each.says.endswith(".") and each.area and each.breaks for each in DEFECTS.values())
    assert {rule for each in DEFECTS.values() for rule in each.breaks} <= set(RULES)


def test_what_catches_a_defect_exists() -> None:
    """Each is a test of this project; that it catches the defect is for `tests/defects` to show."""
    assert set(CAUGHT_BY) == set(DEFECTS)
    assert all(CAUGHT_BY.values())
    listed = {test.partition("[")[0] for tests in CAUGHT_BY.values() for test in tests}
    files = {test.partition("::")[0] for test in listed}
    there = {test.nodeid for file in files for test in named_tests(file, (ROOT / file).read_text(encoding="utf-8"))}
    assert listed - there == set()


def test_nothing_of_the_stubs_knows_of_defects() -> None:
    """What runs in a sound container holds no code that could be wrong on purpose."""
    others = [path for path in (ROOT / "stubs").rglob("*.py") if path.parent.name != "defects"]
    assert others
    imported = {
        name for path in others for name in imports_of(path.read_text(encoding="utf-8"), "stubs", package="stubs.x")
    }
    assert {name for name in imported if name.startswith("stubs.defects")} == set()


def test_a_planted_defect_is_in_every_place_of_the_right_piece_until_it_is_taken_out() -> None:
    """Also under the name by which another module imported it."""
    assert loses_a_silent_core()
    undo = DEFECTS[NEVER].plant()
    try:
        assert not loses_a_silent_core()
    finally:
        undo()
    assert loses_a_silent_core()


def loses_a_silent_core() -> bool:
    """What the simulator makes of it, which imported the function by its name."""
    return bool(vars(lines)["after_call"](up=True, spoke=False, lasted=0, pause=1).lost)


@pytest.mark.parametrize(
    ("name", "owner", "attribute"),
    [
        ("secondary-never-yields", resilience, "_secondary"),
        ("frozen-portal-goes-on", Machine, "frozen_ms"),
        ("restarted-portal-unheard", PortalStatus, "newer_than"),
    ],
)
def test_planting_leaves_no_trace_once_it_is_undone(name: str, owner: object, attribute: str) -> None:
    """Functions, properties and methods alike."""
    right = vars(owner)[attribute]
    undo = DEFECTS[name].plant()
    assert vars(owner)[attribute] is not right
    assert isinstance(vars(owner)[attribute], property) is isinstance(right, property)
    undo()
    assert vars(owner)[attribute] is right


def test_a_topology_names_its_defects_by_server() -> None:
    """Each goes to the one service that has the piece."""
    wanted = topology.derive({"defects": [f"primary:{FEEDS}", f"primary:{CORES}", f"secondary:{FEEDS}"]})
    of = defects.of_service
    assert of(wanted, ServerName.PRIMARY, "portal") == (FEEDS,)
    assert of(wanted, ServerName.PRIMARY, "core") == (CORES,)
    assert of(wanted, ServerName.SECONDARY, "portal") == (FEEDS,)
    assert of(wanted, ServerName.SECONDARY, "core") == of(wanted, ServerName.PRIMARY, "server") == ()
    assert msgspec.json.decode(msgspec.json.encode(wanted), type=topology.Topology) == wanted


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"defects": [FEEDS]}, f"primary:{FEEDS}"),
        ({"defects": ["primary:nonsense"]}, "no defect is called 'nonsense'"),
        ({"defects": [f"tertiary:{FEEDS}"]}, "no server is called 'tertiary'"),
        ({"defects": [f"clients:{FEEDS}"]}, "a defect of a portal, and clients has clients"),
        ({"defects": [f"primary:{FEEDS}"] * 2}, "named twice"),
        (
            {"defects": [f"primary:{FEEDS}"], "application_server": {"replaces": "primary"}},
            "primary has server and core",
        ),
    ],
)
def test_a_defect_that_cannot_be_planted_is_refused(fields: dict[str, object], says: str) -> None:
    """Before anything is started, with what there is instead."""
    with pytest.raises(MisuseError, match=r"\$\.defects") as raised:
        topology.derive(fields)
    assert says in str(raised.value)


def test_a_clients_defect_is_of_the_clients_of_one_world(tmp_path: Path) -> None:
    """A policy in the place of the right one, which stays as it is for everybody else."""
    lost = State(kind=Kind.WEB, shows=Shows.LOST_CONTACT, page="https://p.test:9443/onexportal.html")
    right = policy.step(lost, Poll())
    assert wrong_policy(()) is None
    assert right != lost
    wanted = topology.derive({"defects": ["clients:gives-up-at-once"]})
    with History(tmp_path / "history.jsonl") as history:
        wrong = world_of((), time_scale=1.0, history=history, defects=defects.of_clients(wanted))
        assert wrong.step(lost, Poll()) == lost
        assert world_of((), time_scale=1.0, history=history).step(lost, Poll()) == right


def test_the_names_are_put_where_they_are_looked_for() -> None:
    """The engine's side and the container's share no code."""
    assert containers.DEFECTS == entry.VARIABLE
    assert containers.DEFECTIVE[-1] == entry.__name__.removesuffix(".__main__")


def test_a_restart_plants_the_defects_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that begins again is as wrong as before, and is told what its last start left word of."""
    began: list[tuple[str, ...]] = []
    planted: list[str] = []
    monkeypatch.setattr(service, "again", lambda *words: began.append(words))
    monkeypatch.setattr(Defect, "plant", lambda each: planted.append(each.name))
    monkeypatch.setattr(core, "main", lambda: service.again("stubs.core", *service.told(), "and on"))
    monkeypatch.setattr(sys, "argv", ["stubs.defects", "core", "dormant"])
    monkeypatch.setenv(entry.VARIABLE, f"{CORES} {NEVER}")
    entry.main()
    assert planted == [CORES, NEVER]
    assert began == [("stubs.defects", "core", "dormant", "and on")]


def test_the_command_lists_what_is_wrong_and_what_catches_it() -> None:
    """All of them, or those that are named; and none that there is not."""
    listed = json.loads(CliRunner().invoke(commands, ["defects", "--json"]).stdout)
    assert {row["name"]: (row["breaks"], row["caught_by"]) for row in listed} == {
        name: (list(each.breaks), list(CAUGHT_BY[name])) for name, each in DEFECTS.items()
    }
    assert {row["name"]: row["checkers"] for row in listed if row["checkers"]} == {
        name: list(checkers) for name, checkers in SEEN_BY.items()
    }
    assert {row["area"] for row in listed} >= {"roles", "sync", "sessions", "meetings", "contacts", "clients"}
    text = CliRunner().invoke(commands, ["defects", NEVER]).stdout
    assert NEVER in text
    assert f"caught by {CAUGHT_BY[NEVER][0]}" in text
    assert "1 of 1 are caught" in text
    seen = next(iter(SEEN_BY))
    text = CliRunner().invoke(commands, ["defects", seen]).stdout
    assert f"in a run, caught by the judge: {', '.join(SEEN_BY[seen])}" in text
    assert isinstance(CliRunner().invoke(commands, ["defects", "nonsense"]).exception, MisuseError)


def test_status_says_what_is_planted() -> None:
    """Of a bed of which nothing answers, too."""
    wanted = topology.derive({"defects": [f"secondary:{FEEDS}"]})
    nobody = dict.fromkeys((ServerName.PRIMARY, ServerName.SECONDARY))
    found = summary(wanted, {}, nobody, dict.fromkeys(Site), ())
    assert found["defects"] == [f"secondary:{FEEDS}"]
    assert defect_lines(found["defects"]) == [f"  planted defect: secondary:{FEEDS}: {DEFECTS[FEEDS].says}"]
