"""How fast the simulator is: a walk on one core, beside the floor that it is to keep. No engine."""

from __future__ import annotations

import time

from testbed.simulator.parts import Setting
from testbed.simulator.walk import walk
from tests.bench.figures import Found

FLOOR = 20_000
"""Steps a second on one core."""


def simulated(rounds: int) -> Found:
    """The fastest of so many walks: a busy machine slows any of them, and nothing makes one faster than it is.

    Args:
        rounds: how often the same is walked; each takes about a second.
    """
    return Found(what="simulator, steps/s (asked: the floor)", asked=FLOOR, found=max(_speed() for _ in range(rounds)))


def _speed() -> float:
    began = time.process_time()
    walked = walk(Setting(), faults=1, hurried=1)
    return walked.steps / (time.process_time() - began)
