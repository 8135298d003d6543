"""The nemesis: injects faults and heals them, proves both, records both. Acts; chooses nothing.

The undo is written down before the deed. Healing goes on when one healing fails, and every failure is reported. In a
topology that stays, faults end with this process, too: leases see to those of the network, an understudy to the rest.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, assert_never

import msgspec

from testbed import moments, volume_proof
from testbed.errors import BedError, FaultError, MisuseError
from testbed.faults import (
    Certificate,
    Fault,
    FullDisk,
    Kill,
    Lose,
    Network,
    Pause,
    Restart,
    SlowStart,
    Stop,
    Target,
    describe,
)
from testbed.history import SystemClock
from testbed.network.lease import LEASE_MS, LapsedError
from testbed.network.proof import prove_in_force, prove_passing
from testbed.partitions import NetworkFault, Vanished
from testbed.recording.effects import effects_of
from testbed.service_proof import WITHIN_S, prove_ended, prove_state, start_of, state_of
from testbed.understudy import Understudy
from testbed.undo import Undo, as_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from stubs.wire import ServerName
    from testbed.bed import Bed
    from testbed.history import History
    from testbed.network.applied import Applied, Holding


class Nemesis:
    """Faults one bed.

    Args:
        bed: which.
        history: where injections and healings are recorded.
        within_s: how long the engine may take until a fault shows, in seconds.
        begun: called with each service whose process was started again; its healing is over when this returns.
    """

    def __init__(
        self,
        bed: Bed,
        history: History,
        *,
        within_s: float = WITHIN_S,
        begun: Callable[[Target], None] = lambda _target: None,
    ) -> None:
        self._bed = bed
        self._begun = begun
        self._history = history
        self._within_s = within_s
        self._undo: dict[Fault, Undo] = {}
        self._holdings: dict[Fault, Holding] = {}
        self._clock = SystemClock()
        self._understudy: Understudy | None = None
        self._unleased: set[Fault] = set()

    @contextlib.contextmanager
    def under(self, *faults: Fault) -> Iterator[None]:
        """The faults hold while the block runs; they are healed when it is left, however it is left."""
        with Undo() as undo:
            for fault in faults:
                self._refuse_twice(fault)
                undo.callback(self.heal, fault)
                self.inject(fault)
            yield

    def inject(self, fault: Fault) -> None:
        """Inject one fault; it is proved to hold when this returns.

        Raises:
            FaultError: it had no effect.
            MisuseError: it is injected already, or the server has another fault of the kind, or cannot have one.
            MissingError: the bed stays, and nobody would heal it if this process were killed; nothing was done.
            EngineError, ExceptionGroup: it could not be injected; what was done of it is undone by `heal`.
        """
        self._refuse_twice(fault)
        self._watch(fault)
        stack = self._undo[fault] = Undo()
        planned_ms = self._clock.monotonic_ms()
        self._record(fault, "planned", None)
        self._do(fault, stack)
        holding = self._holdings.get(fault)
        at = moments.wall_times(self._bed, fault)
        network = None if holding is None else holding.injected
        self._record(fault, "injected", moments.applied(planned_ms, at, self._clock, network=network))

    def _do(self, fault: Fault, stack: Undo) -> None:  # noqa: C901 - one branch for each kind of fault
        match fault:
            case Kill(target):
                self._end(stack, target, lambda: self._bed.services.kill(target.server, target.service))
            case Stop(target):
                if self._understudy is not None:
                    self._understudy.will_stop(target)
                self._end(stack, target, lambda: self._bed.services.stop(target.server, target.service))
            case Pause(target):
                self._refuse_idle(target, "paused")
                stack.callback(self._prove_state, target, "running")
                stack.callback(self._bed.services.resume, target.server, target.service)
                self._bed.services.pause(target.server, target.service)
                self._prove_state(target, "paused")
            case Restart(target):
                self._restart(stack, target)
            case Lose(server):
                self._lose(stack, fault, server)
            case FullDisk(server):
                self._fill(stack, server)
            case SlowStart():
                self._slow(stack, fault)
            case Network(faults):
                self._change_links(stack, fault, faults)
            case Certificate(server, case):
                self._bed.certificates.refuse_a_second(server)
                stack.callback(self._bed.certificates.restore, server)
                self._bed.certificates.stage(server, case)
            case _:
                assert_never(fault)

    def exchange(self, old: Certificate, new: Certificate) -> None:
        """Let a server show another wrong certificate in place of one: never a sound one in between.

        Raises:
            MisuseError: the old one was not injected here, or is another server's.
            FaultError: the new one is not shown; what is shown then is undone by healing it.
            EngineError: the engine failed; likewise.
        """
        if old not in self._undo or old.server != new.server:
            raise MisuseError(f"{describe(old)} cannot give way to {describe(new)}: it does not hold there")
        self._record(new, "planned", None)
        self._record(old, "healing", None)
        # In the old one's place: what was injected after it is healed before.
        self._undo = {new if fault == old else fault: undo for fault, undo in self._undo.items()}
        if old in self._unleased:
            self._unleased = self._unleased - {old} | {new}
        self._bed.certificates.stage(new.server, new.case)
        self._record(old, "healed", None)
        self._record(new, "injected", None)

    def heal(self, fault: Fault) -> None:
        """Heal one fault; nothing happens if it was not injected.

        Raises:
            FaultError: it outlived its end.
            EngineError, ExceptionGroup: it could not be healed. A note on either error names the fault.
        """
        stack = self._undo.get(fault)
        if stack is None:
            return
        holding, planned_ms = self._holdings.get(fault), self._clock.monotonic_ms()
        self._record(fault, "healing", None)
        failures, interruption = stack.finish()
        at: Mapping[str, datetime] = {}
        try:
            at = {} if failures else moments.wall_times(self._bed, fault, healed=True)
        except BedError as error:
            failures.append(error)
        self._undo.pop(fault, None)
        self._holdings.pop(fault, None)
        if failures:
            failed = as_one(failures)
            failed.add_note(f"{describe(fault)} may still hold")
            if interruption is None:
                raise failed
            interruption.add_note(f"{describe(fault)} may still hold: {failed}")
            raise interruption from failed
        network = None if holding is None else holding.healed
        self._record(fault, "healed", moments.applied(planned_ms, at, self._clock, network=network))
        self._unwatch(fault)
        if interruption is not None:
            raise interruption

    def heal_all(self) -> None:
        """Heal whatever is still injected, the latest first.

        Raises:
            ExceptionGroup: of all that could not be healed; the bed is dirty.
        """
        undo = Undo()
        for fault in self._undo:
            undo.callback(self.heal, fault)  # one that an interruption leaves here goes on where it was
        if failures := undo.failures():
            raise ExceptionGroup("not every fault could be healed", failures)

    def _refuse_twice(self, fault: Fault) -> None:
        """Who healed one of two that are the same would end the other as well."""
        if fault in self._undo:
            raise MisuseError(f"{describe(fault)}: injected already; heal it before it is injected again")

    def _watch(self, fault: Fault) -> None:
        """Nothing ends this fault if this process dies, unless it is a network's, or the bed goes with its run."""
        if isinstance(fault, Network) or not self._bed.stays:
            return
        if self._understudy is None:
            self._understudy = Understudy(self._bed.name)
        self._unleased.add(fault)

    def _unwatch(self, fault: Fault) -> None:
        """This fault is gone. As long as one may hold, because it could not be healed, somebody watches."""
        self._unleased.discard(fault)
        if self._understudy is not None and not self._unleased:
            self._understudy.dismiss()
            self._understudy = None

    def _record(self, fault: Fault, state: str, applied: Applied | None) -> None:
        times = {} if applied is None else applied.row()
        effects = [msgspec.to_builtins(one) for one in effects_of(fault)]
        told = {"bed": self._bed.name, "fault": describe(fault), "effects": effects}
        self._history.record("fault", **told, state=state, **times)

    def _end(self, stack: Undo, target: Target, act: Callable[[], None]) -> None:
        self._refuse_idle(target, "stopped")
        stack.callback(self._begin_again, target)
        try:
            act()
        except BaseException:
            # The engine may be at it still, for as long as a stop takes, and would end what is started meanwhile.
            stack.callback(self._bed.services.kill, target.server, target.service)
            raise
        self._prove_state(target, "stopped")

    def _begin_again(self, target: Target) -> None:
        self._bed.services.start(target.server, target.service)
        self._prove_state(target, "running")
        self._begun(target)

    def _restart(self, stack: Undo, target: Target) -> None:
        start = start_of(self._bed, target)
        stack.callback(self._begin_again, target)
        self._bed.services.restart(target.server, target.service)
        prove_ended(self._bed, target, start, within_s=self._within_s)

    def _refuse_idle(self, target: Target, state: str) -> None:
        """A fault that finds its effect there already has none."""
        if state_of(self._bed, target) == state:
            raise FaultError(f"the fault had no effect: {target} was {state} already")

    def _lose(self, stack: Undo, fault: Fault, server: ServerName) -> None:
        vanished = frozenset({Vanished(server.value)})
        targets = [Target(server, service) for service in self._bed.installed(server)]
        for target in targets:
            stack.callback(self._begin_again, target)
        # First silence, then death: a lost server sends no word of good-bye. Healing goes the other way round.
        self._change_links(stack, fault, vanished)
        self._bed.services.at_once(
            [lambda t=target: self._bed.services.kill(t.server, t.service) for target in targets]  # type: ignore[misc]
        )
        for target in targets:
            self._prove_state(target, "stopped")

    def _fill(self, stack: Undo, server: ServerName) -> None:
        volume_proof.refuse_full(self._bed, server)
        stack.callback(volume_proof.empty, self._bed, server)
        volume_proof.fill(self._bed, server)

    def _slow(self, stack: Undo, fault: SlowStart) -> None:
        volume_proof.refuse_slow(self._bed, fault.target)
        stack.callback(volume_proof.swift, self._bed, fault.target)
        self._bed.volumes.slow(fault.target, by_ms=fault.by_ms)
        # Nothing can be seen of it before a service starts, so that this is proved by the time it ends.
        stack.callback(volume_proof.prove_slow, self._bed, fault.target)

    def _change_links(self, stack: Undo, fault: Fault, faults: frozenset[NetworkFault]) -> None:
        links = self._bed.links
        prove_passing(links, faults)
        stack.callback(prove_passing, links, faults)

        def lapsed(lapse: LapsedError) -> None:
            self._history.record("lapse", bed=self._bed.name, fault=describe(fault), **lapse.times())

        self._holdings[fault] = stack.enter_context(links.held(faults, lease_ms=LEASE_MS, on_lapse=lapsed))
        shown = prove_in_force(links, faults)
        self._history.record("proof", bed=self._bed.name, fault=describe(fault), shown=[str(one) for one in shown])

    def _prove_state(self, target: Target, expected: str) -> None:
        prove_state(self._bed, target, expected, within_s=self._within_s)
