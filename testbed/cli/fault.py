"""Commands that inject faults and heal them. What they inject stays until it is healed, or for the time asked."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from testbed import layout, moments, partitions, volume_proof
from testbed.cli import healing, links
from testbed.cli.changes import Begun, lasting
from testbed.cli.common import as_json, attach, case_of, duration_ms, show, targets_of, topology_name
from testbed.cli.undoing import Undoing, freeze, kill, or_undone, stop, will_end
from testbed.faults import Certificate, FullDisk, SlowStart, Target, describe
from testbed.history import SystemClock
from testbed.network.proof import prove_passing, prove_stopped
from testbed.service_proof import prove_ended, prove_state, start_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stubs.wire import ServerName
    from testbed.bed import Bed


@click.group()
def fault() -> None:
    """Inject a fault into a topology, or heal one."""


def _service_command(
    verb: str, help_: str, act: Callable[[Bed, Undoing, Target], None], *, becomes: str, told_by: str
) -> None:
    @fault.command(verb, help=help_)
    @topology_name
    @click.argument("target", metavar="SERVER[/SERVICE]")
    @as_json
    def command(name: str, target: str, *, json_: bool) -> None:
        bed = attach(name)
        with or_undone(name) as undoing:
            targets = targets_of(bed, target)
            for each in targets:
                act(bed, undoing, each)
            for each in targets:
                prove_state(bed, each, becomes)
            rows = _rows(bed, targets, becomes, told_by)
        _tell(rows, json_=json_)


Row = dict[str, str | None]
"""What was done to what, and when, as it is printed."""


def _rows(bed: Bed, targets: Iterable[Target], state: str, told_by: str) -> list[Row]:
    """How services are now, and since when by the engine's clock, to the millisecond; where it tells."""
    rows: list[Row] = []
    for target in targets:
        at = bed.services.at(told_by, target.server, target.service)
        rows.append({"target": str(target), "state": state, "at": None if at is None else moments.written(at)})
    return rows


def _tell(rows: list[Row], *, json_: bool) -> None:
    show(
        rows,
        json_=json_,
        text=lambda: "\n".join(
            f"{row['target']} {row['state']}" + ("" if row["at"] is None else f" since {row['at']}") for row in rows
        ),
    )


def _resume(bed: Bed, _undoing: Undoing, target: Target) -> None:
    bed.services.resume(target.server, target.service)


def _start(bed: Bed, _undoing: Undoing, target: Target) -> None:
    _refuse_dormant(bed, target)
    bed.services.start(target.server, target.service)


def _restart(bed: Bed, _undoing: Undoing, target: Target) -> None:
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


for _verb, _help, _act, _becomes, _told_by in (
    ("kill", "SIGKILL a service.", kill, "stopped", "ended"),
    ("stop", "Stop a service in order.", stop, "stopped", "ended"),
    ("pause", "Freeze a service.", freeze, "paused", "pause"),
    ("resume", "Let a frozen service go on.", _resume, "running", "unpause"),
    ("start", "Start a service that has ended.", _start, "running", "began"),
    ("restart", "Restart a service, announced.", _restart, "running", "kill"),
):
    _service_command(_verb, _help, _act, becomes=_becomes, told_by=_told_by)


@fault.command()
@topology_name
@click.argument("server", metavar="SERVER")
@as_json
def lose(name: str, server: str, *, json_: bool) -> None:
    """Lose a whole server: nothing gets in or out, its services are killed."""
    bed = attach(name)
    try:
        with or_undone(name) as undoing:
            rows = _lose(bed, undoing, layout.named(bed.topology, server))
    finally:
        bed.close()
    _tell(rows, json_=json_)


def _lose(bed: Bed, undoing: Undoing, lost: ServerName) -> list[Row]:
    """First silence, then death: a lost server sends no word of good-bye. Undoing goes the other way round."""
    vanished = [partitions.Vanished(lost.value)]
    targets = [Target(lost, service) for service in bed.installed(lost)]
    is_new = not {one.fault for one in bed.links.current()} & {*vanished}
    for target in targets:
        will_end(bed, undoing, f"kill {target}", target)
    if is_new:
        undoing.add(f"cut {lost.value} vanished", prove_passing, bed.links, vanished)
        undoing.add(f"cut {lost.value} vanished", bed.links.heal, vanished)
    with lasting(bed, vanished) if is_new else _held_before(bed, vanished) as begun:
        for target in targets:
            bed.services.kill(target.server, target.service)
        prove_stopped(bed.links, vanished)
        _prove_all(bed, lost, "stopped")
    silent = moments.wall(max(begun.injected.committed_ms.values()), SystemClock())
    own: Row = {"target": lost.value, "state": "vanished", "at": moments.written(silent)}
    return [own, *_rows(bed, targets, "stopped", "ended")]


def _held_before(bed: Bed, faults: list[partitions.Vanished]) -> contextlib.nullcontext[Begun]:
    """What somebody else injected to last is not put under a lease, nor healed where this command fails."""
    return contextlib.nullcontext(Begun(injected=bed.links.inject(faults)))


@fault.command()
@topology_name
@click.argument("server", metavar="SERVER")
@as_json
def restore(name: str, server: str, *, json_: bool) -> None:
    """Give a lost server back: its address and its services."""
    bed = attach(name)
    lost = layout.named(bed.topology, server)
    vanished = [partitions.Vanished(lost.value)]
    try:
        bed.links.heal(vanished)
        prove_passing(bed.links, vanished)
        _begin_all(bed, lost)
        rows = _rows(bed, [Target(lost, service) for service in bed.installed(lost)], "running", "began")
    finally:
        bed.close()
    _tell(rows, json_=json_)


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
    with or_undone(name) as undoing:
        undoing.add(describe(FullDisk(full)), volume_proof.empty, bed, full)
        volume_proof.fill(bed, full)


@fault.command("slow-start")
@topology_name
@click.argument("target", metavar="SERVER/SERVICE")
@click.option("--by", "time", metavar="T", required=True, help="How much longer: 500ms, 30s, 2m.")
def slow_start(name: str, target: str, time: str) -> None:
    """Let every start of a service take longer, until `fault heal N SERVER`; it is not started by this."""
    bed = attach(name)
    faults = [SlowStart(each, duration_ms(time)) for each in targets_of(bed, target)]
    with or_undone(name) as undoing:
        for fault in faults:
            volume_proof.refuse_slow(bed, fault.target)
            undoing.add(describe(fault), volume_proof.swift, bed, fault.target)
            bed.volumes.slow(fault.target, by_ms=fault.by_ms)


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
        with or_undone(name) as undoing:
            undoing.add(describe(Certificate(faulted, chosen)), bed.certificates.restore, faulted)
            bed.certificates.stage(faulted, chosen)


for linked in (*links.COMMANDS, healing.heal):
    fault.add_command(linked)
