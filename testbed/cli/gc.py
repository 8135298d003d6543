"""Removes what is left of runs that ended badly."""

from __future__ import annotations

import click

from testbed import environment, leftovers
from testbed.cleaning import clean
from testbed.cli.common import as_json, show


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also topologies that are up, and what living runs own.")
@click.option("--dry-run", is_flag=True, help="Remove nothing; say what would be removed.")
@as_json
def gc(everything: bool, dry_run: bool, json_: bool) -> None:  # noqa: FBT001 - click's way
    """Remove what runs left that ended badly; name each thing."""
    client = environment.engine()
    swept = clean(client, everything=everything, look_only=dry_run)
    fate = leftovers.fate_in(environment.state_folder() / "runs")
    doubtful = [] if everything else leftovers.in_doubt(client, fate=fate)
    found = swept.found()
    word = "would remove" if dry_run else "removed"
    lines = [f"{word} {kind.removesuffix('s')} {name}" for kind, names in found.items() for name in names]
    lines += [f"kept {name}: nobody can tell here whether its run lives (testbed gc --all)" for name in doubtful]
    show({**found, "kept": doubtful}, json_=json_, text=lambda: "\n".join(lines) or "nothing is left over")
    swept.raise_failures()
