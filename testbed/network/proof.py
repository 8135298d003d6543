"""Proves network faults: that a link carried, that the fault stopped it, and that it carries again.

A probe is a packet that the receiver's packet filter counts twice, before and after the faults, and then
drops. So both verdicts are positive evidence, nobody needs to listen, and no listener notices:

- *passing*: the probes arrived and no fault stopped them;
- *stopped*: they arrived and a fault stopped them, or their own server, lost, did not let them out.

Neither, in time, is a failure that says what was seen: silence proves nothing.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, assert_never

from stubs import ports
from stubs.server.channel import RefusedError, send_probes
from testbed.errors import FaultError, NotInTimeError
from testbed.network import nft
from testbed.network.links import LEASE_MS
from testbed.partitions import Link, NetworkFault, Path, Protocol, Vanished
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from testbed.network.links import Links

PROBES = 2
WITHIN_S = 1.0
"""How long probes may take to arrive. One bridge away they take microseconds; the rest is for a busy
machine."""


@dataclass(frozen=True, order=True)
class Probe:
    """A question to one link: does a packet to this port get through?"""

    source: str
    target: str
    protocol: Protocol = "udp"
    port: int = ports.PROBE

    def __str__(self) -> str:
        return f"{self.source} -> {self.target} {self.protocol} port {self.port}"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What became of the probes of one link.

    Attributes:
        probe: which link.
        tried: how many probes were to leave the source.
        sent: how many did; its own packet filter stopped the others.
        arrived: how many reached the target.
        passed: how many of them no fault stopped there.
        covered_by: another fault in force that stops this link too; then this link was not probed and proves
            nothing.
    """

    probe: Probe
    tried: int = 0
    sent: int = 0
    arrived: int = 0
    passed: int = 0
    covered_by: NetworkFault | None = None

    @property
    def is_passing(self) -> bool:
        """Whether all probes got through."""
        return self.sent == self.tried and self.passed >= self.tried > 0

    @property
    def is_stopped(self) -> bool:
        """Whether all probes were stopped by a fault, seen at the one or the other end."""
        return self.tried > 0 and self.arrived >= self.sent and self.passed == 0

    def __str__(self) -> str:
        if self.covered_by is not None:
            return f"{self.probe}: not probed, for {self.covered_by} is in force"
        counts = f"{self.sent} of {self.tried} probes sent, {self.arrived} arrived, {self.passed} passed"
        return f"{self.probe}: {counts}"


@dataclass(kw_only=True)
class Proof:
    """What proves one injection. `after` is filled in when the fault has been healed."""

    before: tuple[Evidence, ...]
    during: tuple[Evidence, ...]
    after: tuple[Evidence, ...] = ()


@contextlib.contextmanager
def proved(
    links: Links, faults: Collection[NetworkFault], *, lease_ms: int = LEASE_MS, within_s: float = WITHIN_S
) -> Iterator[Proof]:
    """Hold the faults while this block runs, and prove each link before, during and after.

    Raises:
        FaultError: a link did not carry before, the fault had no effect, or it outlived its end.
        MisuseError, ExceptionGroup: as `Links.held`.
    """
    before = prove_passing(links, faults, within_s=within_s)
    with links.held(faults, lease_ms=lease_ms):
        proof = Proof(before=before, during=prove_stopped(links, faults, within_s=within_s))
        yield proof
    proof.after = prove_passing(links, faults, within_s=within_s)


def prove_passing(
    links: Links, faults: Collection[NetworkFault], *, within_s: float = WITHIN_S
) -> tuple[Evidence, ...]:
    """Prove that every link these faults are about carries. One under another fault is returned as covered.

    Raises:
        FaultError: a link does not; names it and what was seen.
    """
    return _prove(links, faults, "passing", within_s)


def prove_stopped(
    links: Links, faults: Collection[NetworkFault], *, within_s: float = WITHIN_S
) -> tuple[Evidence, ...]:
    """Prove that every link these faults are about is stopped.

    Raises:
        FaultError: a link is not, or nothing proves it; names it and what was seen.
    """
    return _prove(links, faults, "stopped", within_s)


def probes_of(links: Links, faults: Collection[NetworkFault]) -> tuple[Probe, ...]:
    """Say which links show whether the faults are in force.

    A vanished server is probed from and to every other end, but for those that cannot count what they
    receive.
    """
    return tuple(sorted({probe for fault in faults for probe in _probes(links, fault)}))


def covers(fault: NetworkFault, probe: Probe) -> bool:
    """Whether this fault alone stops this probe."""
    match fault:
        case Link(source, target):
            return (source, target) == (probe.source, probe.target)
        case Path(source, target, protocol, port):
            return (source, target, protocol, port) == (
                probe.source,
                probe.target,
                probe.protocol,
                probe.port,
            )
        case Vanished(server):
            return server in (probe.source, probe.target)
        case _:
            assert_never(fault)


def _probes(links: Links, fault: NetworkFault) -> Iterator[Probe]:
    match fault:
        case Link(source, target):
            yield Probe(source, target)
        case Path(source, target, protocol, port):
            yield Probe(source, target, protocol, port)
        case Vanished(server):
            yield from (Probe(other, server) for other in links.ends if other != server)
            yield from (Probe(server, other) for other in links.servers() if other != server)
        case _:
            assert_never(fault)


def _prove(
    links: Links, faults: Collection[NetworkFault], expected: Literal["passing", "stopped"], within_s: float
) -> tuple[Evidence, ...]:
    before = {server: links.listing(server) for server in links.servers()}
    in_force = [one.fault for one in links.in_force(before) if one.fault is not None]
    others = [fault for fault in in_force if fault not in faults]
    covered, probes = [], []
    for probe in probes_of(links, faults):
        by = next((other for other in others if covers(other, probe)), None)
        if by is None:
            probes.append(probe)
        else:
            covered.append(Evidence(probe=probe, covered_by=by))

    def as_expected(one: Evidence) -> bool:
        return one.is_passing if expected == "passing" else one.is_stopped

    seen = _send_and_look(links, probes, before, as_expected, within_s)
    wrong = [str(one) for one in seen if not as_expected(one)]
    if wrong:
        raise FaultError(f"not proved to be {expected}: {'; '.join(wrong)}")
    return (*seen, *covered)


def _send_and_look(
    links: Links,
    probes: Collection[Probe],
    before: Mapping[str, nft.Listing],
    accept: Callable[[Evidence], bool],
    within_s: float,
) -> tuple[Evidence, ...]:
    """Send the probes, and count until all is as expected or the time is over."""
    targets = {probe.target for probe in probes}
    sent = {probe: _send(links, probe) for probe in probes}

    def look() -> tuple[Evidence, ...]:
        now = {target: links.listing(target) for target in targets}
        return tuple(
            _evidence(links, probe, sent=sent[probe], before=before[probe.target], now=now[probe.target])
            for probe in probes
        )

    with contextlib.suppress(NotInTimeError):  # what is seen next says more, and decides
        seen = wait_until(look, lambda seen: all(map(accept, seen)), within_s=within_s, what="probes")
        if all(one.is_passing for one in seen):
            return seen
    # Once more: a listing may be taken between the two counts of a packet, which then looks stopped.
    return look()


def _send(links: Links, probe: Probe) -> int:
    channel = links.end(probe.source).channel
    address = links.end(probe.target).address
    if channel is not None:
        return channel.probe(address, protocol=probe.protocol, port=probe.port, count=PROBES)
    try:
        return send_probes(str(address), port=probe.port, protocol=probe.protocol, count=PROBES)["sent"]
    except RefusedError as error:
        raise FaultError(f"{probe}: {error}") from error


def _evidence(links: Links, probe: Probe, *, sent: int, before: nft.Listing, now: nft.Listing) -> Evidence:
    flow = nft.Flow(links.end(probe.source).address, probe.protocol, probe.port)

    def more(then: Mapping[nft.Flow, int], after: Mapping[nft.Flow, int]) -> int:
        return after.get(flow, 0) - then.get(flow, 0)

    return Evidence(
        probe=probe,
        tried=PROBES,
        sent=sent,
        arrived=more(before.arrived, now.arrived),
        passed=more(before.passed, now.passed),
    )
