"""What a command that tries something out has for its time: a topology of its own or somebody's, and a folder."""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from testbed import environment, runs
from testbed.bed import Bed
from testbed.cli.common import attach, say
from testbed.conformance.run import refuse_disturbed, refuse_unfit
from testbed.engine.images import ensure_images
from testbed.errors import MisuseError
from testbed.folders import forget_temporary
from testbed.owner import folder_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from testbed.topology import Topology


@contextlib.contextmanager
def own_bed(topology: Topology, *, kind: str) -> Iterator[Bed]:
    """A topology that ends with the block, or with this process.

    Args:
        topology: what to start.
        kind: the first word of its name.
    """
    client = environment.engine()
    images = ensure_images(client, base=environment.base(), say=say)
    name = f"{kind}-{uuid.uuid4().hex[:8]}"
    with runs.run(environment.state_folder() / "runs") as (identity, _janitor):
        folder = environment.bed_folder(name)
        bed = Bed.up(
            client, images, topology, name=name, folder=folder, run=identity, keep=False, pool=environment.pool()
        )
        try:
            yield bed
        finally:
            bed.close()
            bed.forget()


@contextlib.contextmanager
def standing_bed(name: str) -> Iterator[Bed]:
    """A topology that was up before, in normal running, and stays; the nemesis sees to it that no fault does.

    Raises:
        MisuseError: there is none of this name, or it is disturbed, or made for something else.
    """
    bed = attach(name)
    try:
        refuse_unfit(bed.topology)
        refuse_disturbed(bed)
        yield bed
    finally:
        bed.close()


@contextlib.contextmanager
def report_folder(report: str | None, files: Iterable[str]) -> Iterator[Path]:
    """The report's folder, rid of what an earlier run wrote there; one for the time being, if none is wanted.

    Args:
        report: as it was asked for.
        files: what a report holds; nothing else is touched.

    Raises:
        MisuseError: it cannot be written.
    """
    if report is None:
        forget_temporary(Path(tempfile.gettempdir()))  # of those that were killed
        with tempfile.TemporaryDirectory(prefix=folder_prefix()) as name:
            yield Path(name)
        return
    folder = Path(report).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in files:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise MisuseError(f"cannot write a report to {report}: {error}") from error
    yield folder
