"""Commands that inject faults and heal them. What they inject stays until it is healed, or for the time asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from testbed import partitions
from testbed.cli.common import attach, case_of, duration_ms, site_of, targets_of, topology_name
from testbed.engine.services import STUBS
from testbed.errors import MisuseError
from testbed.network.proof import prove_passing, prove_stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed
    from testbed.faults import Target
    from testbed.partitions import NetworkFault


@click.group()
def fault() -> None:
    """Inject a fault into a topology, or heal one."""


def _service_command(verb: str, help_: str, act: Callable[[Bed, Target], None]) -> None:
    @fault.command(verb, help=help_)
    @topology_name
    @click.argument("target", metavar="SERVER[/SERVICE]")
    def command(name: str, target: str) -> None:
        chosen = targets_of(target)
        bed = attach(name)
        for each in chosen:
            act(bed, each)


_service_command("kill", "SIGKILL a service.", lambda bed, t: bed.services.kill(t.site, t.service))
_service_command("stop", "Stop a service in order.", lambda bed, t: bed.services.stop(t.site, t.service))
_service_command("pause", "Freeze a service.", lambda bed, t: bed.services.pause(t.site, t.service))
_service_command("resume", "Let a frozen service go on.", lambda bed, t: bed.services.resume(t.site, t.service))
_service_command("start", "Start a service that has ended.", lambda bed, t: bed.services.start(t.site, t.service))
_service_command("restart", "Restart a service, announced.", lambda bed, t: bed.services.restart(t.site, t.service))


@fault.command()
@topology_name
@click.argument("server", metavar="SERVER")
def lose(name: str, server: str) -> None:
    """Lose a whole server: nothing gets in or out, core and portal are killed."""
    site = site_of(server)
    bed = attach(name)
    vanished = [partitions.Vanished(site.value)]
    try:
        bed.links.inject(vanished)
        for service in STUBS:
            bed.services.kill(site, service)
        prove_stopped(bed.links, vanished)
    finally:
        bed.close()


@fault.command()
@topology_name
@click.argument("server", metavar="SERVER")
def restore(name: str, server: str) -> None:
    """Give a lost server back: its address, its core, its portal."""
    site = site_of(server)
    bed = attach(name)
    try:
        bed.links.heal([partitions.Vanished(site.value)])
        for service in STUBS:
            bed.services.resume(site, service)
            bed.services.start(site, service)
    finally:
        bed.close()


@fault.command()
@topology_name
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--one-way", is_flag=True, help="B no longer hears A; A still hears B.")
@click.option("--for", "time", metavar="T", help="Heal by itself after this time: 500ms, 30s, 2m.")
def cut(name: str, one: str, other: str, one_way: bool, time: str | None) -> None:  # noqa: FBT001 - click's way
    """Cut the link between two servers."""
    lease_ms = None if time is None else duration_ms(time)
    links = _links_between(one, other, one_way=one_way)
    bed = attach(name)
    try:
        bed.links.inject(links, lease_ms=lease_ms)
        prove_stopped(bed.links, links)
    finally:
        bed.close()


@fault.command()
@topology_name
@click.argument("server", metavar="SERVER")
@click.argument("case", metavar="CASE")
def cert(name: str, server: str, case: str) -> None:
    """Let a server show a certificate that is wrong, or the installed one again.

    CASE is one of: self-signed, unknown-ca, expired, not-yet-valid, wrong-host, replaced; installed.
    """
    site = site_of(server)
    fault_ = case_of(case)
    bed = attach(name)
    if fault_ is None:
        bed.certificates.restore(site)
    else:
        bed.certificates.refuse_a_second(site)
        bed.certificates.stage(site, fault_)


@fault.command()
@topology_name
@click.argument("one", metavar="[A", required=False)
@click.argument("other", metavar="B]", required=False)
@click.option("--all", "everything", is_flag=True, help="Every fault of the topology, services included.")
def heal(name: str, one: str | None, other: str | None, everything: bool) -> None:  # noqa: FBT001 - click's way
    """Heal the link between two servers, or everything."""
    if everything == (one is not None) or (one is None) != (other is None):
        raise MisuseError("say which link to heal (A B), or --all")
    bed = attach(name)
    try:
        if one is None or other is None:
            bed.heal()
        else:
            links = _links_between(one, other, one_way=False)
            bed.links.heal(links)
            prove_passing(bed.links, links)
    finally:
        bed.close()


def _links_between(one: str, other: str, *, one_way: bool) -> frozenset[NetworkFault]:
    a, b = site_of(one), site_of(other)
    if a is b:
        raise MisuseError(f"a link has two ends, and {one} is one")
    chosen = partitions.one_way(a.value, b.value) if one_way else partitions.cut(a.value, b.value)
    return frozenset(chosen)
