"""Every rule at a glance: nothing is left out, nothing is too wide, and an old verdict carries its date."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from testbed.cli import commands
from testbed.errors import MisuseError
from testbed.evidence import NamedTest
from testbed.readings import READINGS
from testbed.report.overview import LastRun, full, last_run, listing, rows
from testbed.report.verdicts import Outcome, Result, Run, Verdict
from testbed.report.write import as_json, write_report
from testbed.rules import RULES

if TYPE_CHECKING:
    from pathlib import Path

AT = "2026-01-02T03:04:05+00:00"
RUN = Run(
    outcomes=(
        Outcome(nodeid="tests/test_a.py::test_x", rules=("ROLE-2",), result=Result.PASSED, seconds=1),
        Outcome(nodeid="tests/test_a.py::test_y", rules=("ROLE-3",), result=Result.FAILED, seconds=1, message="no"),
    ),
    started_at=AT,
    seconds=2,
)
TESTS = (
    NamedTest(nodeid="tests/test_a.py::test_x", line=7, rules=("ROLE-2",), arguments=("bed",), promise="It holds."),
)
SOURCE = '''import pytest
@pytest.mark.rule("ROLE-2")
def test_x(bed):
    """It holds."""
'''


def lines_of(rule: str, text: str) -> str:
    """The lines of a listing that are about one rule, on one line."""
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"  {rule} "))
    rest = lines[start + 1 :]
    end = next((place for place, line in enumerate(rest) if not line.startswith(" " * 13)), len(rest))
    return " ".join(" ".join([lines[start], *rest[:end]]).split())


def run_rules(*arguments: str) -> str:
    """What `testbed rules` prints."""
    ended = CliRunner().invoke(commands, ["rules", *arguments], catch_exceptions=False, standalone_mode=False)
    assert ended.exit_code == 0, ended
    return ended.output


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def filled(place: Path) -> Path:
    """The same folder with tests, a helper and a report."""
    (place / "tests" / "deep").mkdir(parents=True)
    (place / "tests" / "deep" / "test_a.py").write_text(SOURCE)
    (place / "tests" / "helper.py").write_text(SOURCE)
    write_report(place / "report", RUN)
    return place


def test_a_report_is_read_back() -> None:
    """What was written is what is shown."""
    last = last_run(json.loads(json.dumps(as_json(RUN))))
    assert last.at == AT
    assert (last.verdicts["ROLE-2"], last.verdicts["ROLE-3"]) == (Verdict.PASS, Verdict.FAIL)
    assert last.verdicts["ROLE-4"] is Verdict.NOT_TESTED


@pytest.mark.parametrize(
    "report",
    [
        None,
        [],
        {},
        {**as_json(RUN), "schema": "another"},
        {**as_json(RUN), "schema_version": 2},
        {**as_json(RUN), "rules": [{"id": "ROLE-2", "verdict": "fine"}]},
    ],
)
def test_a_file_of_another_form_is_no_report(report: Any) -> None:
    """Better no verdict than a guessed one."""
    with pytest.raises(MisuseError):
        last_run(report)


def test_the_listing_has_every_rule_with_what_it_stands_on() -> None:
    """Promise, sources, readings, number of tests, and the last verdict with its date."""
    text = listing(rows(RULES, TESTS, LastRun(at=AT, verdicts={"ROLE-2": Verdict.PASS, "ROLE-3": Verdict.FAIL})))
    for identity, rule in RULES.items():
        about = lines_of(identity, text)
        assert rule.promise in about
        assert ", ".join(rule.sources).lower() in about
        for name, reading in READINGS.items():
            assert (f"“{name}”" in about) == (identity in reading.rests_on)
    assert f"pass ({AT}); 1 test; seed, documentation" in lines_of("ROLE-2", text)
    assert f"fail ({AT}); no test; seed" in lines_of("ROLE-3", text)
    assert f"not tested ({AT})" in lines_of("ROLE-4", text)
    assert text.splitlines()[-1] == f"65 rules: 1 fail, 1 pass, {len(RULES) - 2} not tested"


def test_what_nobody_knows_is_not_said() -> None:
    """Without a report no verdict, without tests no number: none is not the same as unknown."""
    about = lines_of("ROLE-2", listing(rows(RULES, None, None)))
    assert "not run yet; tests unknown;" in about
    assert "no test;" in lines_of("ROLE-2", listing(rows(RULES, (), None)))


@pytest.mark.parametrize("width", [100, 110, 120])
def test_no_line_is_wider_than_asked(width: int) -> None:
    """But for the name of a test, which is to be copied whole."""
    found = rows(RULES, TESTS, LastRun(at=AT, verdicts={}))
    lines = [*listing(found, width=width).splitlines(), *full(found, width=width).splitlines()]
    assert max(len(line) for line in lines if "::" not in line) <= width


def test_a_chosen_rule_is_shown_in_full() -> None:
    """Each reading with its text, each test with its promise."""
    text = full(rows(["ROLE-2"], TESTS, None))
    assert "  test     tests/test_a.py::test_x\n             It holds." in text
    flat = " ".join(text.split())
    assert READINGS["lost server"].text in flat
    assert "verdict not run yet" in flat
    assert "ROLE-3" not in text


def test_the_command_takes_tests_and_report_from_where_it_is(place: Path) -> None:
    """Every file of tests below the folder, no other; chosen rules in the order asked for."""
    filled(place)
    found = json.loads(run_rules("ROLE-3", "ROLE-2", "--json"))
    assert [row["id"] for row in found] == ["ROLE-3", "ROLE-2"]
    assert found[1]["tests"] == [{"nodeid": "tests/deep/test_a.py::test_x", "line": 3, "promise": "It holds."}]
    assert (found[1]["verdict"], found[1]["verdict_at"], found[0]["verdict"]) == ("pass", AT, "fail")
    assert found[1]["readings"][0].keys() == {"name", "text"}
    assert len(json.loads(run_rules("--json"))) == len(RULES)


def test_the_command_takes_other_folders(place: Path) -> None:
    """Named ones, wherever they are."""
    filled(place)
    (place / "tests").rename(place / "suite")
    (place / "report").rename(place / "yesterday")
    (found,) = json.loads(run_rules("ROLE-2", "--tests", "suite", "--report", "yesterday", "--json"))
    assert (len(found["tests"]), found["verdict"]) == (1, "pass")


def test_the_command_needs_neither(place: Path) -> None:
    """An installed package has no tests beside it, and nothing was run yet."""
    assert not list(place.iterdir())
    (found,) = json.loads(run_rules("ROLE-2", "--json"))
    assert (found["tests"], found["verdict"], found["verdict_at"]) == (None, None, None)
    assert "not run yet; tests unknown" in run_rules()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ROLE-22"], "ROLE-2"),
        (["--tests", "nowhere"], "there is no folder nowhere"),
        (["--report", "nowhere"], "nowhere/verdicts.json"),
        (["--report", "broken"], "broken/verdicts.json is no report of verdicts"),
    ],
)
def test_the_command_refuses_what_is_not_there(place: Path, arguments: list[str], said: str) -> None:
    """What was named must be there."""
    (place / "broken").mkdir()
    (place / "broken" / "verdicts.json").write_text("{")
    with pytest.raises(MisuseError, match=said):
        run_rules(*arguments)
