"""Commands that inject faults and heal them. What they inject stays until it is healed, or for the time asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from testbed import layout, partitions, volume_proof
from testbed.cli import healing, links
from testbed.cli.common import attach, case_of, duration_ms, targets_of, topology_name
from testbed.faults import SlowStart, Target
from testbed.network.proof import prove_passing, prove_stopped
from testbed.service_proof import prove_ended, prove_state, start_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.wire import ServerName
    from testbed.bed import Bed


@click.group()
def fault() -> None:
    """Inject a fault into a topology, or heal one."""


def _service_command(verb: str, help_: str, act: Callable[[Bed, Target], None], *, becomes: str) -> None:
    @fault.command(verb, help=help_)
    @topology_name
    @click.argument("target", metavar="SERVER[/SERVICE]")
    def command(name: str, target: str) -> None:
        bed = attach(name)
        targets = targets_of(bed, target)
        for each in targets:
            act(bed, each)
        for each in targets:
            prove_state(bed, each, becomes)


def _start(bed: Bed, target: Target) -> None:
    _refuse_dormant(bed, target)
    bed.services.start(target.server, target.service)


def _restart(bed: Bed, target: Target) -> None:
    _refuse_dormant(bed, target)
    start = start_of(bed, target)
    bed.services.restart(target.server, target.service)
    prove_ended(bed, target, start)


def _refuse_dormant(bed: Bed, target: Target) -> None:
    """A portal that stopped by itself cannot be started by hand: the platform view has the reason (CFG-11).

    Raises:
        RefusedError: it did.
    """
    inspector = bed.inspectors[target.server]
    if target.service == "portal" and inspector.dormant_boot() is not None:
        inspector.start(target.service)


for _verb, _help, _act, _becomes in (
    ("kill", "SIGKILL a service.", lambda bed, t: bed.services.kill(t.server, t.service), "stopped"),
    ("stop", "Stop a service in order.", lambda bed, t: bed.services.stop(t.server, t.service), "stopped"),
    ("pause", "Freeze a service.", lambda bed, t: bed.services.pause(t.server, t.service), "paused"),
    ("resume", "Let a frozen service go on.", lambda bed, t: bed.services.resume(t.server, t.service), "running"),
    ("start", "Start a service that has ended.", _start, "running"),
    ("restart", "Restart a service, announced.", _restart, "running"),
):
    _service_command(_verb, _help, _act, becomes=_becomes)


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
        _prove_all(bed, lost, "stopped")
    finally:
        bed.close()


@fault.command()
@topology_name
@click.argument("server", metavar="SERVER")
def restore(name: str, server: str) -> None:
    """Give a lost server back: its address and its services."""
    bed = attach(name)
    lost = layout.named(bed.topology, server)
    vanished = [partitions.Vanished(lost.value)]
    try:
        bed.links.heal(vanished)
        prove_passing(bed.links, vanished)
        _begin_all(bed, lost)
    finally:
        bed.close()


def _begin_all(bed: Bed, server: ServerName) -> None:
    for service in bed.installed(server):
        bed.services.resume(server, service)
        bed.services.start(server, service)
    _prove_all(bed, server, "running")


def _prove_all(bed: Bed, server: ServerName, state: str) -> None:
    for service in bed.installed(server):
        prove_state(bed, Target(server, service), state)


@fault.command("fill")
@topology_name
@click.argument("server", metavar="SERVER")
def fill_disk(name: str, server: str) -> None:
    """Fill a server's small disk up: every write is refused; `fault heal N SERVER` gives it room again."""
    bed = attach(name)
    full = layout.named(bed.topology, server)
    volume_proof.refuse_full(bed, full)
    volume_proof.fill(bed, full)


@fault.command("slow-start")
@topology_name
@click.argument("target", metavar="SERVER/SERVICE")
@click.option("--by", "time", metavar="T", required=True, help="How much longer: 500ms, 30s, 2m.")
def slow_start(name: str, target: str, time: str) -> None:
    """Let every start of a service take longer, until `fault heal N SERVER`; it is not started by this."""
    bed = attach(name)
    for fault in [SlowStart(each, duration_ms(time)) for each in targets_of(bed, target)]:
        volume_proof.slow(bed, fault)


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


for linked in (*links.COMMANDS, healing.heal):
    fault.add_command(linked)
