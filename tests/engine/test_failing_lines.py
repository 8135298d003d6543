"""The n-th line through the fault channels fails, for each n, once or from then on: a network fault is undone or named.

In real network namespaces; other channels, which are sound, see what is left there.
"""

from __future__ import annotations

import contextlib
import enum
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from testbed.bad_links import Flap, Loss, Rate
from testbed.faults import Network, describe
from testbed.history import History
from testbed.nemesis import Nemesis
from testbed.network import channel as channels
from testbed.network.channel import Channel
from testbed.network.links import End, Links
from testbed.partitions import Link, Vanished, cut, told
from tests.engine import trials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import docker

    from testbed.bed import Bed
    from testbed.engine.execs import Pipe
    from testbed.network.frames import Stream
    from testbed.partitions import NetworkFault


class Break(enum.Enum):
    """How a line fails."""

    UNSENT = "unsent"
    """The pipe breaks before the far end has it."""
    UNANSWERED = "unanswered"
    """The far end carries it out, and the pipe breaks before it says so."""
    LATE = "late"
    """The answer does not come in time; the pipe is whole."""


@dataclass
class Lines:
    """The lines through any channel.

    Attributes:
        of: what must stand in a line that counts.
        fail: the numbers of those that fail.
        how: the way they fail.
        count: how many there were.
    """

    of: bytes = b""
    fail: range = range(0)
    how: Break = Break.UNSENT
    count: int = 0

    def next(self, line: bytes) -> Break | None:
        """Count one; whether and how it is to fail."""
        if self.of not in line:
            return None
        self.count += 1
        return self.how if self.count - 1 in self.fail else None

    def begin(self, fail: range = range(0), how: Break = Break.UNSENT) -> None:
        """Count anew from here."""
        self.fail, self.how, self.count = fail, how, 0


def from_line(number: int, *, lasting: bool) -> range:
    """One, or all from one on."""
    return range(number, sys.maxsize if lasting else number + 1)


@dataclass
class Breaking:
    """A stream that breaks at a line that is to fail."""

    stream: Stream
    lines: Lines
    is_broken: bool = False
    fails: list[Break] = field(default_factory=list)

    def sendall(self, data: bytes, /) -> None:
        """Pass a line on, or fail it."""
        if self.is_broken:
            raise BrokenPipeError
        how = self.lines.next(data)
        if how is Break.UNSENT:
            self.is_broken = True
            raise BrokenPipeError
        self.stream.sendall(data)
        self.fails = [] if how is None else [how]

    def recv(self, most: int, /) -> bytes:
        """The answer, or none."""
        if self.is_broken:
            return b""
        if self.fails == [Break.LATE]:
            self.fails = []
            raise TimeoutError
        found = self.stream.recv(most)
        self.is_broken = self.fails == [Break.UNANSWERED]
        return b"" if self.is_broken else found

    def settimeout(self, seconds: float | None, /) -> None:
        """As the stream."""
        self.stream.settimeout(seconds)

    def close(self) -> None:
        """As the stream."""
        self.stream.close()


@dataclass
class Trial:
    """Two servers whose channels break, and a nemesis of their network."""

    links: Links
    lines: Lines
    nemesis: Nemesis

    def said(self, act: Callable[[], object]) -> str:
        """All that was said of a failure; nothing if it went well."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - judged by the test
            return "; ".join(trials.told(error))
        return ""

    def under(self, fault: Network) -> None:
        """Inject it, prove it, heal it, prove that."""
        with self.nemesis.under(fault):
            pass

    def mend(self) -> None:
        """New channels in the place of those that do not work."""
        self.lines.begin()
        self.links.heal_all()


@pytest.fixture
def trial(links: Links, client: docker.APIClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    """The servers of `links`, through channels of their own."""
    lines, connected = Lines(), channels._connected  # noqa: SLF001 - where pipes come from

    def breaking(api: docker.APIClient, container: str) -> Pipe:
        stream, keep = connected(api, container)
        return Breaking(stream, lines), keep

    monkeypatch.setattr(channels, "_connected", breaking)
    with contextlib.ExitStack() as stack:
        ends = {"host": links.end("host")}
        for name in links.servers():
            channel = stack.enter_context(Channel.open(client, links.channel(name).container))
            ends[name] = End(links.end(name).address, channel)
        history = stack.enter_context(History(tmp_path / "history.jsonl"))
        broken = Links(ends)
        broken.install()
        bed: Any = SimpleNamespace(name="bed", links=broken)
        yield Trial(broken, lines, Nemesis(cast("Bed", bed), history))


CHANGES = b'"do": "nft"'
"""Stands in each line that changes something."""

KINDS: dict[str, frozenset[NetworkFault]] = {
    "cut": frozenset(cut("a", "b")),
    "lost server": frozenset({Vanished("a")}),
}


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize(
    ("kind", "how", "of"),
    [
        ("cut", Break.UNSENT, b""),
        ("cut", Break.UNANSWERED, CHANGES),
        ("cut", Break.LATE, CHANGES),
        ("lost server", Break.UNSENT, CHANGES),
    ],
)
def test_a_network_fault_is_undone_or_named(  # noqa: PLR0913 - two fixtures, and what the lines are
    links: Links, trial: Trial, kind: str, how: Break, of: bytes, *, lasting: bool
) -> None:
    """Each line, of proofs too, or each that changes something. One that fails alone leaves nothing.

    What is left where none works any more is named, and its lease ends it.
    """
    fault = Network(KINDS[kind])
    trial.lines.of = of
    trial.lines.begin()
    trial.under(fault)
    count, failed = trial.lines.count, 0
    assert count >= (20 if not of else 3)
    for number in range(count):
        trial.lines.begin(from_line(number, lasting=lasting), how)
        said = trial.said(lambda: trial.under(fault))
        left = links.current()
        where = f"line {number} of {count} failed; {left}; it said {said!r}"
        assert lasting or not left, where
        assert not left or f"{describe(fault)} may still hold" in said, where
        assert all(one.lease_left_s is not None for one in left), where
        assert said or not lasting or trial.lines.count <= number, where
        failed += bool(left)
        trial.mend()
        trial.nemesis.heal_all()
        links.heal_all()
    assert failed > 0 or not lasting or how is not Break.UNSENT


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("how", Break)
def test_healing_all_heals_over_new_channels_or_says_what_it_could_not(
    links: Links, trial: Trial, how: Break, *, lasting: bool
) -> None:
    """Faults of every kind, without a lease; each line. What is left in the end, its server's container is named."""
    faults: list[NetworkFault] = [
        *cut("a", "b"),
        Loss("a", "b", 300),
        Rate("b", "a", 1_000_000),
        Flap("a", "b", 60, 60),
        Vanished("b"),
    ]
    trial.lines.begin()
    trial.links.heal_all()
    count = trial.lines.count
    assert count == 4
    for number in range(count):
        links.inject(faults)
        trial.lines.begin(from_line(number, lasting=lasting), how)
        said = trial.said(trial.links.heal_all)
        left = links.current()
        where = f"line {number} of {count} failed; {[told(one.fault) for one in left if one.fault]}; it said {said!r}"
        assert bool(said) is lasting, where
        assert lasting or not left, where
        assert all(links.channel(one.at).container in said for one in left), where
        trial.mend()
        links.heal_all()


GO_ON = """
import contextlib, os, select, signal, sys
with contextlib.suppress(ProcessLookupError):
    handle = os.pidfd_open(int(sys.argv[1]))
    signal.pidfd_send_signal(handle, signal.SIGCONT)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.poll(10_000)
"""
"""Let a process go on, and wait until it has ended."""


def test_what_a_deaf_channel_was_told_is_not_done_after_the_healing(
    links: Links, trial: Trial, client: docker.APIClient
) -> None:
    """Its far end is frozen before it reads of a cut; healing ends it, so that it cannot read it afterwards."""
    container, frozen = links.channel("b").container, trial.links.channel("b")._pid  # noqa: SLF001 - to be frozen

    def python(script: str) -> None:
        made = client.exec_create(container, ["python3", "-c", script, str(frozen)], user="0")
        client.exec_start(made["Id"])
        assert client.exec_inspect(made["Id"])["ExitCode"] == 0

    python("import os, signal, sys; os.kill(int(sys.argv[1]), signal.SIGSTOP)")
    trial.lines.begin(range(2), Break.LATE)
    assert "no answer in" in trial.said(lambda: trial.links.inject([Link("a", "b")]))
    python(GO_ON)
    assert links.current() == ()
    trial.links.inject([Link("a", "b")])
    assert [one.fault for one in links.current()] == [Link("a", "b")]
    trial.links.heal_all()
