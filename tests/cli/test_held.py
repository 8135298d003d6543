"""Faults by a nemesis of one's own in a topology that stays: they end with the process that holds them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testbed.certificates import CertificateFault
from testbed.engine.names import Names
from testbed.errors import NotInTimeError
from testbed.faults import Certificate, Kill, Pause, lose
from testbed.history import History, read
from testbed.nemesis import Nemesis
from testbed.waiting import wait_until
from tests.program import done

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

    from testbed.bed import Bed

HEALED_S = 10.0
STOP_S = 10.0
"""How long the engine gives a process that it was asked to stop."""

UNDERSTUDY = b"testbed.understudy"
MILLISECOND = timedelta(milliseconds=1)

HOLDER = """
import sys, threading
from pathlib import Path
from testbed import environment
from testbed.bed import Bed
from testbed.certificates import CertificateFault
from testbed.faults import Certificate, Kill, Pause, Stop, lose
from testbed.history import History
from testbed.nemesis import Nemesis
name, folder, which = sys.argv[1:]
bed = Bed.attach(environment.engine(), name, folder=Path(folder))
nemesis = Nemesis(bed, History(Path(folder) / "history.jsonl"))
nemesis.inject({
    "pause": lambda: Pause(bed.primary.portal),
    "stop": lambda: Stop(bed.secondary.core),
    "certificate": lambda: Certificate(bed.secondary.server, CertificateFault.EXPIRED),
    "lose": lambda: lose(bed.secondary),
}[which]())
print("held", flush=True)
threading.Event().wait()
"""


@contextlib.contextmanager
def started(bed: Bed, folder: Path, which: str) -> Iterator[subprocess.Popen[str]]:
    """A program of somebody's that injects a fault, and holds it."""
    command = [sys.executable, "-c", HOLDER, bed.name, str(folder), which]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603 - ours
        try:
            yield process
        finally:
            process.kill()


def faults(bed: Bed) -> list[str]:
    """What `status` says of them."""
    found: list[str] = bed.status()["faults"]
    return found


@pytest.mark.parametrize(
    ("which", "shown", "by"),
    [
        ("pause", ["primary/portal paused"], signal.SIGKILL),
        ("stop", ["secondary/core stopped"], signal.SIGKILL),
        ("certificate", ["certificate of secondary expired"], signal.SIGKILL),
        ("lose", ["cut secondary vanished", "secondary/core stopped", "secondary/portal stopped"], signal.SIGKILL),
        ("pause", ["primary/portal paused"], signal.SIGINT),
    ],
)
def test_what_a_process_held_ends_with_it(
    watched: Bed, tmp_path: Path, which: str, shown: list[str], by: signal.Signals
) -> None:
    """Though no lease ends it, no janitor removes the topology, and nobody used a command that looks after it."""
    with started(watched, tmp_path, which) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert faults(watched) == shown
        process.send_signal(by)
        process.wait(10)
    wait_until(lambda: faults(watched), lambda left: not left, within_s=HEALED_S, what="the fault to end")
    wait_until(lambda: understudies(watched), lambda left: not left, within_s=30, what="the understudy to go home")


def understudies(bed: Bed) -> list[int]:
    """The processes that would heal it, by number."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
            if UNDERSTUDY in words and bed.name.encode() in words:
                found.append(int(folder.name))
    return found


def test_nobody_watches_once_the_last_fault_is_healed(watched: Bed, tmp_path: Path) -> None:
    """One process more, and only while a fault holds that needs it."""
    with History(tmp_path / "history.jsonl") as history:
        nemesis = Nemesis(watched, history)
        with nemesis.under(Certificate(watched.secondary.server, CertificateFault.EXPIRED)):
            assert len(understudies(watched)) == 1
            with nemesis.under(Pause(watched.secondary.portal)):
                assert len(understudies(watched)) == 1
        assert understudies(watched) == []


def test_a_stop_that_is_under_way_does_not_win(client: docker.DockerClient, watched: Bed, tmp_path: Path) -> None:
    """The engine gives a process ten seconds to end; whoever asked for it is killed meanwhile, and all is healed."""
    core = watched.secondary.core
    pid = client.api.inspect_container(Names(name=watched.name).container(core.server, core.service))["State"]["Pid"]
    try:
        os.kill(pid, signal.SIGSTOP)  # so that it takes all of them
    except PermissionError:
        pytest.skip("needs the right to freeze a process of a container: run as root")

    def asked() -> datetime | None:
        return watched.services.at("kill", core.server, core.service)

    before = asked()
    with started(watched, tmp_path, "stop") as process:
        at = wait_until(asked, lambda seen: seen != before, within_s=30, what="the engine to be asked for a stop")
        process.kill()
    assert at is not None
    wait_until(
        lambda: (watched.inspectors["secondary"].answers("core"), understudies(watched)),
        lambda seen: seen == (True, []),
        within_s=HEALED_S,
        what="the core to answer, and its healer to go home",
    )
    late_s = STOP_S - (datetime.now(UTC) - at).total_seconds()
    with pytest.raises(NotInTimeError):
        wait_until(lambda: faults(watched), bool, within_s=max(late_s, 0) + 2, what="it to be ended", every_s=0.2)


def test_the_engine_tells_when_a_fault_took_hold_and_when_it_ended(watched: Bed, tmp_path: Path) -> None:
    """On the clock of the history: after it was asked for, and before it was proved."""
    secondary = watched.secondary
    path = tmp_path / "history.jsonl"
    with History(path) as history:
        nemesis = Nemesis(watched, history)
        for fault in (Kill(secondary.portal), Pause(secondary.core), lose(secondary)):
            with nemesis.under(fault):
                pass
    told = [one for one in read(path) if one.kind == "fault" and one.fields["state"] in ("injected", "healed")]
    assert len(told) == 6
    for one in told:
        times = one.fields["committed_ms"]
        assert [*times] == {"lose secondary": ["secondary", "secondary/core", "secondary/portal"]}.get(
            one.fields["fault"], [one.fields["fault"].rpartition(" ")[2]]
        )
        assert all(one.fields["planned_ms"] - 1 <= at_ms <= one.monotonic_ms + 1 for at_ms in times.values()), one


@pytest.mark.parametrize(
    ("verb", "undo", "states"),
    [
        ("kill", "start", ("stopped", "running")),
        ("pause", "resume", ("paused", "running")),
        ("lose", "restore", ("stopped", "running")),
    ],
)
def test_a_fault_by_hand_tells_since_when(watched: Bed, verb: str, undo: str, states: tuple[str, str]) -> None:
    """By the engine's clock, to the millisecond; for programs as JSON."""
    target = "secondary" if verb == "lose" else "secondary/portal"
    for word, state in zip((verb, undo), states, strict=True):
        began = datetime.now(UTC)
        rows = {row["target"]: row for row in done("fault", word, watched.name, target, "--json").json}
        assert rows["secondary/portal"]["state"] == state
        assert began <= datetime.fromisoformat(rows["secondary/portal"]["at"]) + MILLISECOND
        assert datetime.fromisoformat(rows["secondary/portal"]["at"]) <= datetime.now(UTC)
