"""The ends of links by name, and the servers among them to be asked. Asks; decides nothing about faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.errors import BedError, EngineError, FaultError, MisuseError
from testbed.network import nft
from testbed.network.channel import at_once
from testbed.network.listing import UnexpectedListingError, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from ipaddress import IPv4Address

    from testbed.network.blocks import Listing
    from testbed.network.channel import Answer, Channel, Request


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


class Ends:
    """Ends by name."""

    def __init__(self, ends: Mapping[str, End]) -> None:
        self.ends = dict(ends)

    def servers(self) -> tuple[str, ...]:
        """Names of the ends at which faults can be set."""
        return tuple(name for name, end in self.ends.items() if end.channel is not None)

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

    def listing(self, server: str) -> Listing:
        """Ask one server's packet filter.

        Raises:
            EngineError: it cannot be reached.
            FaultError: it has no table, or not one of ours.
        """
        return _read(server, self.channel(server).request(_listing()))

    def listings(self, servers: Collection[str]) -> dict[str, Listing]:
        """Ask several servers' packet filters side by side.

        Raises:
            ExceptionGroup: one error for each server that cannot be asked, as of `listing`.
        """
        done, failures = self.ask({server: _listing() for server in servers})
        if failures:
            raise group(failures)
        return {server: _read(server, answer) for server, answer in done.items()}

    def ask(self, requests: Mapping[str, Request]) -> tuple[dict[str, Answer], dict[str, BedError]]:
        """Ask servers side by side; their answers, and what went wrong, by server."""
        names = {self.channel(name): name for name in requests}
        outcome = at_once({channel: requests[name] for channel, name in names.items()})
        done = {names[channel]: one for channel, one in outcome.items() if not isinstance(one, BedError)}
        failures = {names[channel]: one for channel, one in outcome.items() if isinstance(one, BedError)}
        return done, failures

    def ask_surely(self, requests: Mapping[str, Request]) -> tuple[dict[str, Answer], dict[str, BedError]]:
        """As `ask`; where a channel broke, or nothing came in time, once more over another one.

        For what may be done twice: whether the first was done is not known.
        """
        done, failures = self.ask(requests)
        again = {}
        for name, error in failures.items():
            if isinstance(error, EngineError):
                try:
                    self.channel(name).reopen()
                except EngineError as another:
                    error.add_note(str(another))
                else:
                    again[name] = requests[name]
        more, still = self.ask(again)
        left = {name: error for name, error in failures.items() if name not in again}
        return {**done, **more}, {**left, **still}


def group(failures: Mapping[str, BedError]) -> ExceptionGroup[BedError]:
    """What to raise when servers failed: one error each."""
    return ExceptionGroup("not done at every server", list(failures.values()))


def _listing() -> Request:
    return {"do": "list", "text": nft.LISTING}


def _read(server: str, answer: Answer) -> Listing:
    try:
        return parse(answer["listing"], at_ms=answer["at_ms"])
    except UnexpectedListingError as error:
        raise FaultError(f"{server}: {error}") from error
