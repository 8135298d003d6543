"""What this machine has and lacks."""

from __future__ import annotations

import click

from testbed.cli.common import as_json, show
from testbed.doctor import examine


@click.command()
@as_json
def doctor(json_: bool) -> None:  # noqa: FBT001 - click's way
    """Say what this machine has, what it lacks, and how to get it."""
    findings = examine()
    rows = [
        {"check": f.check, "ok": f.ok, "needed": f.needed, "detail": f.detail, "remedy": f.remedy} for f in findings
    ]
    show(
        rows,
        json_=json_,
        text=lambda: "\n".join(
            f"{'ok' if f.ok else 'LACKS' if f.needed else 'note':8} {f.check:22} {f.detail}"
            + (f"\n{'':31} {f.remedy}" if f.remedy and not f.ok else "")
            for f in findings
        ),
    )
    if any(f.needed and not f.ok for f in findings):
        raise click.exceptions.Exit(2)
