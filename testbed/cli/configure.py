"""The command that shows settings and changes them, as an administrator would on Manager and the portal's pages."""

from __future__ import annotations

from typing import Any

import click

from stubs.wire import Site
from testbed import configure as administrator
from testbed.cli.common import as_json, attach, show, topology_name
from testbed.settings import KINDS, parse, written


@click.command(epilog="What can be set: " + ", ".join(KINDS) + ".")
@topology_name
@click.argument("server", metavar="[SERVER", required=False)
@click.argument("assignments", metavar="[KEY=VALUE]...]", nargs=-1)
@click.option("--restart", is_flag=True, help="Restart the server's portal (without SERVER: both) and wait for it.")
@as_json
def configure(
    name: str,
    server: str | None,
    assignments: tuple[str, ...],
    restart: bool,  # noqa: FBT001 - click's way
    json_: bool,  # noqa: FBT001 - likewise
) -> None:
    """Show what is configured and in effect, or change it on one server.

    A core's settings (select, line...) take effect at once, a portal's after its restart. An Application Server's
    portal is that of the primary or the secondary.
    """
    changes = parse(assignments)
    bed = attach(name)
    sites = tuple(Site) if server is None else (bed.server(server).site,)
    if changes:
        administrator.configure(bed, sites[0], changes)
    if restart:
        administrator.restart_portals(bed, sites)
    found = administrator.look(bed)
    found["servers"] = {site.value: found["servers"][site.value] for site in sites}
    show(found, json_=json_, text=lambda: _text(found))


def _text(found: dict[str, Any]) -> str:
    ready = "no portal answers" if found["unmet"] is None else "not ready" if found["unmet"] else "ready"
    lines = [f"{found['name']}: {ready}"]
    lines += [f"  {need['rule']:6} {need['says']}" for need in found["unmet_why"]]
    for site, server in found["servers"].items():
        lines.append(f"  {site}")
        lines += [_setting(key, **values) for key, values in server["settings"].items()]
        lines += [f"    {what}: {why}" for what, why in server["missing"].items()]
    return "\n".join(lines)


def _setting(key: str, *, configured: Any, effective: Any) -> str:
    pending = "" if configured == effective else f"  restart pending; in effect: {written(effective) or '(none)'}"
    return f"    {key:25} {written(configured) or '(none)':10}{pending}".rstrip()
