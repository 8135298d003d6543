"""What is measured, each beside what it is compared with: acts on a real engine, all removed again."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from testbed import environment
from testbed.bed import Bed
from testbed.checkers import judge
from testbed.engine import labels
from testbed.engine.images import ensure_images
from testbed.engine.sweep import sweep
from testbed.history import read
from testbed.topology import Topology
from tests.bench import floor, links
from tests.bench.figures import Series
from tests.bench.judged import long_history, write
from tests.bench.simulated import simulated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import docker

    from testbed.engine.images import Images
    from tests.bench.figures import Figure, Found


OPERATIONS = 100_000
"""Of the history that is judged."""


@dataclass(kw_only=True)
class Bench:
    """What measures need.

    Attributes:
        client: the engine.
        images: of the stubs.
        run: whose janitor removes what an interrupted measurement leaves.
        folder: for certificates.
        few: how often to do what takes seconds.
        many: how often to do what takes milliseconds.
        found: what was measured beside what is asked for, once `measure` is through.
    """

    client: docker.DockerClient
    images: Images
    run: str
    folder: Path
    few: int
    many: int
    found: list[Found] = field(default_factory=list)

    def measure(self) -> Iterator[Figure]:
        """Everything; each figure as soon as it is there."""
        yield from self._ups()
        with self._bed() as bed:
            yield from self._resets(bed)
            yield from links.changes(bed, many=self.many)
            yield from links.peers(bed, self.client.api, self.images.server, many=max(1, self.many // 10))
        with links.pods(self.client.api, self.images.server, run=self.run, count=8) as eight:
            yield from links.splits(eight, many=max(1, self.many // 4))
            self.found = [*links.worsened(eight), simulated(self.few)]
        yield self._images()
        yield self._judging()

    def _name(self) -> str:
        return f"cli-bench-{secrets.token_hex(4)}"

    @contextlib.contextmanager
    def _bed(self) -> Iterator[Bed]:
        bed = self._up(self._name())
        try:
            yield bed
        finally:
            bed.down()

    def _up(self, name: str) -> Bed:
        return Bed.up(
            self.client,
            self.images,
            Topology(),
            name=name,
            folder=self.folder / name,
            run=self.run,
            keep=False,
            pool=environment.pool(),
        )

    def _ups(self) -> Iterator[Figure]:
        """By turns, so that a busy minute of the machine falls on both."""
        ours, bare = Series("up, until all services answer"), Series("  floor: the same containers, sleeping")
        beds: list[Bed] = []
        for _ in range(self.few):
            name = self._name()
            bare.time(
                lambda name=name: floor.start(  # type: ignore[misc]
                    self.client, self.images, name=name, run=self.run, pool=environment.pool()
                )
            )
            sweep(self.client.api, {labels.RUN: self.run}).raise_failures()
            ours.time(lambda: beds.append(self._up(self._name())))
            beds.pop().down()
        yield ours.figure()
        yield bare.figure()

    def _resets(self, bed: Bed) -> Iterator[Figure]:
        series = Series("reset of a bed")
        for _ in range(self.few * 4):
            series.time(bed.reset)
        yield series.figure()

    def _judging(self) -> Figure:
        """It is to stay under five seconds, from the file to the verdicts."""
        series = Series(f"judging a file of {OPERATIONS:,} operations of all kinds")
        path = self.folder / "long.jsonl"
        write(long_history(OPERATIONS), path)
        for _ in range(max(1, self.few // 2)):
            series.time(lambda: judge(read(path)))
        return series.figure()

    def _images(self) -> Figure:
        series = Series("images build, nothing changed")
        for _ in range(self.few * 4):
            series.time(lambda: ensure_images(self.client, base=environment.base(), say=print))
        return series.figure()
