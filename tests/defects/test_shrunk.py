"""A failing run on containers is reduced to what shows its defect. It takes minutes: `make soak` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.defects import SEEN_BY
from testbed.schedules.schedule import read
from tests.defects.courses import COURSES, MANY
from tests.defects.test_judged import finds, replayed

if TYPE_CHECKING:
    from pathlib import Path

SHRINKS = "losses-untold"
"""What is planted."""


def test_a_failing_run_is_shrunk_to_what_shows_the_defect(tmp_path: Path) -> None:
    """At most three faults are left, which fail again with the defect, and pass without."""
    defect = ("--defect", f"{COURSES[SHRINKS].place}:{SHRINKS}")
    ended = replayed(MANY, tmp_path / "first", *defect, "--shrink-for", "2m")
    assert ended.code == 1, ended
    shrunk = ended.json["shrunk"]
    assert (shrunk["flaky"], shrunk["rate"]) == (False, 1.0)
    assert 1 <= shrunk["faults"] <= 3 < MANY.faults
    left = read((tmp_path / "first" / "report" / "shrunk.json").read_text(encoding="utf-8"))
    again = replayed(left, tmp_path / "again", *defect)
    assert (again.code, finds(SHRINKS, again.json) >= set(SEEN_BY[SHRINKS])) == (1, True), again
    assert replayed(left, tmp_path / "without").code == 0
