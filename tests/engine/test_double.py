"""The engine in memory is asked as the real one: what `test_failing_calls` finds there would be found here."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from testbed.engine import labels
from testbed.faults import Certificate, SlowStart, Stop
from testbed.history import History
from testbed.waiting import wait_until
from tests.engine.breaking import ENGINE, Way, broken
from tests.engine.trials import FAULTS, NAME, trial

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from testbed.engine.images import Images
    from testbed.faults import Fault
    from tests.engine.double import Double
    from tests.engine.trials import Trial

_NOISE = re.compile(r"(/v1[.]\d+)|([?]\S*)|( HTTP/1.1)")
_WHICH = re.compile(r"/(containers|networks|volumes|images|exec)/(?!json|create)[^ ]+?(?=/\w+$|$)")
_LOOK = "GET /containers/json"

Steps = dict[str, tuple[Counter[str], list[str]]]


def shapes(seen: list[str]) -> Counter[str]:
    """The requests without what differs from run to run."""
    return Counter(_WHICH.sub(r"/\1/*", _NOISE.sub("", line)) for line in seen)


def walk(on: Trial, engine: Double | None = None) -> Steps:
    """What was asked in each operation, and the states of the containers then; in this engine, or the real one."""
    steps: Steps = {}

    def note(step: str, *, looks: bool = False) -> None:
        asked = shapes(on.way.seen)
        if looks:
            asked[_LOOK] = min(asked[_LOOK], 1)
        rows = on.client.api.containers(all=True, filters={"label": f"{labels.NAME}={NAME}"})
        steps[step] = asked, sorted(f"{row['Names'][0]} {row['State']}" for row in rows)
        on.way.seen.clear()

    record = on.up()
    note("up")
    on.meet(record)
    if engine is None:
        on.bed.wait_until_settled()
    on.way.seen.clear()
    assert on.bed.links.servers() == ("primary", "secondary")
    note("links")
    on.bed.close()
    if engine is not None:
        on.look_into(engine)
    for fault in (fault for fault in FAULTS if not isinstance(fault, Stop)):  # takes 10 s where it just starts
        # A process takes a while to show another certificate: how often it is looked at meanwhile is up to it.
        looks = isinstance(fault, Certificate)
        on.inject(fault)
        note(f"inject {fault}", looks=looks)
        begun(on, fault)
        on.nemesis.heal(fault)
        note(f"heal {fault}", looks=looks)
    on.down()
    note("down")
    return steps


def begun(on: Trial, fault: Fault) -> None:
    """Wait until what a process writes down of its start is written: it is needed for the proof."""
    if isinstance(fault, SlowStart):
        starts = on.bed.volumes.starts
        wait_until(lambda: starts(fault.target), lambda seen: bool(seen and seen.starts), within_s=10, what="a start")
        on.way.seen.clear()


def test_the_engine_in_memory_is_asked_as_the_real_one(
    tried: Trial, double: Double, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same requests, as often, in each operation; and the containers have the same states under each fault."""
    in_memory = walk(tried, double)
    folder = tmp_path / "real"
    folder.mkdir()
    way = Way()
    with broken(folder, way, engine=ENGINE) as host, History(folder / "history.jsonl") as history:
        monkeypatch.setenv("DOCKER_HOST", host)
        with trial(host, way, images, history, folder / "bed") as real:
            try:
                assert walk(real) == in_memory
            finally:
                real.down()
