"""The measurements run; what they measure is none of the tests' business."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.usefixtures("images")
def test_bench_measures_each_once() -> None:
    """With n = 1 everything is measured, and printed as JSON."""
    command = [sys.executable, "-m", "tests.bench", "--json", "--few", "1", "--many", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)  # noqa: S603 - ours
    every = json.loads(ended.stdout)
    rows, found = [[row for row in every if ("n" in row) is timed] for timed in (True, False)]
    assert {"what", "asked", "found", "off_percent"} == set().union(*found)
    assert all(row["n"] >= 1 and 0 <= row["median_ms"] <= row["p99_ms"] for row in rows)
    measured = {"up, until all services answer", "reset of a bed", "cut of a link, both ways", "8 pods split in two"}
    assert measured | {"judging a file of 100,000 operations of all kinds"} <= {r["what"] for r in rows}
