"""The nemesis: injects faults and heals them, proves both, records both. Acts; chooses nothing.

The undo is written down before the deed. Healing goes on when one healing fails, and every failure is reported.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, assert_never

from testbed.errors import FaultError, NotInTimeError
from testbed.faults import Certificate, Fault, Kill, Lose, Network, Pause, Stop, Target, describe
from testbed.network.links import LEASE_MS
from testbed.network.proof import prove_in_force, prove_passing
from testbed.partitions import NetworkFault, Vanished
from testbed.waiting import wait_until

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

    def __init__(self, bed: Bed, history: History, *, within_s: float = 5.0) -> None:
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
            MisuseError: the server has another fault of the same kind already.
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
                stack.callback(self._bed.services.resume, target.server, target.service)
                self._bed.services.pause(target.server, target.service)
                self._prove_state(target, "paused")
            case Lose(server):
                self._lose(stack, fault, server)
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
        stack.callback(self._begin_again, target)
        act()
        self._prove_state(target, "stopped")

    def _begin_again(self, target: Target) -> None:
        self._bed.services.start(target.server, target.service)
        self._prove_state(target, "running")

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

    def _change_links(self, stack: contextlib.ExitStack, fault: Fault, faults: frozenset[NetworkFault]) -> None:
        links = self._bed.links
        prove_passing(links, faults)
        stack.callback(prove_passing, links, faults)
        self._holdings[fault] = stack.enter_context(links.held(faults, lease_ms=LEASE_MS))
        shown = prove_in_force(links, faults)
        self._history.record("proof", fault=describe(fault), shown=[str(one) for one in shown])

    def _prove_state(self, target: Target, expected: str) -> None:
        """The engine itself must say so: a fault without effect proves nothing."""

        def look() -> str:
            return self._bed.services.states().get(target.server, {}).get(target.service, "missing")

        what = f"{target} to be {expected}"
        try:
            wait_until(look, lambda state: state == expected, within_s=self._within_s, what=what)
        except NotInTimeError as error:
            raise FaultError(f"the fault had no effect: {error}") from error
