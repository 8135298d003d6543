"""What a command does is to stay; if it fails or is interrupted on the way, it is undone, or named."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from testbed.cli.common import say
from testbed.errors import BedError
from testbed.service_proof import prove_state, state_of
from testbed.undo import Undo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testbed.bed import Bed
    from testbed.faults import Target


class Undoing:
    """How each deed is undone, the latest first.

    Attributes:
        left: what may still hold after all, each with why it could not be undone.
    """

    def __init__(self) -> None:
        self._undo = Undo()
        self.left: dict[str, Exception] = {}

    def add(self, what: str, act: Callable[..., object], *arguments: object) -> None:
        """Write down a step before the deed.

        Args:
            what: what may still hold where the step fails.
            act: the step.
            arguments: of it.
        """

        def step() -> None:
            try:
                act(*arguments)
            except Exception as error:
                self.left.setdefault(what, error)
                raise

        self._undo.callback(step)

    def undo(self) -> None:
        """Do all steps; `left` tells of those that fail."""
        self._undo.finish()


@contextlib.contextmanager
def or_undone(name: str) -> Iterator[Undoing]:
    """Whoever adds a step before each deed finds all undone if the block fails, and all as it is if it does not.

    A failure of the testbed gets a note on each thing that may still hold; with an interruption stderr says it.

    Args:
        name: of the topology.
    """
    undoing = Undoing()
    try:
        yield undoing
    except BaseException as error:
        undoing.undo()
        for what, failure in undoing.left.items():
            left = f"{what} may still hold: {failure}; all of it ends by: testbed fault heal {name} --all"
            if isinstance(error, BedError):
                error.add_note(left)
            else:
                say(f"testbed: {left}")
        raise


def will_end(bed: Bed, undoing: Undoing, what: str, target: Target) -> None:
    """A service that runs will be ended: undone, it runs again, and one that was frozen is frozen again."""
    before = state_of(bed, target)
    if before != "stopped":
        undoing.add(what, _begin, bed, target, before)


def kill(bed: Bed, undoing: Undoing, target: Target) -> None:
    """SIGKILL a service."""
    will_end(bed, undoing, f"kill {target}", target)
    bed.services.kill(target.server, target.service)


def stop(bed: Bed, undoing: Undoing, target: Target) -> None:
    """Stop a service in order."""
    what = f"stop {target}"
    will_end(bed, undoing, what, target)
    try:
        bed.services.stop(target.server, target.service)
    except BaseException:
        # The engine may be at it still, for as long as a stop takes, and would end what is started meanwhile.
        undoing.add(what, bed.services.kill, target.server, target.service)
        raise


def freeze(bed: Bed, undoing: Undoing, target: Target) -> None:
    """Freeze a service; undone, it goes on, unless it was frozen before."""
    what, before = f"pause {target}", state_of(bed, target)
    if before == "running":
        undoing.add(what, prove_state, bed, target, before)
        undoing.add(what, bed.services.resume, target.server, target.service)
    bed.services.pause(target.server, target.service)


def _begin(bed: Bed, target: Target, state: str) -> None:
    bed.services.start(target.server, target.service)
    if state == "paused":
        bed.services.pause(target.server, target.service)
    prove_state(bed, target, state)
