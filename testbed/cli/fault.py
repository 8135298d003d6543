"""Commands that inject faults and heal them. What they inject stays until it is healed, or for the time asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from testbed import layout, partitions
from testbed.cli import links
from testbed.cli.common import attach, case_of, targets_of, topology_name
from testbed.network.proof import prove_stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed
    from testbed.faults import Target


@click.group()
def fault() -> None:
    """Inject a fault into a topology, or heal one."""


def _service_command(verb: str, help_: str, act: Callable[[Bed, Target], None]) -> None:
    @fault.command(verb, help=help_)
    @topology_name
    @click.argument("target", metavar="SERVER[/SERVICE]")
    def command(name: str, target: str) -> None:
        bed = attach(name)
        for each in targets_of(bed, target):
            act(bed, each)


_service_command("kill", "SIGKILL a service.", lambda bed, t: bed.services.kill(t.server, t.service))
_service_command("stop", "Stop a service in order.", lambda bed, t: bed.services.stop(t.server, t.service))
_service_command("pause", "Freeze a service.", lambda bed, t: bed.services.pause(t.server, t.service))
_service_command("resume", "Let a frozen service go on.", lambda bed, t: bed.services.resume(t.server, t.service))


def _start(bed: Bed, target: Target) -> None:
    _refuse_dormant(bed, target)
    bed.services.start(target.server, target.service)


def _restart(bed: Bed, target: Target) -> None:
    _refuse_dormant(bed, target)
    bed.services.restart(target.server, target.service)


def _refuse_dormant(bed: Bed, target: Target) -> None:
    """A portal that stopped by itself cannot be started by hand: the platform view has the reason (CFG-11).

    Raises:
        RefusedError: it did.
    """
    inspector = bed.inspectors[target.server]
    if target.service == "portal" and inspector.dormant_boot() is not None:
        inspector.start(target.service)


_service_command("start", "Start a service that has ended.", _start)
_service_command("restart", "Restart a service, announced.", _restart)


@fault.command()
@topology_name
@click.argument("server", metavar="SERVER")
def lose(name: str, server: str) -> None:
    """Lose a whole server: nothing gets in or out, its services are killed."""
    bed = attach(name)
    lost = layout.named(bed.topology, server)
    vanished = [partitions.Vanished(lost.value)]
    try:
        bed.links.inject(vanished)
        for service in bed.installed(lost):
            bed.services.kill(lost, service)
        prove_stopped(bed.links, vanished)
    finally:
        bed.close()


@fault.command()
@topology_name
@click.argument("server", metavar="SERVER")
def restore(name: str, server: str) -> None:
    """Give a lost server back: its address and its services."""
    bed = attach(name)
    lost = layout.named(bed.topology, server)
    try:
        bed.links.heal([partitions.Vanished(lost.value)])
        for service in bed.installed(lost):
            bed.services.resume(lost, service)
            bed.services.start(lost, service)
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
    chosen = case_of(case)
    bed = attach(name)
    faulted = layout.named(bed.topology, server)
    if chosen is None:
        bed.certificates.restore(faulted)
    else:
        bed.certificates.refuse_a_second(faulted)
        bed.certificates.stage(faulted, chosen)


for link_command in links.COMMANDS:
    fault.add_command(link_command)
