"""What is undone is undone to the end, whatever fails and however often somebody presses Ctrl-C."""

from __future__ import annotations

import pytest

from testbed.errors import BedError
from testbed.undo import TRIES, Undo


class Steps:
    """Steps that fail or are interrupted so many times, and what was done."""

    def __init__(self) -> None:
        self.undo = Undo()
        self.done: list[str] = []

    def add(self, name: str, *raises: BaseException) -> None:
        """One that raises these, one a time, before it is done."""
        left = list(raises)

        def act() -> None:
            if left:
                raise left.pop(0)
            self.done.append(name)

        self.undo.callback(act)


@pytest.fixture
def steps() -> Steps:
    """None yet."""
    return Steps()


def test_an_interruption_leaves_nothing_undone(steps: Steps) -> None:
    """The step that it hit is done after all, so are the others, and then it goes its way."""
    steps.add("last")
    steps.add("middle", KeyboardInterrupt())
    steps.add("first")
    with pytest.raises(KeyboardInterrupt):
        steps.undo.close()
    assert steps.done == ["first", "middle", "last"]


def test_what_failed_besides_an_interruption_is_noted_on_it(steps: Steps) -> None:
    """Nobody would hear of it otherwise."""
    steps.add("last", BedError("cannot start the portal"))
    steps.add("first", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt) as raised:
        steps.undo.failures()
    assert steps.done == ["first"]
    assert raised.value.__notes__ == ["not undone: cannot start the portal"]


def test_no_failure_takes_the_place_of_the_interruption_that_left_the_block(steps: Steps) -> None:
    """Whoever asked for an end by Ctrl-C gets it, and hears what could not be undone."""
    steps.add("last")
    steps.add("first", BedError("had no effect"))
    with pytest.raises(KeyboardInterrupt) as raised, steps.undo:
        raise KeyboardInterrupt
    assert steps.done == ["last"]
    assert raised.value.__notes__ == ["not undone: had no effect"]


def test_a_block_that_is_left_otherwise_is_undone_too(steps: Steps) -> None:
    """By its end, or by an error; what could not be undone is told."""
    with steps.undo:
        steps.add("once")
    steps.add("again")
    with pytest.raises(ZeroDivisionError), steps.undo:
        raise ZeroDivisionError
    assert steps.done == ["once", "again"]
    steps.add("never", BedError("stays"))
    with pytest.raises(BedError, match="stays"), steps.undo:
        pass


def test_who_interrupts_a_step_each_time_gets_on_to_the_next(steps: Steps) -> None:
    """And it is told that the step was not done."""
    steps.add("last")
    steps.add("first", *[KeyboardInterrupt() for _ in range(TRIES)])
    failures, interruption = steps.undo.finish()
    assert steps.done == ["last"]
    assert isinstance(interruption, KeyboardInterrupt)
    assert [str(failure) for failure in failures] == ["a step of undoing was interrupted each time"]


def test_every_failure_is_told(steps: Steps) -> None:
    """One as it is, several as a group; the steps between them are done."""
    steps.add("last", BedError("one"))
    steps.add("middle")
    steps.add("first", BedError("other"))
    with pytest.raises(ExceptionGroup) as failed:
        steps.undo.close()
    assert [str(error) for error in failed.value.exceptions] == ["other", "one"]
    assert steps.done == ["middle"]
    steps.add("alone", BedError("one"))
    with pytest.raises(BedError, match="one"):
        steps.undo.close()
