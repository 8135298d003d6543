"""Commands on whole topologies: up, ls, status, hosts, logs, reset, down."""

from __future__ import annotations

from typing import Any

import click

from testbed import environment, leftovers, presets, runs
from testbed.bed import Bed
from testbed.cli.common import (
    as_json,
    attach,
    chosen_topology,
    defect_lines,
    program,
    say,
    show,
    topology_name,
    with_defects,
)
from testbed.engine.images import ensure_images
from testbed.engine.records import check_name, records
from testbed.errors import MisuseError
from testbed.topology import Topology


@click.command()
@click.option("--name", default="demo", show_default=True, help="What to call the topology.")
@click.option(
    "--topology",
    "chosen",
    metavar="FILE|PRESET",
    help="A topology file (TOML) or one of `testbed topologies`; without it, a pair that is ready.",
)
@click.option(
    "--defect",
    "planted",
    metavar="SERVER:NAME",
    multiple=True,
    help="Plant one of `testbed defects` on a server; may be given again.",
)
@as_json
def up(name: str, chosen: str | None, planted: tuple[str, ...], json_: bool) -> None:  # noqa: FBT001 - click's way
    """Start a topology and leave it running."""
    check_name(name)  # before images are made for nothing
    wanted = with_defects(Topology() if chosen is None else chosen_topology(chosen), planted)
    client = environment.engine()
    images = ensure_images(client, base=environment.base(), say=say)
    with runs.run(environment.state_folder() / "runs") as (run, janitor):
        bed = Bed.up(
            client,
            images,
            wanted,
            name=name,
            folder=environment.bed_folder(name),
            run=run,
            keep=True,
            pool=environment.pool(),
        )
        janitor.keep()
    result = bed.describe()
    show(result, json_=json_, text=lambda: _described(result))


@click.command()
@click.argument("preset", metavar="[PRESET]", required=False)
@as_json
def topologies(preset: str | None, json_: bool) -> None:  # noqa: FBT001 - click's way
    """List the topologies that come with the testbed, or print one, to start a file of your own from."""
    if preset is not None:
        show(presets.fields(preset), json_=json_, text=lambda: presets.text(preset).rstrip())
        return
    rows = [{"name": name, "about": presets.about(name)} for name in presets.names()]
    show(rows, json_=json_, text=lambda: "\n".join(f"{row['name']:22} {row['about']}" for row in rows))


def _described(result: dict[str, Any]) -> str:
    lines = [f"{result['name']} is up."]
    for name, server in result["servers"].items():
        lines += [f"  {name}: {server['address']}"]
        shown = {"portal": "portal_url", "platform view": "platform_view_url", "certificate": "certificate"}
        lines += [f"    {title:13}  {server[key]}" for title, key in shown.items() if server[key] is not None]
    lines += defect_lines(result["defects"])
    users = ", ".join(f"{user['name']}/{user['password']}" for user in result["users"][:5])
    name, testbed = result["name"], program()
    wanted = result["servers"]["primary"]["portal_url"]
    portal, entry = next((each, of) for each, of in result["servers"].items() if f"//{of['hostname']}:" in wanted)
    lines += [
        f"  users: {users}",
        "Try:",
        f"  curl --cacert {entry['certificate']} $({testbed} hosts {name} --curl) {wanted}",
        f"  {testbed} fault kill {name} {portal}/portal; {testbed} status {name}",
    ]
    return "\n".join(lines)


@click.command()
@as_json
def ls(json_: bool) -> None:  # noqa: FBT001 - click's way
    """List the topologies that are up."""
    found = records(environment.engine())
    rows = [
        {"name": name, "addresses": {site.value: at for site, at in record.addresses.items()}}
        for name, record in sorted(found.items())
    ]
    show(
        rows,
        json_=json_,
        text=lambda: "\n".join(f"{row['name']:20} {', '.join(record_addresses(row))}" for row in rows) or "none is up",
    )


def record_addresses(row: dict[str, Any]) -> list[str]:
    """The servers of a listed topology, each with its address."""
    return [f"{site} {address}" for site, address in row["addresses"].items()]


@click.command()
@topology_name
@as_json
def status(name: str, json_: bool) -> None:  # noqa: FBT001 - click's way
    """Say who serves, what runs, and which faults are in force."""
    bed = attach(name)
    try:
        found = bed.status()
    finally:
        bed.close()
    show(found, json_=json_, text=lambda: _status_text(name, found))


def _status_text(name: str, found: dict[str, Any]) -> str:
    lines = [f"{name}: {found['resilience']}" + (f" (unmet: {', '.join(found['unmet'])})" if found["unmet"] else "")]
    for site, server in found["servers"].items():
        view = server["platform_view"]
        for service in (each for each in ("portal", "core") if each in server):
            shown = f"{view[service]['state']} ({view[service]['colour']})" if view else "the platform view is silent"
            lines.append(f"  {site:11} {service:7} {server[service]:10} {shown}")
    lines += [f"  fault: {fault}" for fault in found["faults"]] or ["  no faults"]
    lines += defect_lines(found["defects"])
    return "\n".join(lines)


@click.command()
@topology_name
@click.option("--curl", is_flag=True, help="As options for curl.")
@click.option("--chromium", is_flag=True, help="As an option for Chromium.")
@as_json
def hosts(name: str, curl: bool, chromium: bool, json_: bool) -> None:  # noqa: FBT001 - click's way
    """Print the servers' names with their addresses, as lines of a hosts file by default."""
    bed = attach(name)
    pairs = {server.hostname: server.address for server in bed.servers}

    def text() -> str:
        if curl:
            return " ".join(f"--connect-to {host}::{address}:" for host, address in pairs.items())
        if chromium:
            rules = ",".join(f"MAP {host} {address}" for host, address in pairs.items())
            return f'--host-resolver-rules="{rules}"'
        return "\n".join(f"{address} {host}" for host, address in pairs.items())

    show(pairs, json_=json_, text=text)


@click.command()
@topology_name
@click.argument("which", metavar="[SERVER/SERVICE]", required=False)
def logs(name: str, which: str | None) -> None:
    """Print what the containers wrote."""
    bed = attach(name)
    found = dict(bed.logs())
    chosen = {key: text for key, text in found.items() if which is None or which in (key, key.partition("/")[0])}
    if not chosen:
        raise MisuseError(f"{name} has no {which}; it has {', '.join(found)}")
    for key, content in chosen.items():
        for line in content.decode(errors="replace").splitlines():
            click.echo(f"{key}: {line}" if len(chosen) > 1 else line)


@click.command()
@topology_name
def reset(name: str) -> None:
    """Heal everything and forget all data, sessions and settings since installation."""
    bed = attach(name)
    try:
        _ = bed.links  # opened, so that network faults are healed too
        bed.reset()
    finally:
        bed.close()


@click.command()
@topology_name
def down(name: str) -> None:
    """Remove a topology: containers, network, volumes; whatever was begun is finished, even if this is killed."""
    bed = attach(name)
    made_by = [found.run for found in leftovers.find(environment.engine()) if found.name == name]
    with runs.to_the_end(made_by):
        bed.down()
