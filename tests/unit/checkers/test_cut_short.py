"""A history in which the testbed itself failed passes nothing, and accuses nobody of what it only believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from testbed.checkers import Outcome, judge
from testbed.cli.recheck import recheck
from tests.unit.checkers.telling import CUT, normal, said, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.checkers.telling import Tale


def cut(*, lapsed: bool, both_until_ms: float = 8000) -> Tale:
    """The link is cut; where the fault lapsed, it is whole again from 2500 ms on, and nobody but the kernel knows.

    In the other history the secondary serves on after the cut was healed, as one may that has not heard of it yet.
    """
    tale = normal().fault(CUT, 1000).role("secondary", "Available", 2200)
    if lapsed:
        tale.role("secondary", "Starting", 2700)
        tale.healed({"fault": "cut"}, 7000).tell(7100, "lapse", bed="b", fault="cut", held_ms=2500.0, noticed_ms=7000.0)
    else:
        tale.healed(CUT, 7000).role("secondary", "Starting", 7200)
    return tale.watched(0, both_until_ms)


def test_what_was_seen_after_a_lapse_is_not_held_against_anybody() -> None:
    """The secondary gave way to a primary that it heard; as the cut was believed to hold, the oracle would blame it."""
    assert said(judge(cut(lapsed=False).records), "roles").outcome is Outcome.PASS
    without_a_word = [one for one in cut(lapsed=True).records if one.kind != "lapse"]
    assert said(judge(without_a_word), "roles").outcome is Outcome.FAIL
    judgement = judge(cut(lapsed=True).records)
    assert {one.outcome for one in judgement.verdicts} == {Outcome.UNKNOWN}
    told = said(judgement, "roles").evidence
    assert "cut ended before its time: nothing after 2500 ms proves anything" in told
    assert (judgement.rto_ms, judgement.changes_lost) == (None, None)


def test_what_was_wrong_before_a_lapse_still_is() -> None:
    """Two over a whole link, before there was any fault; as far as the portals had told by then."""
    tale = normal().role("secondary", "Available", 100).role("secondary", "Starting", 3000).fault(CUT, 4000)
    tale.tell(6000, "lapse", bed="b", fault="cut", held_ms=5000.0, noticed_ms=6000.0).watched(0, 8000)
    assert said(judge(tale.records), "one portal").outcome is Outcome.FAIL


def test_another_beds_lapse_is_its_own() -> None:
    """Both beds are of one history."""
    tale = normal().tell(50, "bed", **{**normal().records[0].fields, "bed": "other"})
    tale.tell(5000, "lapse", bed="b", fault="cut", held_ms=2500.0, noticed_ms=5000.0).watched(60, 8000)
    assert any(line.startswith("b: cut ended") for line in said(judge(tale.records), "one portal").evidence)
    assert not any(line.startswith("other: cut ended") for line in said(judge(tale.records), "one portal").evidence)


def test_a_run_in_which_the_testbed_broke_down_does_not_pass(tmp_path: Path) -> None:
    """Not when it is judged again, either: exit code 2, with the reason."""
    tale = normal().watched(0, 4000)
    assert CliRunner().invoke(recheck, [str(written(tale, tmp_path))]).exit_code == 0
    tale.tell(4100, "breakdown", why="no engine answers", trace="")
    (tmp_path / "history.jsonl").unlink()
    ended = CliRunner().invoke(recheck, [str(written(tale, tmp_path))])
    assert ended.exit_code == 2, ended.output
    assert "the testbed itself failed: no engine answers" in ended.output
