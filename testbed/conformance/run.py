"""One run of `testbed conform` on a bed that is up: the client is started or observed, driven, and judged."""

from __future__ import annotations

import contextlib
import os
import shlex
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from testbed import topology as topologies
from testbed.conformance import given
from testbed.conformance.attempts import Attempts
from testbed.conformance.command import Command, Observed, Order
from testbed.conformance.driver import Driver, after
from testbed.conformance.judgement import how_ended
from testbed.conformance.names import HOSTS
from testbed.conformance.plan import Names
from testbed.conformance.results import Result, Row, trouble_of
from testbed.conformance.told import names_line
from testbed.errors import MissingError, MisuseError
from testbed.history import SystemClock
from testbed.nemesis import Nemesis
from testbed.recording.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbed.bed import Bed
    from testbed.conformance.command import Client
    from testbed.conformance.plan import Plan
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


def run(  # noqa: PLR0913 - what a run is made of, and who is told of it
    bed: Bed,
    history: History,
    plan: Plan,
    *,
    folder: Path,
    say: Callable[[str], None] = lambda _line: None,
    keep: Callable[[Result], None] = lambda _result: None,
) -> Result:
    """Drive a client through scenarios, and judge it. Whatever happens, it has ended and the bed is healed then.

    Args:
        bed: in normal running; left in normal running.
        history: of the run.
        plan: what to do to whom.
        folder: for the files that the client is given, and for what it prints.
        say: told what is going on.
        keep: gets the result; also when the run breaks off, with what was judged until then, before the error goes on.

    Raises:
        MisuseError: there is no such program.
        MissingError: the client was to resolve names, and cannot.
        FaultError, EngineError, NotInTimeError: the testbed failed, not the client.
    """
    watch = Watch(bed.inspectors, {server.name: bed.installed(server.server) for server in bed.servers}, history)
    account = _Account(bed, plan, watch, keep)
    try:
        with Attempts(bed, client=plan.address) as attempts, contextlib.ExitStack() as stack:
            client = stack.enter_context(_started(bed, plan, folder, say)) if plan.command else Observed()
            account.begun = replace(account.begun, no_names=client.no_names)
            driver = Driver(bed, Nemesis(bed, history), watch, attempts, client, plan=plan)
            connected = driver.connects(within_s=plan.connect_s)
            _drive(driver, client, plan, account.rows, connected=connected, say=say)
            result = _result(account.begun, client, plan, connected=connected)
    except BaseException as error:
        account.break_off(error)
        raise
    return account.close(result)


class _Account:
    """What is known of a run at any moment of it.

    Attributes:
        rows: the verdicts so far.
        begun: what was known before there were any.
    """

    def __init__(self, bed: Bed, plan: Plan, watch: Watch, keep: Callable[[Result], None]) -> None:
        self.rows: list[Row] = []
        self._plan, self._watch, self._keep, self._clock = plan, watch, keep, SystemClock()
        self._began_ms = self._clock.monotonic_ms()
        self.begun = _blank(bed, plan, self._clock.wall().isoformat(timespec="seconds"))

    def close(self, result: Result) -> Result:
        """The result with all that belongs to it; it is kept."""
        seconds = (self._clock.monotonic_ms() - self._began_ms) / 1000
        missed = tuple(dict.fromkeys(self._watch.missed))
        result = replace(result, rows=tuple(self.rows), missed=missed, seconds=seconds)
        self._keep(result)
        return result

    def break_off(self, error: BaseException) -> None:
        """Keep what was judged until then; the rest is unknown."""
        why = "it was interrupted" if isinstance(error, KeyboardInterrupt) else str(error) or repr(error)
        left = after(self._plan.scenarios, self._plan.kind, "the run broke off before this was judged")
        self.rows += left[len(self.rows) :]
        self.close(replace(self.begun, broken=f"the run broke off: {why}"))


def _blank(bed: Bed, plan: Plan, started_at: str) -> Result:
    """The result of a run in which nothing was judged yet."""
    return Result(
        client=shlex.join(plan.command) or f"observed client {plan.address or ''}".strip(),
        kind=plan.kind,
        topology=bed.name,
        rows=(),
        trouble=None,
        ended=None,
        missed=(),
        seconds=0.0,
        started_at=started_at,
        facts={
            "version": metadata.version("portal-resilience-testbed"),
            "within_s": f"{plan.within_s:g}",
            "connect_within_s": f"{plan.connect_s:g}",
        },
    )


def _result(blank: Result, client: Client, plan: Plan, *, connected: bool) -> Result:
    ended = client.ended() or (None if connected else client.last_end())
    trouble = trouble_of(ended, connected=connected, within_s=plan.connect_s)
    return replace(blank, trouble=trouble, ended=ended, facts={**blank.facts, **client.told()})


def _drive(  # noqa: PLR0913 - a run's parts
    driver: Driver, client: Client, plan: Plan, rows: list[Row], *, connected: bool, say: Callable[[str], None]
) -> None:
    instead = driver.instead() if connected else None
    if instead is not None:
        say(f"the client is not logged in at the primary after {plan.connect_s:g} s; what came there: {instead}")
    for place, scenario in enumerate(plan.scenarios):
        ended = client.ended()
        if ended is not None or not connected:
            why = "it never connected" if ended is None else how_ended(ended)
            rows += after(plan.scenarios[place:], plan.kind, why)
            return
        say(f"{scenario.name}: {scenario.about}")
        driver.scenario(scenario, rows)


def _started(bed: Bed, plan: Plan, folder: Path, say: Callable[[str], None]) -> Command:
    for name, content in given.files(bed).items():
        (folder / name).write_bytes(content)
    values, names = given.variables(bed, folder), given.names(bed)
    environ = {**values, **given.past_proxies(names, os.environ)}
    if plan.trusts_by_environment:
        environ |= given.trusting(folder / "ca.pem")
    client = Command.start(
        Order(
            arguments=given.filled(plan.command, values),
            environ=environ,
            out=str(folder / "client.out"),
            err=str(folder / "client.err"),
            hosts=None if plan.names is Names.NONE else _hosts(folder / "client.hosts", names),
            names=names,
            again=plan.again,
        )
    )
    if client.no_names:
        if plan.names is Names.HOSTS:
            client.end()
            raise MissingError(f"the servers' names cannot be made to resolve for the client: {client.no_names}")
        say(names_line(client.no_names))
    return client


def _hosts(file: Path, names: Mapping[str, str]) -> str:
    machine = Path(HOSTS)
    known = machine.read_text(encoding="utf-8", errors="surrogateescape") if machine.exists() else ""
    file.write_text(given.hosts_with(names, known), encoding="utf-8", errors="surrogateescape")
    file.chmod(0o644)  # whoever the client runs as reads it
    return str(file)
