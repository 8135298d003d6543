"""The rules, for reading."""

from __future__ import annotations

import click

from testbed.cli.common import as_json, show
from testbed.rules import RULES


@click.command()
@as_json
def rules(json_: bool) -> None:  # noqa: FBT001 - click's way
    """List every rule with its promise and its source."""
    rows = [
        {"id": rule.id, "promise": rule.promise, "sources": [source.value for source in rule.sources]}
        for rule in RULES.values()
    ]
    show(
        rows,
        json_=json_,
        text=lambda: "\n".join(f"{row['id']:9} {row['promise']} [{', '.join(row['sources'])}]" for row in rows),
    )
