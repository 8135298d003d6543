"""The simulator, from the command line: walks every schedule of faults in virtual time, or replays one."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from testbed.cli.common import as_json, read_file, say, show
from testbed.errors import MisuseError
from testbed.simulator import schedule
from testbed.simulator.parts import DEFAULT_MINUTES, Setting
from testbed.simulator.walk import Walked, walk
from testbed.world import Failback

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@click.option("--faults", default=2, show_default=True, type=click.IntRange(1, 6), help="How many faults at most.")
@click.option(
    "--hurried", default=0, show_default=True, type=click.IntRange(0, 4), help="How many acts do not wait for rest."
)
@click.option("--seed", type=int, metavar="S", help="Draw phases and delays from it.  [default: fixed ones]")
@click.option(
    "--detection-minutes", "minutes", default=DEFAULT_MINUTES, show_default=True, type=click.FloatRange(1, 60)
)
@click.option("--failback", type=click.Choice([one.value for one in Failback]), default="automatic", show_default=True)
@click.option("--save", metavar="FILE", help="Write the first failing schedule there.")
@click.option("--replay", metavar="FILE", help="Run this one schedule again, and tell what happens.")
@as_json
def simulate(  # noqa: PLR0913 - click's options
    *,
    faults: int,
    hurried: int,
    seed: int | None,
    minutes: float,
    failback: str,
    save: str | None,
    replay: str | None,
    json_: bool,
) -> None:
    """Walk every schedule of faults of a pair in virtual time, against the rules. Needs no engine.

    A schedule that breaks one is printed as JSON, to be replayed; the exit code is 1 then.
    """
    if replay is not None:
        _replay(replay, json_=json_)
        return
    chosen = Setting(minutes=minutes, failback=Failback(failback))
    if seed is not None:
        # Not for secrets: the same seed gives the same schedules.
        chance = random.Random(seed)  # noqa: S311
        chosen = Setting.drawn(chance, minutes=minutes, failback=Failback(failback))
    began = time.process_time()
    walked = walk(chosen, faults=faults, hurried=hurried, say=say)
    took_s = time.process_time() - began
    show(_figures(walked, took_s), json_=json_, text=lambda: _text(walked, took_s))
    if not walked.failures:
        return
    if save is not None:
        _write(save, msgspec.json.format(msgspec.json.encode(walked.failures[0].schedule), indent=2) + b"\n")
    raise click.exceptions.Exit(1)


def _replay(path: str, *, json_: bool) -> None:
    findings, trace = schedule.replay(schedule.read(read_file(path)))
    told = {"findings": [str(one) for one in findings], "trace": list(trace)}
    show(told, json_=json_, text=lambda: "\n".join((*trace, "" if findings else "No rule was broken.")).rstrip())
    if findings:
        raise click.exceptions.Exit(1)


def _figures(walked: Walked, took_s: float) -> dict[str, object]:
    return {
        "schedules": walked.schedules,
        "runs": walked.runs,
        "states": walked.states,
        "steps": walked.steps,
        "cpu_s": round(took_s, 1),
        "steps_a_second": round(walked.steps / max(took_s, 0.001)),
        "failures": [
            {
                "faults": failure.faults,
                "findings": [str(one) for one in failure.findings],
                "schedule": msgspec.to_builtins(failure.schedule),
            }
            for failure in walked.failures
        ],
    }


def _text(walked: Walked, took_s: float) -> str:
    speed = walked.steps / max(took_s, 0.001)
    lines = [
        f"{walked.schedules:,} schedules: {walked.runs:,} runs, {walked.states:,} settled states",
        f"{walked.steps:,} steps in {took_s:.1f} s of CPU: {speed:,.0f} a second",
        f"{len(walked.failures)} ways to break a rule" if walked.failures else "No rule was broken.",
    ]
    for failure in walked.failures:
        lines += _told(failure.faults, failure.schedule)
    return "\n".join(lines)


def _told(faults: int, failing: schedule.Schedule) -> Sequence[str]:
    _findings, trace = schedule.replay(failing)
    return ("", f"With {faults} faults:", *trace, msgspec.json.encode(failing).decode())


def _write(path: str, data: bytes) -> None:
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise MisuseError(f"cannot write {path}: {error}") from error
