"""One run of `testbed conform` on a bed that is up: the client is started or observed, driven, and judged."""

from __future__ import annotations

import contextlib
import shlex
from importlib import metadata
from typing import TYPE_CHECKING

from testbed import topology as topologies
from testbed.conformance import given
from testbed.conformance.attempts import Attempts
from testbed.conformance.command import Command, Observed
from testbed.conformance.driver import Driver, Plan, after
from testbed.conformance.judgement import how_ended
from testbed.conformance.results import Result, Row, trouble_of
from testbed.errors import MisuseError
from testbed.history import SystemClock
from testbed.nemesis import Nemesis
from testbed.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.conformance.command import Client
    from testbed.history import History
    from testbed.topology import Topology


def refuse_unfit(topology: Topology) -> None:
    """Nothing, unless nothing would happen on a topology that a client could be judged by.

    Raises:
        MisuseError: resilience is not ready there, or failback is manual.
    """
    unmet = topologies.unmet(topology)
    if unmet:
        raise MisuseError(f"resilience is not ready in this topology (unmet: {', '.join(unmet)}): there is no failover")
    if topology.primary.failback == "manual":
        raise MisuseError("failback is manual in this topology: no client is ever sent back by itself (ROLE-8)")


def refuse_disturbed(bed: Bed) -> None:
    """Nothing, unless a bed that is up is not in normal running.

    Raises:
        MisuseError: it is not.
    """
    status = bed.status()
    if status["resilience"] != "normal" or status["faults"]:
        why = ", ".join([status["resilience"], *status["faults"]])
        raise MisuseError(f"{bed.name} is not in normal running ({why}): testbed fault heal {bed.name} --all")


def run(
    bed: Bed, history: History, plan: Plan, *, folder: Path, say: Callable[[str], None] = lambda _line: None
) -> Result:
    """Drive a client through scenarios, and judge it. Whatever happens, it has ended and the bed is healed then.

    Args:
        bed: in normal running; left in normal running.
        history: of the run.
        plan: what to do to whom.
        folder: for the files that the client is given, and for what it prints.
        say: told what is going on.

    Raises:
        MisuseError: there is no such program.
        FaultError, EngineError, NotInTimeError: the testbed failed, not the client.
    """
    clock = SystemClock()
    began_ms, started_at = clock.monotonic_ms(), clock.wall().isoformat(timespec="seconds")
    watch = Watch(bed.inspectors, {server.name: bed.installed(server.server) for server in bed.servers}, history)
    with Attempts(bed, client=plan.address) as attempts, contextlib.ExitStack() as stack:
        client: Client = stack.enter_context(_started(bed, plan.command, folder)) if plan.command else Observed()
        driver = Driver(bed, Nemesis(bed, history), watch, attempts, client, plan=plan)
        connected = driver.connects()
        rows = _rows(driver, client, plan, connected=connected, say=say)
        ended = client.ended()
    return Result(
        client=shlex.join(plan.command) or f"observed client {plan.address or ''}".strip(),
        kind=plan.kind,
        topology=bed.name,
        rows=tuple(rows),
        trouble=trouble_of(ended, connected=connected, within_s=plan.within_s),
        ended=ended,
        missed=tuple(dict.fromkeys(watch.missed)),
        seconds=(clock.monotonic_ms() - began_ms) / 1000,
        started_at=started_at,
        facts={"version": metadata.version("portal-resilience-testbed"), "within_s": f"{plan.within_s:g}"},
    )


def _rows(driver: Driver, client: Client, plan: Plan, *, connected: bool, say: Callable[[str], None]) -> list[Row]:
    rows: list[Row] = []
    for place, scenario in enumerate(plan.scenarios):
        ended = client.ended()
        if ended is not None or not connected:
            why = "it never connected" if ended is None else how_ended(ended)
            return rows + after(plan.scenarios[place:], plan.kind, why)
        say(f"{scenario.name}: {scenario.about}")
        rows += driver.scenario(scenario)
    return rows


def _started(bed: Bed, command: Sequence[str], folder: Path) -> Command:
    for name, content in given.files(bed).items():
        (folder / name).write_bytes(content)
    values = given.variables(bed, folder)
    return Command.start(given.filled(command, values), values, folder)
