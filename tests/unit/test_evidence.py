"""Tests and the rules that they show are found in source text, wherever the mark stands."""

from __future__ import annotations

import pytest

from testbed.errors import MisuseError
from testbed.evidence import by_rule, named_tests

SOURCE = '''
import pytest

pytestmark = [pytest.mark.rule("ROLE-1"), pytest.mark.slow]

EITHER = [pytest.param(1, marks=pytest.mark.rule("ROLE-5")), 2]
BOTH = [*EITHER, pytest.param(3, marks=[pytest.mark.rule("ROLE-6")])]
notice = "pytest.mark.rule('ROLE-99')"


@pytest.mark.rule("ROLE-2", "ROLE-3")
@pytest.mark.rule("ROLE-2")
def test_plain(bed, path):
    """Something holds.

    And more.
    """


@pytest.mark.parametrize("n", BOTH)
@pytest.mark.parametrize("m", [pytest.param(1, marks=pytest.mark.rule("ROLE-4"))])
async def test_with_parameters(n, m, *, nemesis): ...


@pytest.mark.rule("ROLE-7")
class TestTogether:
    pytestmark = pytest.mark.rule("ROLE-8")

    @pytest.mark.rule("ROLE-9")
    def test_within(self, bed): ...

    @pytest.mark.rule("ROLE-10")
    def helper(self, bed): ...

    class TestDeeper:
        def test_below(self): ...


def test_bare():
    mark = pytest.mark.rule("ROLE-11")


@pytest.mark.rule("ROLE-12")
def helper(bed): ...


@pytest.mark.rule("ROLE-13")
class Helper:
    def test_not_collected(self): ...
'''


def test_marks_count_wherever_they_stand() -> None:
    """On function, class and module, and on parameters written in a decorator or in a list of the module."""
    found = {
        test.nodeid.removeprefix("tests/test_a.py::"): test.rules for test in named_tests("tests/test_a.py", SOURCE)
    }
    assert found == {
        "test_plain": ("ROLE-1", "ROLE-2", "ROLE-3"),
        "test_with_parameters": ("ROLE-1", "ROLE-6", "ROLE-5", "ROLE-4"),
        "TestTogether::test_within": ("ROLE-1", "ROLE-7", "ROLE-8", "ROLE-9"),
        "TestTogether::TestDeeper::test_below": ("ROLE-1", "ROLE-7", "ROLE-8"),
        "test_bare": ("ROLE-1",),
    }


def test_a_test_is_found_with_what_it_takes_and_promises() -> None:
    """Arguments by name, keyword-only ones included, and the first line of the docstring."""
    tests = {test.nodeid.rpartition("::")[2]: test for test in named_tests("tests/test_a.py", SOURCE)}
    assert (tests["test_plain"].arguments, tests["test_plain"].promise) == (("bed", "path"), "Something holds.")
    assert (tests["test_with_parameters"].arguments, tests["test_with_parameters"].promise) == (
        ("n", "m", "nemesis"),
        "",
    )
    assert SOURCE.splitlines()[tests["test_plain"].line - 1].startswith("def test_plain")


def test_tests_are_listed_by_rule() -> None:
    """In the order in which they stand; a rule that nobody names is not there."""
    found = by_rule(named_tests("a.py", SOURCE))
    assert [test.nodeid for test in found["ROLE-7"]] == [
        "a.py::TestTogether::test_within",
        "a.py::TestTogether::TestDeeper::test_below",
    ]
    assert not {"ROLE-10", "ROLE-11", "ROLE-12", "ROLE-13", "ROLE-99"} & set(found)


def test_text_that_is_no_python_is_named() -> None:
    """With the file and the line."""
    with pytest.raises(MisuseError, match=r"tests/test_b.py, line 2: "):
        named_tests("tests/test_b.py", "x = 1\ndef (:\n")
