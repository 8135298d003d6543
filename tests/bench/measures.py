"""What is measured, each beside what it is compared with: acts on a real engine, all removed again."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed import environment
from testbed.bed import Bed
from testbed.engine import labels
from testbed.engine.images import ensure_images
from testbed.engine.names import Names
from testbed.engine.sweep import sweep
from testbed.network import nft
from testbed.partitions import cut
from testbed.topology import Topology
from tests.bench import floor
from tests.bench.figures import Series

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import docker

    from testbed.engine.images import Images
    from tests.bench.figures import Figure


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What measures need.

    Attributes:
        client: the engine.
        images: of the stubs.
        run: whose janitor removes what an interrupted measurement leaves.
        folder: for certificates.
        few: how often to do what takes seconds.
        many: how often to do what takes milliseconds.
    """

    client: docker.DockerClient
    images: Images
    run: str
    folder: Path
    few: int
    many: int

    def measure(self) -> Iterator[Figure]:
        """Everything; each figure as soon as it is there."""
        yield from self._ups()
        with self._bed() as bed:
            yield from self._resets(bed)
            yield from self._links(bed)
            yield from self._networks(bed)
        yield self._images()

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

    def _links(self, bed: Bed) -> Iterator[Figure]:
        faults = cut("primary", "secondary")
        cuts, heals = Series("cut of a link, both ways"), Series("heal of a link")
        bed.links.heal_all()
        for _ in range(self.many):
            cuts.time(lambda: bed.links.inject(faults))
            heals.time(lambda: bed.links.heal(faults))
        yield cuts.figure()
        yield heals.figure()

    def _networks(self, bed: Bed) -> Iterator[Figure]:
        """The usual ways: the engine's own disconnection, and a program run in the container for each change."""
        api = self.client.api
        container = Names(name=bed.name).container(bed.secondary.server, "server")
        (network,) = [one["Id"] for one in api.networks(filters={"label": f"{labels.NAME}={bed.name}"})]
        off, on = Series("  peer: network disconnect"), Series("  peer: network connect")
        program = Series("  peer: an exec into the container")
        request = ["python3", "-c", f"import sys; sys.exit(not {nft.flush()!r})"]

        def run_program() -> None:
            made = api.exec_create(container, request, user="0")
            api.exec_start(made["Id"])

        for _ in range(max(1, self.many // 10)):
            off.time(lambda: api.disconnect_container_from_network(container, network))
            on.time(lambda: api.connect_container_to_network(container, network, ipv4_address=bed.secondary.address))
            program.time(run_program)
        yield off.figure()
        yield on.figure()
        yield program.figure()

    def _images(self) -> Figure:
        series = Series("images build, nothing changed")
        for _ in range(self.few * 4):
            series.time(lambda: ensure_images(self.client, base=environment.base(), say=print))
        return series.figure()
