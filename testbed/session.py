"""The beds of one test session: built when first asked for, reset between tests, removed at the end.

A topology that differs gets a bed of its own; the same one is reused. Whatever ends the session, a SIGKILL included,
the run's janitor removes what it built.

Beds that nobody uses are at rest: frozen, as a dozen pairs that talk to each other twenty times a second would leave
no processor time to the one that a test looks at.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from testbed import environment, presets, runs, topology
from testbed.bed import Bed
from testbed.engine.images import ensure_images

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import docker

    from testbed.engine.images import Images
    from testbed.engine.janitor import Janitor
    from testbed.topology import Topology


MOST_AWAKE = 2
"""Beds that are not put to rest: the one that a test asked for, and the one before it."""


class BedSession:
    """Gives out beds.

    Args:
        say: told what takes time.
        keep: leave the beds running at the end.

    Attributes:
        planted: the defects of all beds that were asked for.
    """

    def __init__(self, *, say: Callable[[str], None], keep: bool) -> None:
        self._say = say
        self._keep = keep
        self._beds: dict[tuple[Topology, int], Bed] = {}
        self._at_rest: set[str] = set()
        self._tried = 0
        self.planted: set[str] = set()
        self._stack = contextlib.ExitStack()
        self._open: tuple[docker.DockerClient, Images, str, Janitor] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        with self._stack:
            for bed in self._beds.values():
                bed.close()
                if not self._keep:
                    bed.forget()
            if self._open is not None and self._keep:
                self._open[3].keep()

    def bed(self, fields: Mapping[str, Any], *, number: int = 1, at_once: bool = False) -> Bed:
        """A bed of the topology that differs from the default in these fields: new, or reset.

        Those asked for before, but for the last one, are at rest from now on.

        Args:
            fields: of a topology; `preset` names the preset that they start from.
            number: which of several alike, for who uses them at the same time.
            at_once: it is used together with all that were asked for before: none of them is put to rest.

        Raises:
            MisuseError: a field or the preset is unknown or wrong.
            MissingError, EngineError, NotInTimeError: the bed could not be made or reset.
        """
        own = dict(fields)
        preset = own.pop("preset", None)
        wanted = topology.derive({**({} if preset is None else presets.fields(preset)), **own})
        self.planted |= set(wanted.defects)
        known = self._beds.pop((wanted, number), None)  # and back, as the latest
        if not at_once:
            for bed in list(self._beds.values())[: 1 - MOST_AWAKE]:
                self._put_to_rest(bed)
        if known is not None:
            self._beds[wanted, number] = known
            self._at_rest.discard(known.name)
            known.reset()
            return known
        bed = self._beds[wanted, number] = self._up(wanted)
        return bed

    def _up(self, wanted: Topology) -> Bed:
        client, images, run, _janitor = self._engine()
        self._tried += 1  # one that failed to come up keeps its name until the end
        name = f"t{run[:8]}-{self._tried}"
        return Bed.up(
            client,
            images,
            wanted,
            name=name,
            folder=environment.bed_folder(name),
            run=run,
            keep=self._keep,
            pool=environment.pool(),
        )

    def _put_to_rest(self, bed: Bed) -> None:
        """Freeze what runs of a bed; its next reset lets it go on."""
        if bed.name in self._at_rest:
            return
        self._at_rest.add(bed.name)
        acts = [
            partial(bed.services.pause, server, service)
            for server, services in bed.services.states().items()
            for service in bed.installed(server)
            if services.get(service) == "running"
        ]
        bed.services.at_once(list(acts))

    def save_logs(self, folder: Path) -> None:
        """Write every container's log below a folder."""
        for bed in self._beds.values():
            for service, content in bed.logs():
                path = folder / f"{bed.name}-{service.replace('/', '-')}.log"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def _engine(self) -> tuple[docker.DockerClient, Images, str, Janitor]:
        if self._open is None:
            client = self._stack.enter_context(contextlib.closing(environment.engine()))
            images = ensure_images(client, base=environment.base(), say=self._say)
            run, janitor = self._stack.enter_context(runs.run(environment.state_folder() / "runs"))
            self._open = client, images, run, janitor
        return self._open
