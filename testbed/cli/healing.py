"""The command that heals: a link, the disk and the slow starts of a server, or everything."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import click

from testbed import layout, link_faults, volume_proof
from testbed.cli.changes import tell
from testbed.cli.common import as_json, attach, topology_name
from testbed.cli.links import meant, side
from testbed.errors import MisuseError
from testbed.faults import FullDisk, Target, describe
from testbed.network.proof import prove_passing
from testbed.partitions import ends_of, told

if TYPE_CHECKING:
    from stubs.wire import ServerName
    from testbed.bed import Bed
    from testbed.network.applied import Applied


@click.command()
@topology_name
@click.argument("one", metavar="[A", required=False)
@click.argument("other", metavar="[B]]", required=False)
@click.option("--all", "everything", is_flag=True, help="Every fault of the topology, services included.")
@as_json
def heal(name: str, one: str | None, other: str | None, *, everything: bool, json_: bool) -> None:
    """Heal the link between two servers, the disk and the slow starts of one, or everything; says when."""
    if everything == (one is not None):
        raise MisuseError("say which link to heal (A B), whose disk and slow starts (A), or --all")
    bed = attach(name)
    try:
        if one is None:
            tell(name, ["every fault"], bed.heal(), json_=json_)
        elif other is None:
            tell(name, _heal_volume(bed, layout.named(bed.topology, one)), json_=json_)
        else:
            tell(name, *_heal_links(bed, side(bed, one), side(bed, other)), json_=json_)
    finally:
        bed.close()


def _heal_links(bed: Bed, ones: list[str], others: list[str]) -> tuple[list[str], Applied]:
    """Whatever is wrong with them; what that was, and when each server had it no more."""
    with meant():
        links = link_faults.cuts(ones, others)
    pairs = [{a, b} for a, b in product(ones, others)]
    found = {each.fault for each in bed.links.current() if each.fault is not None}
    wrong = {fault for fault in found if ends_of(fault) in pairs}
    healed = bed.links.heal(wrong)
    prove_passing(bed.links, links | wrong)
    return [told(fault) for fault in wrong], healed


def _heal_volume(bed: Bed, server: ServerName) -> list[str]:
    """Its disk and its slow starts; what was wrong with them."""
    healed = []
    if bed.volumes.is_full(server):
        volume_proof.empty(bed, server)
        healed.append(describe(FullDisk(server)))
    for service in bed.installed(server):
        target = Target(server, service)
        if bed.volumes.starts(target) is not None:
            volume_proof.swift(bed, target)
            healed.append(f"slow start of {target}")
    return healed
