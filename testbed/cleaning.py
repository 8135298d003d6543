"""All that is left of runs that ended badly, wherever it is: one look for who removes it, and for who only tells."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from testbed import environment, folders, leftovers, runs
from testbed.engine.images import cache_folder
from testbed.engine.records import records

if TYPE_CHECKING:
    import docker

    from testbed.engine.sweep import Swept


def clean(client: docker.DockerClient, *, everything: bool = False, look_only: bool = False) -> Swept:
    """Remove what no living process owns and what is not meant to stay: in the engine, and of this user's files.

    Args:
        client: the engine.
        everything: also topologies that are up, and what living runs own.
        look_only: remove nothing, and say what would be.

    Raises:
        EngineError: the engine does not answer.
    """
    locks_folder = environment.state_folder() / "runs"
    swept = leftovers.collect(client, fate=leftovers.fate_in(locks_folder), everything=everything, look_only=look_only)
    cache = cache_folder(os.environ)
    swept.add(leftovers.collect_unmade(client, cache, everything=everything, look_only=look_only))
    left = {found.run for found in leftovers.find(client)}
    locks = runs.dead(locks_folder) if look_only else runs.forget_dead(locks_folder, left=left)
    swept.files += map(str, locks)
    up = partial(records, client)
    swept.files += folders.forget_beds(environment.beds_folder(), up=up, look_only=look_only)
    swept.files += folders.forget_temporary(Path(tempfile.gettempdir()), look_only=look_only)
    return swept
