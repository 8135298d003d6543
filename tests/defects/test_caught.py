"""Each planted defect is found by ordinary tests, which name a rule that it breaks and pass without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.defects import CAUGHT_BY, DEFECTS

if TYPE_CHECKING:
    from tests.defects.conftest import Results
    from tests.defects.runner import Ended


def test_every_defect_is_listed_with_what_catches_it() -> None:
    """None is without, and nothing is said to catch one that there is not."""
    assert set(CAUGHT_BY) == set(DEFECTS)
    assert all(CAUGHT_BY.values())


@pytest.mark.parametrize("name", CAUGHT_BY)
def test_a_planted_defect_is_caught_by_what_names_its_rule(name: str, results: Results) -> None:
    """Each test that is listed fails by what it asserts, and names one of the rules that the defect breaks."""
    found = results.get(name, [])
    for test in CAUGHT_BY[name]:
        ended = of(test, found)
        failed = [one for one in ended if one.outcome == "failed"]
        assert failed, f"{test} does not catch it: {ended}"
        assert any(set(one.rules) & set(DEFECTS[name].breaks) for one in failed), f"the wrong rules: {failed}"


@pytest.mark.parametrize("name", CAUGHT_BY)
def test_what_catches_a_defect_passes_without_it(name: str, results: Results) -> None:
    """All of it: a test that fails anyway catches nothing."""
    for test in CAUGHT_BY[name]:
        ended = of(test, results[""])
        assert ended, f"{test} did not run"
        assert [one for one in ended if one.outcome != "passed"] == []


def of(test: str, ended: list[Ended]) -> list[Ended]:
    """How a test ended, with each of its parameters where none is named."""
    return [one for one in ended if one.nodeid == test or one.nodeid.startswith(f"{test}[")]
