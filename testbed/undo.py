"""What undoes a deed, written down before the deed. Calls what it is given; no I/O of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from testbed.errors import BedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

T = TypeVar("T")

TRIES = 2
"""So often a step is begun that is interrupted (Ctrl-C) each time."""


class Undo:
    """Steps that are done in reverse: all of them, even when one fails, and every failure is reported.

    An `ExitStack` would raise the last failure alone. An interruption (Ctrl-C) does not leave the rest undone either:
    the step that it hit is begun again, so a step must bear that; then it goes its way. A context manager: leaving it
    does the steps, and no failure of theirs takes the place of an interruption by which it is left.
    """

    def __init__(self) -> None:
        self._steps: list[Callable[[], object]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, Exception):
            self.close()
        else:
            _noted(error, self.finish()[0])

    def callback(self, act: Callable[..., object], *arguments: object) -> None:
        """Add a step."""
        self._steps.append(lambda: act(*arguments))

    def enter_context(self, context: AbstractContextManager[T]) -> T:
        """Enter a context, which the step leaves."""
        entered = context.__enter__()
        self._steps.append(lambda: context.__exit__(None, None, None))
        return entered

    def finish(self) -> tuple[list[Exception], BaseException | None]:
        """Do all steps; what failed, and the first interruption, if there was one."""
        failures: list[Exception] = []
        interruption: BaseException | None = None
        tries = 0
        while self._steps:
            try:
                tries += 1
                try:
                    self._steps[-1]()
                except Exception as error:  # noqa: BLE001 - kept for the caller, after the others were done
                    failures.append(error)
                self._steps.pop()
                tries = 0
            except BaseException as raised:  # noqa: BLE001 - kept for the caller, likewise
                interruption = interruption or raised
                if tries >= TRIES:
                    failures.append(BedError("a step of undoing was interrupted each time"))
                    self._steps.pop()
                    tries = 0
        return failures, interruption

    def failures(self) -> list[Exception]:
        """Do all steps; what failed.

        Raises:
            BaseException: the interruption that came meanwhile, with a note on each failure.
        """
        failures, interruption = self.finish()
        if interruption is not None:
            _noted(interruption, failures)
            raise interruption
        return failures

    def close(self) -> None:
        """Do all steps. Raises an interruption as `failures` does.

        Raises:
            ExceptionGroup: of what failed, if it is more than one; else that alone.
        """
        failures = self.failures()
        if failures:
            raise as_one(failures)


def _noted(interruption: BaseException, failures: Sequence[Exception]) -> None:
    for failure in failures:
        interruption.add_note(f"not undone: {failure}")


def as_one(failures: Sequence[Exception]) -> Exception:
    """The failure, or a group of them."""
    return failures[0] if len(failures) == 1 else ExceptionGroup("not everything could be undone", failures)
