"""A history of any length: judged right, and in steps that grow as it does."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

import pytest

from testbed.checkers import Outcome, judge
from testbed.errors import MisuseError
from testbed.history import Record, read
from testbed.recording.schema import strange
from tests.bench.judged import LOST_A_ROUND, OPERATIONS_A_ROUND, long_history, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from testbed.checkers import Judgement

ROUNDS = 2


def steps_of(act: Callable[[], object]) -> int:
    """How many steps of the interpreter something takes: the same for the same input, however busy the machine is."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


def judged(rounds: int, operations: int) -> Judgement:
    """A made-up history of so many failovers and operations."""
    return judge(long_history(rounds * operations))


def test_a_long_history_is_judged_to_keep_the_rules() -> None:
    """Each checker finds something to judge; half was done on the secondary, and is lost as the rules have it."""
    judgement = judged(ROUNDS, OPERATIONS_A_ROUND)
    assert [(one.checker, one.evidence) for one in judgement.verdicts if one.outcome is not Outcome.PASS] == []
    assert judgement.changes_lost == ROUNDS * LOST_A_ROUND
    assert judgement.rto_ms == 920


def test_twice_the_history_takes_twice_the_steps() -> None:
    """Not four times: a hundred thousand operations have to be judged in seconds. Counted, not timed."""
    small, large = (long_history(rounds * OPERATIONS_A_ROUND) for rounds in (ROUNDS, 2 * ROUNDS))
    assert steps_of(lambda: judge(large)) < 2.2 * steps_of(lambda: judge(small))


@pytest.mark.parametrize("searches", [True, False])
def test_the_search_for_cycles_is_afterwards_as_it_was(searches: bool) -> None:  # noqa: FBT001 - a parameter
    """Whoever has switched it off has a reason, and an error changes nothing."""
    before = gc.isenabled()
    nameless = Record(kind="bed", at="", monotonic_ms=0, fields={})
    try:
        (gc.enable if searches else gc.disable)()
        judge([])
        with pytest.raises(MisuseError):
            judge([nameless])
        assert gc.isenabled() is searches
    finally:
        (gc.enable if before else gc.disable)()


def test_steps_of_tells_linear_from_quadratic() -> None:
    """The count of what is known to grow as the square."""

    def quadratic(count: int) -> int:
        return sum(1 for _ in range(count) for _ in range(count))

    assert steps_of(lambda: quadratic(40)) > 3.5 * steps_of(lambda: quadratic(20))
    assert steps_of(lambda: sum(1 for _ in range(400))) < 2.2 * steps_of(lambda: sum(1 for _ in range(200)))


def test_the_file_of_a_long_history_is_read_as_it_was_made(tmp_path: Path) -> None:
    """What the benchmark measures is the same history; every record is as the schema has it."""
    made = long_history(OPERATIONS_A_ROUND)
    write(made, tmp_path / "h.jsonl")
    first, *others = read(tmp_path / "h.jsonl")
    assert (first.kind, others) == ("history", made)
    assert {one for record in made for one in strange(record)} == set()
