"""`testbed recheck`: verdicts, figures and exit codes for a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from testbed.checkers import CHECKERS
from testbed.cli.recheck import recheck
from testbed.errors import MisuseError
from tests.unit.checkers.telling import Tale, normal, written

if TYPE_CHECKING:
    from pathlib import Path


def two_portals() -> Tale:
    """Both serve over a whole link."""
    return normal().role("secondary", "Available", 5000).role("secondary", "Starting", 5050).watched(0, 9000)


@pytest.mark.parametrize(
    ("tale", "options", "code"),
    [
        (normal().watched(0, 9000), [], 0),
        (normal().watched(0, 9000), ["--strict"], 1),
        (two_portals(), [], 1),
        (Tale(), [], 2),
    ],
)
def test_the_exit_code_tells_fail_from_nothing_judged(
    tmp_path: Path, tale: Tale, options: list[str], code: int
) -> None:
    """0: something was judged, and held. With --strict every checker has to have judged."""
    ended = CliRunner().invoke(recheck, [str(written(tale, tmp_path)), *options])
    assert ended.exit_code == code


def test_json_holds_every_checker_with_rules_and_evidence(tmp_path: Path) -> None:
    """And the two figures."""
    found = json.loads(CliRunner().invoke(recheck, [str(written(two_portals(), tmp_path)), "--json"]).stdout)
    assert [each["checker"] for each in found["verdicts"]] == [checker.name for checker in CHECKERS]
    assert found["verdicts"][0] == {
        "checker": "one portal",
        "rules": ["ROLE-11"],
        "outcome": "fail",
        "evidence": ["both portals were Available over a whole link: 5000 to 5050 ms"],
    }
    assert (found["outcome"], found["rto_ms"]) == ("fail", 0)


def test_the_text_shows_the_evidence_of_what_did_not_pass(tmp_path: Path) -> None:
    """A person has to see why without another command."""
    told = CliRunner().invoke(recheck, [str(written(two_portals(), tmp_path))]).stdout
    assert "5000 to 5050 ms" in told
    assert "nobody served for at most: 0 ms" in told


def lossy(count: int) -> Tale:
    """So many acknowledged changes are gone."""
    tale = normal()
    for number in range(count):
        tale.change(4000 + 10 * number, f"k{number}")
    return tale.stock(9000, ())


def test_json_names_every_change_that_is_lost_and_the_text_as_many_as_a_person_reads(tmp_path: Path) -> None:
    """SYNC-4, SYNC-6: exactly which, and how many."""
    path = str(written(lossy(30), tmp_path))
    found = json.loads(CliRunner().invoke(recheck, [path, "--json"]).stdout)
    assert (found["changes_lost"], len(found["losses"])) == (30, 30)
    assert found["losses"][29] == {
        "bed": "b",
        "op": 30,
        "change": "alice's settings/k29 added on the primary (operation 30, at 4295 ms)",
        "acknowledged_ms": 4295,
        "why": "gone",
        "allowed": False,
    }
    told = CliRunner().invoke(recheck, [path]).stdout.partition("acknowledged changes lost: 30\n")[2].splitlines()
    assert len(told) == 21
    assert told[0] == "        gone: alice's settings/k0 added on the primary (operation 1, at 4005 ms)"
    assert told[-1].strip() == "and 10 more"


def test_a_file_that_is_no_history_is_wrong_use(tmp_path: Path) -> None:
    """Missing or damaged, it is said in one line, and never judged."""
    other = tmp_path / "other.jsonl"
    other.write_text("{}\n")
    for path in (tmp_path / "missing.jsonl", other):
        with pytest.raises(MisuseError, match=path.name):
            CliRunner().invoke(recheck, [str(path)], catch_exceptions=False)
