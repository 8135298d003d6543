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
from testbed.conformance.driver import Driver, after
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
    from testbed.conformance.scenarios import Kind, Scenario
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


def run(  # noqa: PLR0913 - what a run is made of
    bed: Bed,
    history: History,
    scenarios: Sequence[Scenario],
    *,
    command: Sequence[str],
    kind: Kind,
    within_s: float,
    folder: Path,
    address: str | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Result:
    """Drive a client through scenarios, and judge it. Whatever happens, it has ended and the bed is healed then.

    Args:
        bed: in normal running; left in normal running.
        history: of the run.
        scenarios: what to do.
        command: the program with its arguments and placeholders; empty: the client runs already.
        kind: what the client is taken for.
        within_s: how long it may take to do what it must, in seconds.
        folder: for the files that it is given, and for what it prints.
        address: the client's address; any, if left out.
        say: told what is going on.

    Raises:
        MisuseError: there is no such program.
        FaultError, EngineError, NotInTimeError: the testbed failed, not the client.
    """
    clock = SystemClock()
    began_ms, started_at = clock.monotonic_ms(), clock.wall().isoformat(timespec="seconds")
    watch = Watch(bed.inspectors, {server.name: bed.installed(server.server) for server in bed.servers}, history)
    nemesis = Nemesis(bed, history)
    with Attempts(bed, client=address) as attempts, contextlib.ExitStack() as stack:
        client: Client = Observed()
        if command:
            client = stack.enter_context(_started(bed, command, folder))
        driver = Driver(bed, nemesis, watch, attempts, client, kind=kind, within_s=within_s, address=address)
        connected = driver.connects()
        rows = _rows(driver, client, scenarios, kind, connected=connected, say=say)
        ended = client.ended()
    return Result(
        client=shlex.join(command) if command else f"observed client {address or ''}".strip(),
        kind=kind,
        topology=bed.name,
        rows=tuple(rows),
        trouble=trouble_of(ended, connected=connected, within_s=within_s),
        ended=ended,
        missed=tuple(dict.fromkeys(watch.missed)),
        seconds=(clock.monotonic_ms() - began_ms) / 1000,
        started_at=started_at,
        facts={"version": metadata.version("portal-resilience-testbed"), "within_s": f"{within_s:g}"},
    )


def _rows(  # noqa: PLR0913 - what it is made of
    driver: Driver,
    client: Client,
    scenarios: Sequence[Scenario],
    kind: Kind,
    *,
    connected: bool,
    say: Callable[[str], None],
) -> list[Row]:
    if not connected:
        ended = client.ended()
        return after(scenarios, kind, "it never connected" if ended is None else how_ended(ended))
    rows: list[Row] = []
    for place, scenario in enumerate(scenarios):
        ended = client.ended()
        if ended is not None:
            return rows + after(scenarios[place:], kind, how_ended(ended))
        say(f"{scenario.name}: {scenario.about}")
        rows += driver.scenario(scenario)
    return rows


def _started(bed: Bed, command: Sequence[str], folder: Path) -> Command:
    for name, content in given.files(bed).items():
        (folder / name).write_bytes(content)
    values = given.variables(bed, folder)
    return Command.start(given.filled(command, values), values, folder)
