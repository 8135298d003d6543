"""`python -m tests.bench [--json] [--few N] [--many N] [--simulator]`: measures, prints a table; asserts nothing."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from testbed import environment, runs
from testbed.engine.images import ensure_images
from tests.bench.figures import found_table, table
from tests.bench.measures import Bench
from tests.bench.simulated import simulated


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the testbed.")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--few", type=int, default=5, metavar="N", help="how often to do what takes seconds")
    parser.add_argument("--many", type=int, default=200, metavar="N", help="how often to do what takes milliseconds")
    parser.add_argument("--simulator", action="store_true", help="only how fast the simulator is; needs no engine")
    options = parser.parse_args()
    if options.simulator:
        speed = simulated(options.few)
        print(json.dumps([speed.row()], indent=2) if options.json else found_table([speed]))  # noqa: T201
        return 0
    client = environment.engine()
    images = ensure_images(client, base=environment.base(), say=lambda line: print(line, file=sys.stderr))  # noqa: T201
    with runs.run(environment.state_folder() / "runs") as (run, _), tempfile.TemporaryDirectory() as folder:
        bench = Bench(client=client, images=images, run=run, folder=Path(folder), few=options.few, many=options.many)
        figures = list(bench.measure())
    rows = [one.row() for one in figures] + [one.row() for one in bench.found]
    print(json.dumps(rows, indent=2) if options.json else f"{table(figures)}\n\n{found_table(bench.found)}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
