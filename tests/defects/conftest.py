"""What the tests of this folder share: one run of all that catches the defects in question."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import pytest

from testbed.defects import CAUGHT_BY
from tests.defects.runner import Ended

ROOT = Path(__file__).parents[2]

LONGEST_S = 600
"""A defect may make something endless, and nobody waits for that."""

Results: TypeAlias = dict[str, list[Ended]]


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> Results:
    """How the catching tests end, by the defect that is planted; by the empty name, with none planted."""
    asked = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    plan = {name: CAUGHT_BY[name] for name in CAUGHT_BY if name in asked}
    plan[""] = tuple(dict.fromkeys(test for tests in plan.values() for test in tests))
    command = [sys.executable, "-m", "tests.defects.runner"]
    done = subprocess.run(  # noqa: S603 - a module of this folder
        command, cwd=ROOT, input=json.dumps(plan), capture_output=True, text=True, check=False, timeout=LONGEST_S
    )
    assert done.returncode == 0, done.stderr
    return {name: [Ended(*one) for one in ended] for name, ended in json.loads(done.stdout).items()}
