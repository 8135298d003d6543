"""Applies network faults to the servers of a bed, and undoes them.

Keeps no list of what is in force: the kernels of the servers know, and `Links.current` asks them. A fault
held by a process carries a lease, so that it ends by itself when the process dies.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from testbed.errors import BedError, MissingError, MisuseError
from testbed.network import kernel, nft, orders, shaping, tc
from testbed.network.applied import Applied, Holding
from testbed.network.blocks import Block
from testbed.network.channel import RefusedError
from testbed.network.ends import End, Ends, group
from testbed.network.lease import LEASE_MS, Claims, OnLapse, Renewal, tell_nobody
from testbed.network.translation import excludes, fault_of, placed
from testbed.partitions import told

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from testbed.network.blocks import Listing
    from testbed.partitions import NetworkFault

__all__ = ["LEASE_MS", "End", "FaultInForce", "Links"]

Blocks: TypeAlias = dict[str, set[Block]]


@dataclass(frozen=True, kw_only=True)
class FaultInForce:
    """A network fault that a kernel holds now.

    Attributes:
        fault: what it is; None where it names an address that no end of this bed has.
        at: the server that enforces it.
        block: what the kernel holds.
        lease_left_s: whole seconds until it ends by itself; None if it stays until undone.
        packets: that met it since it was set or last renewed.
    """

    fault: NetworkFault | None
    at: str
    block: Block
    lease_left_s: int | None
    packets: int

    @property
    def told(self) -> str:
        """One line, for people."""
        return f"at {self.at}, of nobody here: {self.block}" if self.fault is None else told(self.fault)


class Links(Ends):
    """The network of a bed: its ends by name, and what this process holds of it."""

    def __init__(self, ends: Mapping[str, End]) -> None:
        super().__init__(ends)
        self.claims = Claims()

    def install(self) -> None:
        """Set up the packet filter of every server; what is in force there stays. Must come before any fault.

        Raises:
            ExceptionGroup: of EngineError and FaultError, one for each server that failed.
        """
        self._at_each(dict.fromkeys(self.servers(), nft.install()))

    @cached_property
    def lacking(self) -> frozenset[str]:
        """The kernel options that some faults need and this engine's kernel does not have."""
        return kernel.lacking(self.channel(self.servers()[0]))

    def inject(self, faults: Collection[NetworkFault], *, lease_ms: int | None = None) -> Applied:
        """Put the faults in force: one transaction per server, all side by side; undone again if one of them fails.

        Args:
            faults: what to inject. One that is in force already gets the new lease.
            lease_ms: milliseconds until each ends by itself; None: it stays until healed.

        Raises:
            MisuseError: a fault names an end that is not there, or one where none can be set; or the link is under a
                fault already that excludes it.
            MissingError: the kernel cannot do it; names the option that it lacks.
            ExceptionGroup: of EngineError and FaultError, one for each server that failed.
        """
        planned_ms = time.monotonic() * 1000
        blocks = self.blocks(faults)
        self._check_kernel(faults)
        self._shape(faults, blocks)
        done, failures = self.ask({name: orders.blocking(these, lease_ms) for name, these in blocks.items()})
        if failures:
            self._undo(self.blocks(set(faults) - self.claims.shared()), failures)
            self._check_conflicts(faults)
            raise group(failures)
        return Applied(planned_ms=planned_ms, committed_ms=orders.stamps(done))

    def heal(self, faults: Collection[NetworkFault]) -> Applied:
        """Undo the faults at every server, even when one of them fails; one that is not in force is no error.

        Raises:
            MisuseError: as `inject`.
            ExceptionGroup: of EngineError and FaultError, one for each server that failed.
        """
        planned_ms = time.monotonic() * 1000
        return Applied(planned_ms=planned_ms, committed_ms=self._unblock(self.blocks(faults)))

    def heal_all(self) -> Applied:
        """Undo whatever is in force at every server, whoever put it there.

        Raises:
            ExceptionGroup: of EngineError and FaultError, one for each server that failed.
        """
        planned_ms = time.monotonic() * 1000
        done, failures = self.ask_surely(orders.transactions(dict.fromkeys(self.servers(), nft.flush())))
        _, others = self.ask_surely(dict.fromkeys(self.servers(), orders.route(tc.unshape())))
        if failures or others:
            raise group({**others, **failures})
        return Applied(planned_ms=planned_ms, committed_ms=orders.stamps(done))

    def renew(self, faults: Collection[NetworkFault], *, lease_ms: int | None) -> Applied:
        """Start the leases of the faults anew; without a lease they stay until healed.

        Raises:
            ExceptionGroup: one for each server that failed; where a fault is no longer in force this is so,
                and it is not put back.
        """
        planned_ms = time.monotonic() * 1000
        blocks = self.blocks(faults)
        done = self._at_each({name: nft.renew(these, lease_ms=lease_ms) for name, these in blocks.items()})
        return Applied(planned_ms=planned_ms, committed_ms=done)

    def current(self) -> tuple[FaultInForce, ...]:
        """Ask every server's kernel what is in force.

        Raises:
            ExceptionGroup: of EngineError and FaultError: a server cannot be asked; then nothing is known, rather
                than something missing.
        """
        return self.in_force(self.listings(self.servers()))

    def in_force(self, listings: Mapping[str, Listing]) -> tuple[FaultInForce, ...]:
        """Translate what servers' packet filters said, by server, into faults."""
        names = {end.address: name for name, end in self.ends.items()}
        return tuple(
            FaultInForce(
                fault=fault_of(one.block, at=server, names=names),
                at=server,
                block=one.block,
                lease_left_s=one.lease_left_s,
                packets=one.packets,
            )
            for server, listing in listings.items()
            for one in listing.in_force
        )

    @contextlib.contextmanager
    def held(
        self, faults: Collection[NetworkFault], *, lease_ms: int = LEASE_MS, on_lapse: OnLapse = tell_nobody
    ) -> Iterator[Holding]:
        """Faults that are in force while this block runs, and that end within a lease if this process dies.

        What another block of this process holds as well stays until that is left too. A fault that ended before its
        time is told to `on_lapse` as soon as it is noticed, in another thread, and raised at the end.

        Raises:
            LapsedError: at the end, if a fault ended before its time.
            MisuseError, MissingError, ExceptionGroup: as `inject` and `heal`.
        """
        self.claims.claim(faults)
        try:
            holding = Holding(injected=self.inject(faults, lease_ms=lease_ms))
        except BaseException:
            self.claims.release(faults)
            raise

        def lapsed() -> None:
            if (lapse := renewal.lapse(faults)) is not None:
                on_lapse(lapse)

        renewal = Renewal(lambda: self.renew(faults, lease_ms=lease_ms), lease_ms=lease_ms, on_failure=lapsed)
        try:
            yield holding
        except BaseException as error:
            if renewal.failure is not None:
                error.add_note(f"besides: {renewal.lapse(faults)}: {renewal.failure!r}")
            raise
        finally:
            try:
                renewal.end()
            finally:  # interrupted there as well
                if free := self.claims.release(faults):
                    holding.healed = self.heal(free)
        if (lapse := renewal.lapse(faults)) is not None:
            raise lapse

    def blocks(self, faults: Collection[NetworkFault]) -> Blocks:
        """Say what each server has to block for these faults.

        Raises:
            MisuseError: a fault names an end that is not there, or one where none can be set.
        """
        blocks: Blocks = defaultdict(set)
        for fault in faults:
            server, block = placed(fault, lambda name: self.end(name).address)
            self.channel(server)
            blocks[server].add(block)
        return blocks

    def _check_kernel(self, faults: Collection[NetworkFault]) -> None:
        needed = {option for fault in faults for option in kernel.needs(fault)}
        if needed and (missing := needed & self.lacking):
            raise MissingError(f"the engine's kernel cannot do that: it was built without {', '.join(sorted(missing))}")

    def _check_conflicts(self, faults: Collection[NetworkFault]) -> dict[str, list[Block]]:
        """Refuse what another fault excludes; else say what is in force, by server."""
        in_force: dict[str, list[Block]] = defaultdict(list)
        for one in self.current():
            in_force[one.at].append(one.block)
            for fault in faults:
                if one.fault is not None and excludes(fault, one.fault):
                    raise MisuseError(f"there is already: {told(one.fault)}; heal it before: {told(fault)}")
        return in_force

    def _shape(self, faults: Collection[NetworkFault], blocks: Blocks) -> None:
        """Make the queues that some of these need; until an element sends packets there they do nothing."""
        wanted = {name: shapes for name, these in blocks.items() if (shapes := shaping.shapes_in(these))}
        if not wanted:
            return
        # Another shape of the same link would be changed by this one, and the packet filter could not tell.
        in_force = {name: shaping.shapes_in(these) for name, these in self._check_conflicts(faults).items()}
        queues = shaping.orders(wanted, in_force, [end.address for end in self.ends.values()])
        _, failures = self.ask({name: orders.route(messages) for name, messages in queues.items()})
        for server, error in failures.items():
            code = error.code if isinstance(error, RefusedError) else ""
            if why := shaping.explained(code, wanted[server], in_force.get(server, ())):
                raise MissingError(f"{server}: {why}") from error
        if failures:
            raise group(failures)

    def _undo(self, blocks: Blocks, failures: Mapping[str, BedError]) -> None:
        """After a failure: who refused did nothing, and who did not answer may still do it."""
        done = {name: these for name, these in blocks.items() if not isinstance(failures.get(name), RefusedError)}
        try:
            self._unblock(done)
        except ExceptionGroup as unhealed:
            raise ExceptionGroup("injected in part, and not healed", [*failures.values(), unhealed]) from unhealed

    def _unblock(self, blocks: Mapping[str, Collection[Block]]) -> dict[str, float]:
        blocks = self._own_shapes(blocks)
        done, failures = self.ask_surely({name: orders.unblocking(these) for name, these in blocks.items()})
        healed = {name: blocks[name] for name in done}
        for server, error in list(failures.items()):
            # Refused where another fault stands in its place: what is really in force of these is undone alone.
            if isinstance(error, RefusedError):
                try:
                    if ours := self.listing(server).blocks().intersection(blocks[server]):
                        done |= {server: self.channel(server).request(orders.unblocking(ours))}
                        healed[server] = ours
                except BedError as another:
                    failures[server] = another
                else:
                    del failures[server]
        waiting = {name: orders.route(rest) for name, these in healed.items() if (rest := shaping.released(these))}
        _, others = self.ask_surely(waiting)
        if failures or others:
            raise group({**others, **failures})
        return orders.stamps(done)

    def _own_shapes(self, blocks: Mapping[str, Collection[Block]]) -> dict[str, Collection[Block]]:
        """Without the shapes that others have replaced: a kernel does not tell two shapes of one link apart."""
        found = dict(blocks)
        for name, these in blocks.items():
            if shapes := shaping.shapes_in(these):
                with contextlib.suppress(BedError):  # who does not answer now fails in the end
                    found[name] = set(these) - (shapes - self.listing(name).blocks())
        return {name: these for name, these in found.items() if these}

    def _at_each(self, texts: Mapping[str, str]) -> dict[str, float]:
        """Run a transaction at each server, all of them even when one fails; when each had it. It may be done twice."""
        done, failures = self.ask_surely(orders.transactions(texts))
        if failures:
            raise group(failures)
        return orders.stamps(done)
