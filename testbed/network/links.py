"""Applies network faults to the servers of a bed, and undoes them.

Keeps no list of what is in force: the kernels of the servers know, and `Links.current` asks them. A fault
held by a process carries a lease, so that it ends by itself when the process dies.
"""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, assert_never

from testbed.errors import BedError, FaultError, MisuseError
from testbed.network import nft
from testbed.partitions import Link, NetworkFault, Path, Vanished

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from ipaddress import IPv4Address

    from testbed.network.channel import Channel

LEASE_MS = 2000
"""How long a held fault outlives its holder, at most."""

_PARTS_OF_A_LEASE = 3  # renewed when a third of it is over: one late renewal does no harm

Blocks: TypeAlias = dict[str, set[nft.Block]]


@dataclass(frozen=True)
class End:
    """One end of links.

    Attributes:
        address: its address on the topology's network.
        channel: into its network namespace; None for this host, which only sends: no fault can be set there,
            and no link *to* it can be cut.
    """

    address: IPv4Address
    channel: Channel | None = None


@dataclass(frozen=True, kw_only=True)
class FaultInForce:
    """A network fault that a kernel holds now.

    Attributes:
        fault: what it is; None where it names an address that no end of this bed has.
        at: the server that enforces it.
        block: what the kernel holds.
        lease_left_s: whole seconds until it ends by itself; None if it stays until undone.
        packets: dropped by it since it was set or last renewed.
    """

    fault: NetworkFault | None
    at: str
    block: nft.Block
    lease_left_s: int | None
    packets: int


class Links:
    """The network of a bed: its ends by name. Has no state but these."""

    def __init__(self, ends: Mapping[str, End]) -> None:
        self.ends = dict(ends)

    def install(self) -> None:
        """Set up the packet filter of every server; what is in force there stays. Must come before any fault.

        Raises:
            ExceptionGroup: of EngineError and FaultError, one for each server that failed.
        """
        self._at_each(dict.fromkeys(self.servers(), nft.install()))

    def servers(self) -> tuple[str, ...]:
        """Names of the ends at which faults can be set."""
        return tuple(name for name, end in self.ends.items() if end.channel is not None)

    def inject(self, faults: Collection[NetworkFault], *, lease_ms: int | None = None) -> None:
        """Put the faults in force: one transaction per server; undone again if one of them fails.

        Args:
            faults: what to inject. One that is in force already gets the new lease.
            lease_ms: milliseconds until each ends by itself; None: it stays until healed.

        Raises:
            MisuseError: a fault names an end that is not there, or one where none can be set.
            ExceptionGroup: of EngineError and FaultError, one for each server that failed.
        """
        blocks = self.blocks(faults)
        try:
            self._at_each({name: nft.block(these, lease_ms=lease_ms) for name, these in blocks.items()})
        except ExceptionGroup as failed:
            try:
                self.heal(faults)
            except ExceptionGroup as unhealed:
                raise ExceptionGroup("injected in part, and not healed", [failed, unhealed]) from failed
            raise

    def heal(self, faults: Collection[NetworkFault]) -> None:
        """Undo the faults at every server, even when one of them fails; one that is not in force is no error.

        Raises:
            MisuseError, ExceptionGroup: as `inject`.
        """
        self._at_each({name: nft.unblock(these) for name, these in self.blocks(faults).items()})

    def heal_all(self) -> None:
        """Undo whatever is in force at every server, whoever put it there.

        Raises:
            ExceptionGroup: of EngineError and FaultError, one for each server that failed.
        """
        self._at_each(dict.fromkeys(self.servers(), nft.flush()))

    def renew(self, faults: Collection[NetworkFault], *, lease_ms: int) -> None:
        """Start the leases of the faults anew.

        Raises:
            ExceptionGroup: one for each server that failed; where a fault is no longer in force this is so,
                and it is not put back.
        """
        blocks = self.blocks(faults)
        self._at_each({name: nft.renew(these, lease_ms=lease_ms) for name, these in blocks.items()})

    def current(self) -> tuple[FaultInForce, ...]:
        """Ask every server's kernel what is in force.

        Raises:
            EngineError, FaultError: a server cannot be asked; then nothing is known, rather than something
                missing.
        """
        return self.in_force({server: self.listing(server) for server in self.servers()})

    def in_force(self, listings: Mapping[str, nft.Listing]) -> tuple[FaultInForce, ...]:
        """Translate what servers' packet filters said, by server, into faults."""
        names = {end.address: name for name, end in self.ends.items()}
        return tuple(
            FaultInForce(
                fault=_fault(one.block, at=server, names=names),
                at=server,
                block=one.block,
                lease_left_s=one.lease_left_s,
                packets=one.packets,
            )
            for server, listing in listings.items()
            for one in listing.in_force
        )

    @contextlib.contextmanager
    def held(self, faults: Collection[NetworkFault], *, lease_ms: int = LEASE_MS) -> Iterator[None]:
        """Faults that are in force while this block runs, and that end within a lease if this process dies.

        Raises:
            FaultError: at the end, if a fault ended before its time: what was seen meanwhile proves nothing.
            MisuseError, ExceptionGroup: as `inject` and `heal`.
        """
        self.inject(faults, lease_ms=lease_ms)
        every_s = lease_ms / 1000 / _PARTS_OF_A_LEASE
        renewal = Renewal(lambda: self.renew(faults, lease_ms=lease_ms), every_s=every_s)
        try:
            yield
        except BaseException as error:
            if renewal.failure is not None:
                error.add_note(f"besides, a fault ended before its time: {renewal.failure!r}")
            raise
        finally:
            renewal.end()
            self.heal(faults)
        if renewal.failure is not None:
            kinds = ", ".join(sorted(map(str, faults)))
            raise FaultError(f"a fault ended before its time ({kinds})") from renewal.failure

    def blocks(self, faults: Collection[NetworkFault]) -> Blocks:
        """Say what each server has to block for these faults.

        Raises:
            MisuseError: a fault names an end that is not there, or one where none can be set.
        """
        blocks: Blocks = defaultdict(set)
        for fault in faults:
            match fault:
                case Link(source, target):
                    blocks[self._server(target)].add(nft.Source(self.end(source).address))
                case Path(source, target, protocol, port):
                    address = self.end(source).address
                    blocks[self._server(target)].add(nft.SourcePort(address, protocol, port))
                case Vanished(server):
                    blocks[self._server(server)].add(nft.Lost())
                case _:
                    assert_never(fault)
        return blocks

    def listing(self, server: str) -> nft.Listing:
        """Ask one server's packet filter.

        Raises:
            EngineError: it cannot be reached.
            FaultError: it has no table, or not one of ours.
        """
        try:
            return nft.parse(self.channel(server).listing(nft.LISTING))
        except nft.UnexpectedListingError as error:
            raise FaultError(f"{server}: {error}") from error

    def end(self, name: str) -> End:
        """Find an end by name; raises MisuseError."""
        try:
            return self.ends[name]
        except KeyError:
            raise MisuseError(f"no end is called {name!r}; there are {', '.join(self.ends)}") from None

    def channel(self, name: str) -> Channel:
        """Find the channel into an end; raises MisuseError if it has none."""
        channel = self.end(name).channel
        if channel is None:
            raise MisuseError(f"{name} is outside: nothing can be cut there, only on the way from it")
        return channel

    def _server(self, name: str) -> str:
        self.channel(name)
        return name

    def _at_each(self, texts: Mapping[str, str]) -> None:
        """Run a transaction at each server, all of them even when one fails.

        One after the other: at a fifth of a millisecond each, threads would cost more than they save.
        """
        failures: list[BedError] = []
        for name, text in texts.items():
            try:
                self.channel(name).transact(text)
            except BedError as error:
                failures.append(error)
        if failures:
            raise ExceptionGroup("not done at every server", failures)


class Renewal:
    """A thread that renews leases until `end`, or until a renewal fails.

    Attributes:
        failure: why it stopped before `end` was called; None if it did not.
    """

    def __init__(self, renew: Callable[[], None], *, every_s: float) -> None:
        self.failure: Exception | None = None
        self._renew = renew
        self._every_s = every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-renewal", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop renewing; after this no renewal is under way."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(self._every_s):
            try:
                self._renew()
            except Exception as error:  # noqa: BLE001  # kept for whoever holds the fault
                self.failure = error
                return


def _fault(block: nft.Block, *, at: str, names: Mapping[IPv4Address, str]) -> NetworkFault | None:
    """Translate a block back into the fault it stands for."""
    match block:
        case nft.Source(address):
            return Link(names[address], at) if address in names else None
        case nft.SourcePort(address, protocol, port):
            return Path(names[address], at, protocol, port) if address in names else None
        case nft.Lost():
            return Vanished(at)
        case _:
            assert_never(block)
