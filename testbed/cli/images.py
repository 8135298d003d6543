"""Commands on the container images."""

from __future__ import annotations

import click

from testbed import environment
from testbed.cli.common import as_json, say, show
from testbed.engine.debian import base_named
from testbed.engine.images import ensure_images, list_images
from testbed.engine.images import prune as remove_old


@click.group()
def images() -> None:
    """Build, list and remove the container images."""


@images.command()
@click.option("--base", type=click.Choice(["auto", "registry", "packages"]), help="How to make the base.")
@as_json
def build(base: str | None, json_: bool) -> None:  # noqa: FBT001 - click's way
    """Make the images that are missing or old; reuse the others."""
    chosen = environment.base() if base is None else base_named(base)
    made = ensure_images(environment.engine(), base=chosen, say=say)
    rows = [
        {
            "role": result.role,
            "tag": result.tag,
            "built": result.built,
            "origin": result.origin,
            "seconds": round(result.seconds, 3),
        }
        for result in made.results
    ]
    show(
        rows,
        json_=json_,
        text=lambda: "\n".join(f"{row['tag']:60} {'built' if row['built'] else 'reused'}" for row in rows),
    )


@images.command("list")
@as_json
def list_(json_: bool) -> None:  # noqa: FBT001 - click's way
    """List the images of ours on the engine."""
    found = list_images(environment.engine())
    rows = [{"role": image.role, "tag": image.tag, "current": image.current} for image in found]
    show(
        rows,
        json_=json_,
        text=lambda: "\n".join(f"{row['tag']:60} {'current' if row['current'] else 'old'}" for row in rows) or "none",
    )


@images.command()
@as_json
def prune(json_: bool) -> None:  # noqa: FBT001 - click's way
    """Remove images of ours that this work tree does not make; one in use stays."""
    removed = remove_old(environment.engine(), say=say)
    show(list(removed), json_=json_, text=lambda: f"{len(removed)} removed")
