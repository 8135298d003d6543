"""Draws a schedule for containers by chance: faults, configuration, and the work of clients. Pure; chance is passed in.

Only `random()` of what is passed in is called, whose sequence Python promises for a seed: so a seed gives the same
schedule byte for byte, with any version of Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from stubs.timing import Timing
from stubs.wire import Site
from testbed.certificates import CertificateFault
from testbed.checkers.facts import within_ms
from testbed.clients.steps import Kind
from testbed.schedules.schedule import Does, Person, Schedule, Step, Task, Verb
from testbed.schedules.trouble import FAILBACK, SETTINGS, Trouble, open_acts
from testbed.world import Failback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.schedules.schedule import Act

T = TypeVar("T")

PEOPLE = 20
"""How many clients work."""

SCALE = 0.01
"""Testbed time divided by real time, as in the simulator: a heartbeat is 100 ms."""

MINUTES = (1.5, 2.0, 3.0)
"""Failover Detection Times, real minutes."""

MOST_BROKEN = 3
"""So many things are broken at once, and no more."""

QUIET_MS = 3000
"""At the beginning of a run everybody logs in."""

WORK_MS = 2500
"""How long a client pauses between two pieces of work, on average."""

WEIGHTS = {
    Verb.KILL: 4,
    Verb.STOP: 3,
    Verb.PAUSE: 3,
    Verb.RESTART: 3,
    Verb.LOSE: 2,
    Verb.CUT: 6,
    Verb.LOSS: 1,
    Verb.RATE: 1,
    Verb.FLAP: 1,
    Verb.SLOW: 2,
    Verb.CERTIFICATE: 2,
    Verb.CONFIGURE: 8,
    Verb.ENTER: 3,
}
"""How often each is drawn where nothing is mended, one against the other."""

DECLINE = frozenset({2, 4})
"""The places of those who decline a certificate prompt: one with a browser, one with the plug-in."""

_KINDS = (Kind.WEB, Kind.OUTLOOK, Kind.WEB, Kind.CALL_ASSISTANT)
_WORK = (Does.ADD, Does.ADD, Does.CHANGE, Does.SET, Does.READ, Does.MEET, Does.DELETE)


class Chance(Protocol):
    """Where chance comes from: `random.Random(seed)`, say."""

    def random(self) -> float:
        """A number from 0 on and below 1."""


def draw(chance: Chance, *, seed: int, minutes: float) -> Schedule:
    """A schedule.

    Args:
        chance: made from the seed.
        seed: what the schedule says of where it came from.
        minutes: how long it lasts, in minutes of the clock on the wall; what follows its last step is not in it.
    """
    until_ms = round(minutes * 60_000)
    people = tuple(_person(number) for number in range(PEOPLE))
    detection = _one_of(chance, MINUTES)
    failback = _one_of(chance, (*[Failback.AUTOMATIC] * 4, Failback.MANUAL))
    return Schedule(
        seed=seed,
        time_scale=SCALE,
        detection_minutes=detection,
        failback=failback,
        until_ms=until_ms,
        steps=tuple(_steps(chance, failback, round(detection * 60_000 * SCALE), until_ms)),
        people=people,
        work=tuple(_work(chance, people, until_ms)),
    )


def _person(number: int) -> Person:
    home = Site.PRIMARY if number % 2 == 0 else Site.SECONDARY
    kind = _KINDS[number // 2 % len(_KINDS)]
    declines = number in DECLINE
    trusts = number % 3 == 0 and not declines
    return Person(name=f"user{number + 1:02}", kind=kind, home=home, trusts=trusts, declines=declines)


def _steps(chance: Chance, failback: Failback, detection_ms: int, until_ms: int) -> list[Step]:
    trouble, at_ms, steps = Trouble(failback=failback), QUIET_MS, list[Step]()
    while at_ms < until_ms:
        act = _act(chance, trouble)
        step = Step(at_ms, act.verb, act.target, _value(chance, act, trouble, len(steps)))
        steps.append(step)
        trouble = trouble.after(step)
        at_ms += _gap_ms(chance, detection_ms)
    return steps


def _act(chance: Chance, trouble: Trouble) -> Act:
    """Mending is the likelier the more is broken; of the rest a kind is drawn first, as some have many targets."""
    acts = open_acts(trouble)
    mending = [act for act in acts if _mends(act, trouble)]
    if mending and chance.random() < trouble.count / MOST_BROKEN:
        return _one_of(chance, mending)
    others = [act for act in acts if act.verb in WEIGHTS and act not in mending]
    verb = _weighed(chance, [verb for verb in WEIGHTS if any(act.verb is verb for act in others)])
    return _one_of(chance, [act for act in others if act.verb is verb])


def _mends(act: Act, trouble: Trouble) -> bool:
    if act.verb is Verb.CONFIGURE:
        return any(SETTINGS[key].site.value == act.target for key in trouble.changed)
    return act.verb is not Verb.ENTER and act.verb not in WEIGHTS and act.verb is not Verb.RESUME_CLOCK_FIRST


VALUES: dict[Verb, tuple[str, ...]] = {
    Verb.LOSS: ("5", "20", "40"),
    Verb.RATE: ("256000", "1000000"),
    Verb.FLAP: ("150", "400"),
    Verb.SLOW: ("400", "2500"),
    Verb.CERTIFICATE: tuple(case.value for case in CertificateFault),
}
"""What is drawn with a verb, each as likely as the others."""


def _value(chance: Chance, act: Act, trouble: Trouble, number: int) -> str:
    match act.verb:
        case Verb.CONFIGURE:
            return _setting(chance, act.target, trouble)
        case Verb.ENTER:
            return f"entry {number}"
        case _:
            return _one_of(chance, VALUES[act.verb]) if act.verb in VALUES else ""


def _setting(chance: Chance, site: str, trouble: Trouble) -> str:
    """What is not as usual on a server is set right; else something there is changed."""
    there = [one for one in SETTINGS.values() if one.site.value == site]
    for one in there:
        if one.key in trouble.changed:
            return f"{one.key}={one.usual}"
    keys = [one.key for one in there] + ([FAILBACK] if site == Site.PRIMARY.value else [])
    key = _one_of(chance, keys)
    if key == FAILBACK:
        other = Failback.AUTOMATIC if trouble.failback is Failback.MANUAL else Failback.MANUAL
        return f"{FAILBACK}={other.value}"
    return f"{key}={SETTINGS[key].other}"


def _gap_ms(chance: Chance, detection_ms: int) -> int:
    """Within the detection time, about as long as it, until most has settled, or so long that all is to be judged."""
    settled_ms = round(within_ms(Timing(scale=SCALE), detection_ms))
    from_ms, to_ms = _one_of(
        chance,
        (
            (50, detection_ms // 2),
            (detection_ms * 3 // 4, detection_ms * 3 // 2),
            (settled_ms // 2, settled_ms),
            (settled_ms * 11 // 10, settled_ms * 15 // 10),
        ),
    )
    return from_ms + int(chance.random() * (to_ms - from_ms))


def _work(chance: Chance, people: Sequence[Person], until_ms: int) -> list[Task]:
    tasks = []
    for person in people:
        at_ms = int(chance.random() * WORK_MS)
        while at_ms < until_ms:
            tasks.append(Task(at_ms, person.name, _one_of(chance, _WORK)))
            at_ms += 1 + int(2 * chance.random() * WORK_MS)
    return sorted(tasks, key=lambda task: (task.at_ms, task.client))


def _one_of(chance: Chance, choices: Sequence[T]) -> T:
    return choices[int(chance.random() * len(choices))]


def _weighed(chance: Chance, verbs: Sequence[Verb]) -> Verb:
    return _one_of(chance, [verb for verb in verbs for _ in range(WEIGHTS[verb])])
