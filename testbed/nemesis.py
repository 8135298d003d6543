"""The nemesis: injects faults and heals them, proves both, records both. Acts; chooses nothing.

The undo is written down before the deed. Healing goes on when one healing fails, and every failure is reported.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, assert_never

from testbed import volume_proof
from testbed.errors import FaultError
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
from testbed.network.links import LEASE_MS
from testbed.network.proof import prove_in_force, prove_passing
from testbed.partitions import NetworkFault, Vanished
from testbed.service_proof import WITHIN_S, prove_ended, prove_state, start_of, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    """

    def __init__(self, bed: Bed, history: History, *, within_s: float = WITHIN_S) -> None:
        self._bed = bed
        self._history = history
        self._within_s = within_s
        self._undo: dict[Fault, contextlib.ExitStack] = {}
        self._holdings: dict[Fault, Holding] = {}

    @contextlib.contextmanager
    def under(self, *faults: Fault) -> Iterator[None]:
        """The faults hold while the block runs; they are healed when it is left, however it is left."""
        with contextlib.ExitStack() as stack:
            for fault in faults:
                stack.callback(self.heal, fault)
                self.inject(fault)
            yield

    def inject(self, fault: Fault) -> None:
        """Inject one fault; it is proved to hold when this returns.

        Raises:
            FaultError: it had no effect.
            MisuseError: the server has another fault of the same kind already, or cannot have one.
            EngineError, ExceptionGroup: it could not be injected; what was done of it is undone by `heal`.
        """
        stack = self._undo.setdefault(fault, contextlib.ExitStack())
        self._history.record("fault", fault=describe(fault), state="planned")
        match fault:
            case Kill(target):
                self._end(stack, target, lambda: self._bed.services.kill(target.server, target.service))
            case Stop(target):
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
        holding = self._holdings.get(fault)
        self._record(fault, "injected", None if holding is None else holding.injected)

    def heal(self, fault: Fault) -> None:
        """Heal one fault; nothing happens if it was not injected.

        Raises:
            FaultError: it outlived its end.
            EngineError, ExceptionGroup: it could not be healed.
        """
        stack = self._undo.pop(fault, None)
        if stack is not None:
            holding = self._holdings.pop(fault, None)
            stack.close()
            self._record(fault, "healed", None if holding is None else holding.healed)

    def heal_all(self) -> None:
        """Heal whatever is still injected, the latest first.

        Raises:
            ExceptionGroup: of all that could not be healed; the bed is dirty.
        """
        failures: list[Exception] = []
        for fault in reversed(list(self._undo)):
            try:
                self.heal(fault)
            except Exception as error:  # noqa: BLE001 - kept and raised below, after the others were healed
                failures.append(error)
        if failures:
            raise ExceptionGroup("not every fault could be healed", failures)

    def _record(self, fault: Fault, state: str, applied: Applied | None) -> None:
        times = {} if applied is None else applied.row()
        self._history.record("fault", fault=describe(fault), state=state, **times)

    def _end(self, stack: contextlib.ExitStack, target: Target, act: Callable[[], None]) -> None:
        self._refuse_idle(target, "stopped")
        stack.callback(self._begin_again, target)
        act()
        self._prove_state(target, "stopped")

    def _begin_again(self, target: Target) -> None:
        self._bed.services.start(target.server, target.service)
        self._prove_state(target, "running")

    def _restart(self, stack: contextlib.ExitStack, target: Target) -> None:
        start = start_of(self._bed, target)
        stack.callback(self._begin_again, target)
        self._bed.services.restart(target.server, target.service)
        prove_ended(self._bed, target, start, within_s=self._within_s)

    def _refuse_idle(self, target: Target, state: str) -> None:
        """A fault that finds its effect there already has none."""
        if state_of(self._bed, target) == state:
            raise FaultError(f"the fault had no effect: {target} was {state} already")

    def _lose(self, stack: contextlib.ExitStack, fault: Fault, server: ServerName) -> None:
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

    def _fill(self, stack: contextlib.ExitStack, server: ServerName) -> None:
        volume_proof.refuse_full(self._bed, server)
        stack.callback(volume_proof.empty, self._bed, server)
        volume_proof.fill(self._bed, server)

    def _slow(self, stack: contextlib.ExitStack, fault: SlowStart) -> None:
        volume_proof.slow(self._bed, fault)
        stack.callback(volume_proof.swift, self._bed, fault.target)
        # Nothing can be seen of it before a service starts, so that this is proved by the time it ends.
        stack.callback(volume_proof.prove_slow, self._bed, fault.target)

    def _change_links(self, stack: contextlib.ExitStack, fault: Fault, faults: frozenset[NetworkFault]) -> None:
        links = self._bed.links
        prove_passing(links, faults)
        stack.callback(prove_passing, links, faults)
        self._holdings[fault] = stack.enter_context(links.held(faults, lease_ms=LEASE_MS))
        shown = prove_in_force(links, faults)
        self._history.record("proof", fault=describe(fault), shown=[str(one) for one in shown])

    def _prove_state(self, target: Target, expected: str) -> None:
        prove_state(self._bed, target, expected, within_s=self._within_s)
