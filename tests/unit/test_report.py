"""The report shows every rule, never more than was seen, and needs nothing beside it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from markupsafe import escape

from testbed.readings import READINGS
from testbed.report.page import MARKS, render
from testbed.report.text import shorten, table
from testbed.report.verdicts import Outcome, Result, Run, Verdict
from testbed.report.write import write_report
from testbed.rules import GROUPS, RULES

if TYPE_CHECKING:
    from pathlib import Path

NASTY = "expected <b>login</b> & got\n<script>alert('x')</script>\x1b[31m red\x07" + " very long" * 40


def outcome(result: Result, *rules: str, name: str = "t", said: str = "") -> Outcome:
    """One test of the rules."""
    nodeid = f"tests/scenarios/test_failover.py::test_{name}"
    return Outcome(nodeid=nodeid, rules=rules, result=result, seconds=1.25, message=said)


RUN = Run(
    outcomes=(
        outcome(Result.PASSED, "ROLE-1", "VIEW-1"),
        outcome(Result.FAILED, "ROLE-2", name="a_web_user_" + "x" * 120, said=NASTY),
        outcome(Result.SKIPPED, "ROLE-10", said="the kernel has no netem"),
        outcome(Result.PASSED, "ROLE-10"),
        outcome(Result.PASSED, name="of_no_rule"),
    ),
    started_at="2026-01-02T03:04:05+00:00",
    seconds=61.5,
    facts={"seed": "42", "engine": "<engine>"},
)
EMPTY = Run(outcomes=(), started_at="2026-01-02T03:04:05+00:00", seconds=0.0)


class Reader(HTMLParser):
    """Collects what a browser would fetch or run, and checks that elements nest."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.stack: list[str] = []
        self.hrefs: list[str] = []
        self.ids: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element and its attributes."""
        self.tags.append(tag)
        if tag not in self.VOID:
            self.stack.append(tag)
        named = dict(attrs)
        self.hrefs += [named["href"] or ""] if "href" in named else []
        self.ids += [named["id"] or ""] if "id" in named else []
        assert "src" not in named

    def handle_endtag(self, tag: str) -> None:
        """An element must close the one that was opened last."""
        assert self.stack.pop() == tag


def row_of(text: str, identity: str) -> str:
    """The line of a rule in the terminal's table."""
    return next(line for line in text.splitlines() if line.startswith(f"  {identity} "))


@pytest.mark.parametrize("run", [RUN, EMPTY], ids=["run", "empty"])
def test_the_table_lists_every_rule_within_its_width(run: Run) -> None:
    """No line is longer than 110 characters, and no rule or group is missing."""
    lines = table(run).splitlines()
    assert max(map(len, lines)) <= 110
    assert [line.split()[0] for line in lines if line.startswith("  ") and line.split()[0] in RULES] == list(RULES)
    assert set(GROUPS.values()) <= set(lines)


def test_the_table_gives_verdict_number_and_promise() -> None:
    """A row can be read without its neighbours."""
    text = table(RUN)
    assert re.match(r"  ROLE-1 +pass +1 test +In normal running P's", row_of(text, "ROLE-1"))
    assert re.match(r"  ROLE-2 +fail +1 test +When P's portal .* …$", row_of(text, "ROLE-2"))
    assert re.match(r"  ROLE-10 +unknown +2 tests ", row_of(text, "ROLE-10"))
    assert re.match(r"  ROLE-3 +not tested +- ", row_of(text, "ROLE-3"))


def test_the_table_explains_what_failed_and_what_is_unknown() -> None:
    """A reader of a log sees why without opening the page."""
    text = table(RUN)
    assert "ROLE-2 fail\n  failed: tests/scenarios" in text
    assert "    expected <b>login</b> & got <script>alert('x')</script> red very" in text
    assert "ROLE-10 unknown\n  skipped: tests/scenarios" in text
    assert "    the kernel has no netem" in text
    assert f"rules: 1 fail, 1 unknown, 2 pass, {len(RULES) - 4} not tested; 5 tests in 61.5 s\n" in text


def test_the_table_is_plain_unless_colour_is_asked_for() -> None:
    """A message cannot drive the terminal, and colour changes nothing but colour."""
    plain, painted = table(RUN), table(RUN, colour=True)
    assert all(c.isprintable() or c == "\n" for c in plain)
    assert "\x1b[31mfail" in painted
    assert re.sub(r"\x1b\[\d+m", "", painted) == plain


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("all of it", 9, "all of it"),
        ("all of it", 8, "all of …"),
        ("  in an indent", 10, "  in an …"),
        ("unbreakable", 6, "unbre…"),
        ("  unbreakable", 8, "  unbre…"),
        ("  a unbreakable_name", 12, "  a unbreak…"),
    ],
)
def test_shorten_keeps_the_width_and_the_indent(text: str, width: int, short: str) -> None:
    """What is cut is marked as cut."""
    assert shorten(text, width) == short


def test_the_page_escapes_what_tests_said() -> None:
    """A message with a script in it is text."""
    page = render(RUN)
    assert "<script" not in page
    assert "&lt;script&gt;alert(" in page
    assert "&lt;engine&gt;" in page
    assert "\x1b" not in page


@pytest.mark.parametrize("run", [RUN, EMPTY], ids=["run", "empty"])
def test_the_page_is_whole_and_fetches_nothing(run: Run) -> None:
    """Elements nest, ids are single, and nothing is loaded: it works from a folder without a network."""
    page = render(run, files=["junit.xml"])
    assert page.startswith("<!doctype html>")
    reader = Reader(page)
    assert reader.stack == []
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)
    inside = [href for href in reader.hrefs if href.startswith("#")]
    assert {href[1:] for href in inside} <= set(reader.ids)
    assert [href for href in reader.hrefs if href not in inside] == ["./junit.xml"]
    assert "@import" not in page
    assert "url(" not in page
    assert len(reader.ids) == len(set(reader.ids))
    assert set(RULES) <= set(reader.ids)


def test_the_page_tells_a_verdict_by_word_and_sign() -> None:
    """Nobody has to see colours to read it."""
    page = render(RUN)
    assert len(set(MARKS.values())) == len(Verdict)
    for identity, verdict in (("ROLE-2", "fail"), ("ROLE-10", "unknown"), ("ROLE-1", "pass")):
        row = page.split(f'id="{identity}"')[1].split("</tr>")[0]
        assert re.search(rf'aria-hidden="true">{re.escape(MARKS[Verdict(verdict)])}</span> {verdict}<', row)


def test_the_page_tells_the_readings_that_a_rule_rests_on() -> None:
    """What is ours is told by name, beside each rule that rests on it, and beside no other."""
    page = render(EMPTY)
    rows = {identity: page.split(f'id="{identity}"')[1].split("</tr>")[0] for identity in RULES}
    for name, reading in READINGS.items():
        told = {identity for identity, row in rows.items() if f"Our reading “{name}”: " in row}
        assert told == set(reading.rests_on)
        assert escape(reading.text) in rows[reading.rests_on[0]]


def test_the_page_opens_the_evidence_of_what_is_no_pass() -> None:
    """Failures and unknowns are seen at once; what passed can be opened."""
    page = render(RUN)
    opened = re.findall(r"<details( open)?><summary>Evidence for ([A-Z0-9-]+)<", page)
    assert {identity: bool(flag) for flag, identity in opened} == {
        "ROLE-1": False,
        "ROLE-2": True,
        "ROLE-10": True,
        "VIEW-1": False,
    }
    assert "test_of_no_rule" in page


def test_the_page_names_first_what_did_not_pass() -> None:
    """Nobody has to scroll through 60 rules to find the one that broke."""
    page = render(RUN)
    assert re.findall(r'<a href="#([A-Z0-9-]+)">', page) == ["ROLE-2", "ROLE-10"]
    assert page.index('href="#ROLE-10"') < page.index('id="CFG-1"')
    assert "Rules that did not pass" not in render(EMPTY)


def test_write_report_puts_page_and_verdicts_beside_what_is_there(tmp_path: Path) -> None:
    """Logs and histories of the run are linked, odd names included, and nothing half-written stays."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "primary portal#1.log").write_text("x")
    (tmp_path / "javascript:alert(1)").write_text("x")
    write_report(tmp_path, EMPTY)
    page = write_report(tmp_path, RUN)
    assert page == tmp_path / "index.html"
    assert [href for href in Reader(page.read_text()).hrefs if not href.startswith("#")] == [
        "./javascript%3Aalert%281%29",
        "./logs/primary%20portal%231.log",
        "./verdicts.json",
    ]
    assert not list(tmp_path.glob("*.part"))


def test_write_report_makes_its_folder_and_takes_any_text(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 reach us as lone surrogates; a report must not die of them."""
    run = Run(outcomes=(outcome(Result.FAILED, "ROLE-2", said="\udcff"),), started_at="", seconds=0)
    folder = tmp_path / "a" / "b"
    write_report(folder, run)
    data = json.loads((folder / "verdicts.json").read_text())
    assert next(row for row in data["rules"] if row["id"] == "ROLE-2")["reasons"] == ["\udcff"]


def test_verdicts_json_says_what_the_page_says(tmp_path: Path) -> None:
    """Programs get the schema's version, the status, and every rule with its evidence."""
    write_report(tmp_path, RUN)
    data = json.loads((tmp_path / "verdicts.json").read_text())
    assert (data["schema"], data["schema_version"]) == ("portal-resilience-testbed/verdicts", 1)
    assert data["exit_status"] == 1
    assert data["summary"] == {"fail": 1, "unknown": 1, "pass": 2, "not tested": len(RULES) - 4}
    assert [row["id"] for row in data["rules"]] == list(RULES)
    failed = next(row for row in data["rules"] if row["id"] == "ROLE-2")
    assert failed["verdict"] == "fail"
    assert failed["sources"] == ["SEED", "DOCUMENTATION"]
    assert failed["reasons"] == [failed["tests"][0]["message"]] == [NASTY]
    assert [test["nodeid"] for test in data["tests_without_a_rule"]] == [RUN.outcomes[-1].nodeid]
