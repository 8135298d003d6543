"""All that a schedule can hold, acted out on containers one after the other and judged. `make soak` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed import history
from testbed.schedules.schedule import OF_DISKS, Does, Schedule, Step, Task, Verb, written
from testbed.schedules.trouble import fitting
from testbed.world import Failback
from tests.defects.courses import PEOPLE
from tests.program import run

if TYPE_CHECKING:
    from pathlib import Path

_EVERY: tuple[tuple[Verb, str, str], ...] = (
    (Verb.ENTER, "primary", "the first"),
    (Verb.KILL, "secondary/portal", ""),
    (Verb.START, "secondary/portal", ""),
    (Verb.STOP, "secondary/core", ""),
    (Verb.START, "secondary/core", ""),
    (Verb.PAUSE, "secondary/portal", ""),
    (Verb.RESUME_CLOCK_FIRST, "secondary/portal", ""),
    (Verb.PAUSE, "primary/core", ""),
    (Verb.RESUME, "primary/core", ""),
    (Verb.RESTART, "primary/core", ""),
    (Verb.SLOW, "secondary/portal", "400"),
    (Verb.CUT, "primary to secondary", ""),
    (Verb.HEAL, "link", ""),
    (Verb.LOSS, "link", "20"),
    (Verb.MEND, "link", ""),
    (Verb.RATE, "primary to secondary", "256000"),
    (Verb.MEND, "primary to secondary", ""),
    (Verb.FLAP, "link", "150"),
    (Verb.MEND, "link", ""),
    (Verb.CERTIFICATE, "secondary", "expired"),
    (Verb.INSTALL, "secondary", ""),
    (Verb.CONFIGURE, "primary", "line.backs-up-portal=off"),
    (Verb.CONFIGURE, "primary", "line.backs-up-portal=on"),
    (Verb.CONFIGURE, "secondary", "host-domain-name="),
    (Verb.CONFIGURE, "primary", "failover=off"),
    (Verb.ENTER, "secondary", "refused"),
    (Verb.CONFIGURE, "primary", "failback=manual"),
    (Verb.CONFIGURE, "primary", "failover=on"),
    (Verb.CONFIGURE, "secondary", "host-domain-name={hostname}"),
    (Verb.LOSE, "primary", ""),
    (Verb.ENTER, "secondary", "in failover, or not yet"),
    (Verb.RESTORE, "primary", ""),
    (Verb.ENTER, "primary", "the last"),
)
EVERY = Schedule(
    detection_minutes=1.5,
    failback=Failback.AUTOMATIC,
    steps=tuple(Step(3000 + 700 * place, *each) for place, each in enumerate(_EVERY)),
    until_ms=3000 + 700 * len(_EVERY),
    people=PEOPLE,
    work=tuple(
        Task(1500 + 1000 * turn + 50 * place, person.name, does)
        for turn in range(25)
        for place, (person, does) in enumerate(zip(PEOPLE, (Does.ADD, Does.SET, Does.CHANGE, Does.MEET), strict=True))
    ),
)
"""All that can be done to a pair of servers, one after the other."""


def test_all_that_a_schedule_can_hold_is_acted_out_and_judged(tmp_path: Path) -> None:
    """Every verb; entries of the directory are accounted for as well as what users write."""
    assert {step.act for step in EVERY.steps} == set(Verb) - {*OF_DISKS, Verb.EMPTY}
    assert fitting(EVERY.steps) == EVERY.steps
    file = tmp_path / "every.json"
    file.write_text(written(EVERY))
    ended = run("replay", str(file), "--report", str(tmp_path / "report"), "--json")
    assert ended.code == 0, ended
    judged = {one["checker"]: one["outcome"] for one in ended.json["verdicts"]}
    assert judged["changes kept"] == judged["in step"] == "pass", ended.json
    story = history.read(tmp_path / "report" / "history.jsonl")
    entered = {one.fields["op"]: one for one in story if one.fields.get("collection") == "directory"}
    ends = {one.kind for one in story if one.kind in ("ok", "fail") and one.fields["op"] in entered}
    assert ends == {"ok", "fail"}, "S refuses while P serves"
