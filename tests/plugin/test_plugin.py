"""The plugin: markers are checked before anything runs, and the report says what happened, no more."""

from __future__ import annotations

import json

import pytest

SUITE = """
    import pytest

    @pytest.mark.rule("ROLE-1")
    def test_passes(): pass

    @pytest.mark.rule("ROLE-2")
    def test_fails(): assert False, "<b>why</b>"

    @pytest.mark.rule("ROLE-3")
    @pytest.mark.skip(reason="no netem")
    def test_is_skipped(): pass

    @pytest.fixture
    def broken(): raise RuntimeError("no bed")

    @pytest.mark.rule("ROLE-4")
    def test_has_no_bed(broken): pass
"""


def test_a_rule_that_does_not_exist_stops_the_run(pytester: pytest.Pytester) -> None:
    """A mistyped rule must not pass as an untested one."""
    pytester.makepyfile('import pytest\n@pytest.mark.rule("ROLE-99")\ndef test_x(): pass\n')
    result = pytester.runpytest_subprocess()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*ROLE-99*"])


@pytest.mark.parametrize("workers", [(), ("--numprocesses=2",)])
def test_the_report_gives_each_rule_the_verdict_of_its_tests(
    pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    """Passed, failed, skipped and broken tests end as pass, fail, unknown and unknown; whoever ran them."""
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess("--testbed-report", "out", *workers)
    assert result.ret == 1
    rules = json.loads((pytester.path / "out" / "verdicts.json").read_text())["rules"]
    verdicts = {one["id"]: one["verdict"] for one in rules}
    assert [verdicts[f"ROLE-{n}"] for n in range(1, 6)] == ["pass", "fail", "unknown", "unknown", "not tested"]
    assert (pytester.path / "out" / "junit.xml").exists()
    page = (pytester.path / "out" / "index.html").read_text()
    assert "<b>why" not in page
    assert "junit.xml" in page


def test_tests_that_name_no_rule_leave_no_report_in_the_terminal(pytester: pytest.Pytester) -> None:
    """Other people's suites are not bothered by an installed plugin."""
    pytester.makepyfile("def test_x(): pass\n")
    result = pytester.runpytest_subprocess()
    assert result.ret == 0
    assert "ROLE-1" not in result.stdout.str()
