"""What undoes a deed, written down before the deed. Calls what it is given; no I/O of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

T = TypeVar("T")


class Undo:
    """Steps that are done in reverse: all of them, even when one fails, and every failure is reported.

    An `ExitStack` would raise the last failure alone.
    """

    def __init__(self) -> None:
        self._steps: list[Callable[[], object]] = []

    def callback(self, act: Callable[..., object], *arguments: object) -> None:
        """Add a step."""
        self._steps.append(lambda: act(*arguments))

    def enter_context(self, context: AbstractContextManager[T]) -> T:
        """Enter a context, which the step leaves."""
        entered = context.__enter__()
        self._steps.append(lambda: context.__exit__(None, None, None))
        return entered

    def failures(self) -> list[Exception]:
        """Do all steps; what failed."""
        failures: list[Exception] = []
        while self._steps:
            try:
                self._steps.pop()()
            except Exception as error:  # noqa: BLE001 - kept for the caller, after the others were done
                failures.append(error)
        return failures

    def close(self) -> None:
        """Do all steps.

        Raises:
            ExceptionGroup: of what failed, if it is more than one; else that alone.
        """
        failures = self.failures()
        if failures:
            raise failures[0] if len(failures) == 1 else ExceptionGroup("not everything could be undone", failures)
