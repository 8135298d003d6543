"""Removes what is left of runs that ended badly."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path

import click

from testbed import environment, leftovers, runs
from testbed.cli.common import as_json, show
from testbed.engine.images import cache_folder
from testbed.engine.records import records


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also topologies that are up, and what living runs own.")
@click.option("--dry-run", is_flag=True, help="Remove nothing; say what would be removed.")
@as_json
def gc(everything: bool, dry_run: bool, json_: bool) -> None:  # noqa: FBT001 - click's way
    """Remove what runs left that ended badly; name each thing."""
    folder = environment.state_folder() / "runs"
    client, fate = environment.engine(), leftovers.fate_in(folder)
    swept = leftovers.collect(client, fate=fate, everything=everything, look_only=dry_run)
    cache = cache_folder(os.environ)
    swept.add(leftovers.collect_unmade(client, cache, everything=everything, look_only=dry_run))
    left = {found.run for found in leftovers.find(client)}
    locks = runs.dead(folder) if dry_run else runs.forget_dead(folder, left=left)
    folders = leftovers.forget_folders(environment.beds_folder(), up=partial(records, client), look_only=dry_run)
    swept.files += [str(path) for path in (*locks, *folders)]
    swept.files += leftovers.forget_temporary(Path(tempfile.gettempdir()), look_only=dry_run)
    doubtful = [] if everything else leftovers.in_doubt(client, fate=fate)
    found = swept.found()
    word = "would remove" if dry_run else "removed"
    lines = [f"{word} {kind.removesuffix('s')} {name}" for kind, names in found.items() for name in names]
    lines += [f"kept {name}: nobody can tell here whether its run lives (testbed gc --all)" for name in doubtful]
    show({**found, "kept": doubtful}, json_=json_, text=lambda: "\n".join(lines) or "nothing is left over")
    swept.raise_failures()
