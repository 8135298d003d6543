"""Proves network faults: that a link carried, that the fault did to it what it says, and that it carries again.

A probe is a packet that the receiver's packet filter counts twice, before and after the faults, and then
drops. So both verdicts on a cut are positive evidence, nobody needs to listen, and no listener notices:

- *passing*: the probes arrived and no fault stopped them;
- *stopped*: they arrived and a fault stopped them, or their own server, lost, did not let them out; and where the fault
  is to refuse or to reset, they were answered like that.

Neither, in time, is a failure that says what was seen: silence proves nothing. Loss, rate and delay are measured.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, assert_never

from testbed.bad_links import Delay, Flap, Loss, Rate
from testbed.errors import FaultError, NotInTimeError
from testbed.network import measure
from testbed.network.blocks import ECHO_REQUEST, Flow
from testbed.network.evidence import (
    PROBES,
    Evidence,
    Measured,
    Probe,
    blinds,
    enough_probes,
    hides,
    manner_of,
    probe_of,
    spoils,
)
from testbed.network.lease import LEASE_MS
from testbed.network.sending import Sent, send
from testbed.partitions import Cut, Link, Manner, NetworkFault, Path, Vanished, Worsened
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from testbed.network.blocks import Listing
    from testbed.network.evidence import Expected, Shown
    from testbed.network.links import Links

WITHIN_S = 1.0
"""How long probes may take to arrive. One bridge away they take microseconds; the rest is for a busy
machine."""

_DISTURBED = 10
"""How much longer than a count a measurement may take: a busy machine disturbs it, and then it is repeated."""


_Worse = TypeVar("_Worse", bound=Worsened)


@dataclass(kw_only=True)
class Proof:
    """What proves one injection. `after` is filled in when the fault has been healed."""

    before: tuple[Shown, ...]
    during: tuple[Shown, ...]
    after: tuple[Shown, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Question:
    """A probe, how often it is sent, and what a cut is to answer."""

    probe: Probe
    count: int = PROBES
    manner: Manner = Manner.DROP


@contextlib.contextmanager
def proved(
    links: Links, faults: Collection[NetworkFault], *, lease_ms: int = LEASE_MS, within_s: float = WITHIN_S
) -> Iterator[Proof]:
    """Hold the faults while this block runs, and prove each link before, during and after.

    Raises:
        FaultError: a link did not carry before, the fault had no effect, or it outlived its end.
        MisuseError, MissingError, ExceptionGroup: as `Links.held`.
    """
    before = prove_passing(links, faults, within_s=within_s)
    with links.held(faults, lease_ms=lease_ms):
        proof = Proof(before=before, during=prove_in_force(links, faults, within_s=within_s))
        yield proof
    proof.after = prove_passing(links, faults, within_s=within_s)


def prove_passing(links: Links, faults: Collection[NetworkFault], *, within_s: float = WITHIN_S) -> tuple[Shown, ...]:
    """Prove that every link these faults are about carries as if there were none of them.

    One that is under another fault, or that somebody else holds as well, is returned as covered.

    Raises:
        FaultError: a link does not; names it and what was seen.
    """
    questions = [_Question(probe=probe, count=_count(fault)) for fault in faults for probe in probes_of(links, [fault])]
    held = links.claims.held()
    others = [fault for fault in _in_force(links) if fault not in faults or fault in held]
    shown = _prove(links, questions, others, "passing", within_s)
    open_, covered = _uncovered([fault for fault in faults if isinstance(fault, Rate | Delay | Flap)], others)
    measured = [one for fault in open_ for one in _ended(links, fault, _DISTURBED * within_s)]
    return (*shown, *_all_as_asked(measured, "ended"), *covered)


def prove_in_force(links: Links, faults: Collection[NetworkFault], *, within_s: float = WITHIN_S) -> tuple[Shown, ...]:
    """Prove that every fault does to its links what it says.

    Raises:
        FaultError: one does not, or nothing proves it; names it and what was seen.
    """
    cuts = [fault for fault in faults if isinstance(fault, Link | Path | Vanished)]
    stopped = prove_stopped(links, cuts, within_s=within_s) if cuts else ()
    others = [fault for fault in _in_force(links) if fault not in faults]
    open_, covered = _uncovered([fault for fault in faults if isinstance(fault, Loss | Rate | Delay | Flap)], others)
    measured = [one for fault in open_ for one in _measured(links, fault, within_s)]
    probes = probes_of(links, cuts)
    # What loses packets stops them as well as a cut that is not there.
    is_doubtful = any(spoils(other, probe) for other in others for probe in probes)
    if is_doubtful or any(one.covered_by is not None for one in (*stopped, *covered)):
        _refuse_missing(links, faults)
    return (*stopped, *_all_as_asked(measured, "in force"), *covered)


def prove_stopped(links: Links, faults: Collection[Cut], *, within_s: float = WITHIN_S) -> tuple[Evidence, ...]:
    """Prove that every link these cuts are about is stopped, in their manner.

    Raises:
        FaultError: a link is not, or nothing proves it; names it and what was seen.
    """
    questions = [
        _Question(probe=probe, manner=manner_of(fault)) for fault in faults for probe in probes_of(links, [fault])
    ]
    others = [fault for fault in _in_force(links) if fault not in faults]
    return _prove(links, questions, others, "stopped", within_s)


def probes_of(links: Links, faults: Collection[NetworkFault]) -> tuple[Probe, ...]:
    """Say which links show whether the faults are in force.

    A vanished server is probed from and to every other end, but for those that cannot count what they
    receive.
    """
    return tuple(sorted({probe for fault in faults for probe in _probes(links, fault)}))


def _probes(links: Links, fault: NetworkFault) -> Iterator[Probe]:
    match fault:
        case Vanished(server):
            yield from (Probe(other, server) for other in links.ends if other != server)
            yield from (Probe(server, other) for other in links.servers() if other != server)
        case _:
            yield probe_of(fault)


def _uncovered(
    faults: Collection[_Worse], others: Collection[NetworkFault]
) -> tuple[list[_Worse], tuple[Evidence, ...]]:
    """Which faults can be measured, and what the others are covered by."""
    by = {fault: next((other for other in others if hides(other, fault)), None) for fault in faults}
    covered = tuple(Evidence(probe=probe_of(one), covered_by=other) for one, other in by.items() if other is not None)
    return [fault for fault, other in by.items() if other is None], covered


def _in_force(links: Links) -> list[NetworkFault]:
    return [one.fault for one in links.current() if one.fault is not None]


def _count(fault: NetworkFault) -> int:
    """How many probes have to pass until the end of a fault is proved."""
    return enough_probes(fault.permille / 1000) if isinstance(fault, Loss) else PROBES


def _measured(links: Links, fault: Worsened, within_s: float) -> tuple[Measured, ...]:
    match fault:
        case Loss():
            return (measure.loss(links, fault, within_s=within_s),)
        case Rate():
            return (measure.rate(links, fault, within_s=_DISTURBED * within_s),)
        case Delay():
            return measure.delay(links, fault, within_s=_DISTURBED * within_s)
        case Flap():
            return measure.flap(links, fault, within_s=_DISTURBED * within_s)
        case _:
            assert_never(fault)


def _ended(links: Links, fault: Rate | Delay | Flap, within_s: float) -> tuple[Measured, ...]:
    match fault:
        case Rate():
            return (measure.unlimited(links, fault, within_s=within_s),)
        case Delay():
            return measure.punctual(links, fault, within_s=within_s)
        case Flap():
            return (measure.flaps_no_more(links, fault),)
        case _:
            assert_never(fault)


def _all_as_asked(measured: Collection[Measured], expected: str) -> tuple[Measured, ...]:
    wrong = [str(one) for one in measured if not one.is_as_asked]
    if wrong:
        raise FaultError(f"not proved to be {expected}: {'; '.join(wrong)}")
    return tuple(measured)


def _refuse_missing(links: Links, faults: Collection[NetworkFault]) -> None:
    """Where another fault hides what these do, the kernels must at least say that they are there themselves."""
    missing = set(faults) - set(_in_force(links))
    if missing:
        raise FaultError(f"not proved to be in force, and no kernel has it: {', '.join(sorted(map(str, missing)))}")


def _prove(
    links: Links,
    questions: Collection[_Question],
    others: Collection[NetworkFault],
    expected: Expected,
    within_s: float,
) -> tuple[Evidence, ...]:
    covers = blinds if expected == "stopped" else spoils
    covered, open_ = [], []
    for question in dict.fromkeys(questions):
        by = next((other for other in others if covers(other, question.probe)), None)
        if by is None:
            open_.append(question)
        else:
            covered.append(Evidence(probe=question.probe, covered_by=by))

    def as_expected(one: Evidence) -> bool:
        return one.is_passing if expected == "passing" else one.is_stopped

    seen = _send_and_look(links, open_, as_expected, within_s)
    wrong = [str(one) for one in seen if not as_expected(one)]
    if wrong:
        raise FaultError(f"not proved to be {expected}: {'; '.join(wrong)}")
    return (*seen, *covered)


def _send_and_look(
    links: Links, questions: Collection[_Question], accept: Callable[[Evidence], bool], within_s: float
) -> tuple[Evidence, ...]:
    """Send the probes, and count until all is as expected or the time is over."""
    targets = {question.probe.target for question in questions}
    before = links.listings(targets)
    sent = {one: send(links, one.probe, count=one.count, manner=one.manner) for one in questions}

    def look() -> tuple[Evidence, ...]:
        now = links.listings(targets)
        return tuple(
            _evidence(links, one, sent=sent[one], before=before[one.probe.target], now=now[one.probe.target])
            for one in questions
        )

    with contextlib.suppress(NotInTimeError):  # what is seen next says more, and decides
        seen = wait_until(look, lambda seen: all(map(accept, seen)), within_s=within_s, what="probes")
        if all(one.is_passing for one in seen):
            return seen
    # Once more: a listing may be taken between the two counts of a packet, which then looks stopped.
    return look()


def _evidence(links: Links, question: _Question, *, sent: Sent, before: Listing, now: Listing) -> Evidence:
    probe = question.probe
    port = ECHO_REQUEST if probe.protocol == "icmp" else probe.port
    flow = Flow(links.end(probe.source).address, probe.protocol, port)

    def more(then: Mapping[Flow, int], after: Mapping[Flow, int]) -> int:
        return after.get(flow, 0) - then.get(flow, 0)

    return Evidence(
        probe=probe,
        tried=question.count,
        sent=sent.sent,
        arrived=more(before.arrived, now.arrived),
        passed=more(before.passed, now.passed),
        manner=question.manner,
        answered=sent.answered,
    )
