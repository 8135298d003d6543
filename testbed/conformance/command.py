"""Runs somebody else's program beside a topology, and ends it with all it started. Knows nothing of servers.

A process of its own keeps it (`keeper`): it is there first, and holds a pipe of this process. When this one dies,
however and whenever it dies, the keeper ends the program and everything that the program started, in whatever process
group or session that is by then.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from testbed.conformance.acts import Ended
from testbed.conformance.keeper import END, GRACE_S, KILL_S
from testbed.errors import BedError, MisuseError, NotInTimeError
from testbed.waiting import wait_until
from testbed.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

READY_S = 20.0
"""How long the keeper may take to start, and to end when all that it kept has ended, in seconds."""


class Client(Protocol):
    """A client that is judged."""

    no_names: str | None
    """Why the servers' names do not resolve for it; empty: they do; `None`: nobody here knows."""

    def ended(self) -> Ended | None:
        """How it ended, if it did and is not started again."""

    def last_end(self) -> Ended | None:
        """How it ended last, whether it was started again or not."""

    def told(self) -> Mapping[str, str]:
        """What a reader has to know of how it was run."""


class Observed:
    """A client that somebody else runs: nobody knows when it ends."""

    no_names: str | None = None

    def ended(self) -> Ended | None:
        """Nobody knows."""
        return None

    def last_end(self) -> Ended | None:
        """Nobody knows."""
        return None

    def told(self) -> Mapping[str, str]:
        """Nothing is known."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the keeper is told to run.

    Attributes:
        arguments: the program and its arguments.
        environ: variables beside those that this process has.
        out: file for what it prints.
        err: likewise for its stderr.
        hosts: file that takes the place of /etc/hosts for it; `None`: the machine's own stays.
        names: what must be resolved by that file, with the addresses.
        again: it is started again whenever it has ended.
    """

    arguments: Sequence[str]
    environ: Mapping[str, str]
    out: str
    err: str
    hosts: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    again: bool = False


class Command:
    """A program that runs; a context manager that ends it. Made by `start`.

    Attributes:
        no_names: why it has no /etc/hosts of its own; empty: it has.
    """

    def __init__(self, keeper: Watcher, order: Order) -> None:
        self.no_names: str | None = "it was not to have an /etc/hosts of its own"
        self._keeper = keeper
        self._order = order
        self._heard = b""
        self._said: dict[str, Any] = {}
        self._is_over = False

    @classmethod
    def start(cls, order: Order) -> Self:
        """Start a program.

        Raises:
            MisuseError: there is no such program, or it cannot be run.
            MissingError: no keeper starts, so that the program might outlive this process.
        """
        check(order.arguments)
        keeper = Watcher(["-I", "-m", "testbed.conformance.keeper"])
        program = order.arguments[0]
        otherwise = f"cannot run {program}: the process that would end it with this one does not start"
        keeper.confirm(within_s=READY_S, otherwise=otherwise)
        made = cls(keeper, order)
        try:
            keeper.say(json.dumps(asdict(order)).encode() + b"\n")
            made._await("started", "failed", what=f"{program} to start", within_s=READY_S)
        except BaseException:
            made.end()
            raise
        if "failed" in made._said:
            made.end()
            raise MisuseError(f"cannot run {program}: {made._said['failed']}")
        if order.hosts is not None:
            made.no_names = made._said["names"]
        return made

    @property
    def keeper_pid(self) -> int:
        """The process that keeps it."""
        return self._keeper.pid

    def ended(self) -> Ended | None:
        """Its exit code and last words, if it has ended for good."""
        return None if self._order.again else self.last_end()

    def last_end(self) -> Ended | None:
        """Its exit code and last words when it ended last, whether it was started again or not.

        Raises:
            BedError: nobody can say, as its keeper was ended.
        """
        is_deaf = self._hear()
        if "ended" not in self._said:
            if is_deaf and not self._is_over:
                raise BedError("the process that keeps the client was ended, and the client with it: begin again")
            return None
        return Ended(code=self._said["ended"], said=tuple(self._said["said"]))

    def told(self) -> Mapping[str, str]:
        """How often it ended and was started again."""
        last = self.last_end()
        if not self._order.again or last is None:
            return {}
        return {"started again": f"it ended {self._said['times']} times, last with exit code {last.code}"}

    def end(self) -> None:
        """End it and everything that it started: asked first, then killed. Ending twice is fine.

        Raises:
            NotInTimeError: somebody is left; says who.
            BedError: nobody can say whether somebody is left.
        """
        if self._is_over:
            return
        self._is_over = True
        self._keeper.tell(END)
        try:
            within_s = GRACE_S + KILL_S + READY_S
            self._await("left", "failed", what=f"{self._order.arguments[0]} to end", within_s=within_s)
        finally:
            self._keeper.leave(within_s=READY_S)
        if left := self._said.get("left"):
            pids = ", ".join(map(str, left))
            raise NotInTimeError(f"what the client started does not end (processes {pids}): end it by hand")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _await(self, *words: str, what: str, within_s: float) -> None:
        """Wait for one of these words of the keeper.

        Raises:
            NotInTimeError: none came.
            BedError: the keeper has died.
        """
        wait_until(
            lambda: self._hear() or any(word in self._said for word in words), bool, within_s=within_s, what=what
        )
        if not any(word in self._said for word in words):
            raise BedError(f"waiting for {what}, but the process that keeps it was ended: see whether it still runs")

    def _hear(self) -> bool:
        """Take in what the keeper said; whether that was all."""
        while heard := self._keeper.hear():
            *lines, self._heard = (self._heard + heard).split(b"\n")
            for line in lines:
                self._said |= json.loads(line)
        return heard is None


def check(arguments: Sequence[str]) -> None:
    """Whether there is such a program.

    Raises:
        MisuseError: there is none.
    """
    if shutil.which(arguments[0]) is None:
        raise MisuseError(f"no program is called {arguments[0]!r}: give its path, or one that is on PATH")
