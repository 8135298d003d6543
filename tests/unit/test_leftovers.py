"""What is left over: nobody will remove it but `testbed gc`."""

from __future__ import annotations

import pytest

from testbed.leftovers import Found, is_left
from testbed.runs import Fate


@pytest.mark.parametrize(
    ("fate", "keeps", "left"),
    [
        (Fate.ALIVE, False, False),
        (Fate.ENDED, True, False),
        (Fate.ENDED, False, True),
        (Fate.DIED, False, True),
        (Fate.DIED, True, True),
        (Fate.UNKNOWN, False, False),
    ],
)
def test_only_what_a_dead_run_left_is_left_over(fate: Fate, keeps: bool, left: bool) -> None:  # noqa: FBT001
    """What is to stay stays, unless its run died in making it; who may live keeps all."""
    assert is_left(Found(run="1", name="demo", keeps=keeps), fate) is left
