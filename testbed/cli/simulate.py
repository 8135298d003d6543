"""The simulator, from the command line: walks every schedule of faults in virtual time, or replays one."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from testbed.cli.common import as_json, read_file, say, show
from testbed.defects import CLIENTS, defect_named
from testbed.errors import MisuseError
from testbed.schedules import schedule as schedules
from testbed.simulator import schedule
from testbed.simulator.drawing import draw
from testbed.simulator.parts import DEFAULT_MINUTES, Setting
from testbed.simulator.walk import Walked, walk
from testbed.world import Failback

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BOTH = "both"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one process walks.

    Attributes:
        setting: of the pair.
        faults: how many at most.
        hurried: how many acts of a schedule do not wait for rest.
        overlapping: in schedules of how many faults at most.
        disks: whether the disks have faults, too.
        drawn: how many schedules are drawn by chance besides.
        seed: what they are drawn from.
        defects: what is wrong in both servers on purpose.
    """

    setting: Setting
    faults: int
    hurried: int
    overlapping: int
    disks: bool
    drawn: int
    seed: int
    defects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of it.

    Attributes:
        failback: how the pair was set.
        walked: the walk, with what was drawn.
        drawn: how many schedules of it were drawn.
        cpu_s: processor time, in seconds.
    """

    failback: Failback
    walked: Walked
    drawn: int
    cpu_s: float


@click.command()
@click.option("--faults", default=2, show_default=True, type=click.IntRange(1, 6), help="How many faults at most.")
@click.option(
    "--hurried", default=1, show_default=True, type=click.IntRange(0, 4), help="How many acts do not wait for rest …"
)
@click.option(
    "--overlapping",
    default=1,
    show_default=True,
    type=click.IntRange(1, 6),
    help="… in schedules of how many faults at most.",
)
@click.option(
    "--drawn", default=0, show_default=True, type=click.IntRange(0), help="Draw so many more, which overlap anyhow."
)
@click.option("--disks", is_flag=True, help="Disks have faults, too: full, or replaced by an older one.")
@click.option("--seed", type=int, metavar="S", help="Draw phases and delays from it.  [default: fixed ones]")
@click.option(
    "--detection-minutes", "minutes", default=DEFAULT_MINUTES, show_default=True, type=click.FloatRange(1, 60)
)
@click.option(
    "--failback", type=click.Choice([*(one.value for one in Failback), BOTH]), default=BOTH, show_default=True
)
@click.option("--defect", "defects", metavar="NAME", multiple=True, help="Plant it in both servers; may be repeated.")
@click.option("--save", metavar="FILE", help="Write the first failing schedule there.")
@click.option("--replay", metavar="FILE", help="Run this one schedule again, and tell what happens.")
@as_json
def simulate(
    *, failback: str, defects: tuple[str, ...], save: str | None, replay: str | None, json_: bool, **walked: Any
) -> None:
    """Walk every schedule of faults of a pair in virtual time, against the rules. Needs no engine.

    With automatic failback and with manual, in a process each. A schedule that breaks a rule is printed as JSON, to be
    replayed; the exit code is 1 then.
    """
    _check(defects)
    if replay is not None:
        with _planted(defects):
            _replay(replay, json_=json_)
        return
    jobs = [_job(one, defects, **walked) for one in Failback if failback in (one.value, BOTH)]
    done = [run(jobs[0])] if len(jobs) == 1 else _side_by_side(jobs)
    failing = min((one for each in done for one in each.walked.failures), key=lambda one: one.faults, default=None)
    show([_figures(one) for one in done], json_=json_, text=lambda: "\n\n".join(_text(one, defects) for one in done))
    if failing is None:
        return
    if save is not None:
        _write(save, schedules.written(failing.schedule).encode())
    raise click.exceptions.Exit(1)


def _job(failback: Failback, defects: tuple[str, ...], *, seed: int | None, minutes: float, **walked: Any) -> Job:
    return Job(setting=_setting(seed, minutes, failback), seed=seed or 0, defects=defects, **walked)


def run(job: Job) -> Done:
    """Walk it all; told on the way how far it has come."""
    name = job.setting.failback

    def tell(line: str) -> None:
        say(f"{name.value}: {line}")

    with _planted(job.defects):
        began = time.process_time()
        walked = walk(
            job.setting,
            faults=job.faults,
            hurried=job.hurried,
            overlapping=job.overlapping,
            disks=job.disks,
            say=tell,
        )
        if job.drawn:
            # Not for secrets: the same seed gives the same schedules.
            chance = random.Random(job.seed)  # noqa: S311
            walked.add(draw(job.setting, chance, schedules=job.drawn, faults=job.faults, disks=job.disks, say=tell))
        return Done(failback=name, walked=walked, drawn=job.drawn, cpu_s=time.process_time() - began)


def _side_by_side(jobs: list[Job]) -> list[Done]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(jobs), mp_context=context, initializer=_end_with_parent) as processes:
        return list(processes.map(run, jobs))


def _end_with_parent() -> None:
    """A process that walks ends at once when whoever started it is gone, in whatever way."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(2)

    threading.Thread(target=watch, daemon=True).start()


def _setting(seed: int | None, minutes: float, failback: Failback) -> Setting:
    if seed is None:
        return Setting(minutes=minutes, failback=failback)
    # Not for secrets: the same seed gives the same schedules.
    return Setting.drawn(random.Random(seed), minutes=minutes, failback=failback)  # noqa: S311


def _check(defects: Sequence[str]) -> None:
    """Raises MisuseError: there is no such defect, or the simulator has nothing that could have it."""
    for name in defects:
        part = defect_named(name).part
        if part in (CLIENTS, "server"):
            raise MisuseError(f"{name} is a defect of {part}: the simulator has portals and cores alone")


@contextlib.contextmanager
def _planted(defects: Sequence[str]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for name in defects:
            stack.callback(defect_named(name).plant())
        yield


def _replay(path: str, *, json_: bool) -> None:
    trace: list[str] = []

    def tell(at_ms: int, says: str) -> None:
        trace.append(f"{at_ms:>7} ms {says}")

    # Not to the millisecond: who mended what it found waits for another pair, which takes its own time to be at rest.
    _happened, findings = schedule.rehearse(schedules.read(read_file(path)), tell=tell)
    trace += [f"{one.at_ms:>7} ms !! {one}" for one in findings]
    told = {"findings": [str(one) for one in findings], "trace": list(trace)}
    show(told, json_=json_, text=lambda: "\n".join((*trace, "" if findings else "No rule was broken.")).rstrip())
    if findings:
        raise click.exceptions.Exit(1)


def _figures(done: Done) -> dict[str, object]:
    walked = done.walked
    return {
        "failback": done.failback.value,
        "schedules": walked.schedules,
        "drawn": done.drawn,
        "runs": walked.runs,
        "states": walked.states,
        "steps": walked.steps,
        "cpu_s": round(done.cpu_s, 1),
        "steps_a_second": round(walked.steps / max(done.cpu_s, 0.001)),
        "failures": [
            {
                "faults": failure.faults,
                "findings": [str(one) for one in failure.findings],
                "schedule": msgspec.to_builtins(failure.schedule),
            }
            for failure in walked.failures
        ],
    }


def _text(done: Done, defects: Sequence[str]) -> str:
    walked, speed = done.walked, done.walked.steps / max(done.cpu_s, 0.001)
    drawn = f", {done.drawn:,} of them drawn" if done.drawn else ""
    lines = [
        f"{done.failback.value} failback: {walked.schedules:,} schedules{drawn}",
        f"{walked.runs:,} runs, {walked.states:,} settled states",
        f"{walked.steps:,} steps in {done.cpu_s:.1f} s of CPU: {speed:,.0f} a second",
        f"{len(walked.failures)} ways to break a rule" if walked.failures else "No rule was broken.",
    ]
    with _planted(defects):
        for failure in walked.failures:
            lines += _told(failure.faults, failure.schedule)
    return "\n".join(lines)


def _told(faults: int, failing: schedules.Schedule) -> Sequence[str]:
    _findings, trace = schedule.replay(failing)
    return ("", f"With {faults} faults:", *trace, msgspec.json.encode(failing).decode())


def _write(path: str, data: bytes) -> None:
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise MisuseError(f"cannot write {path}: {error}") from error
