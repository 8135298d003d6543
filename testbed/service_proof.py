"""Proof that a fault of a service holds, and that it is gone: the word of the engine and of the platform view."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from testbed.errors import FaultError, NotInTimeError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed
    from testbed.faults import Target

T = TypeVar("T")

WITHIN_S = 5.0
"""How long the engine may take until a fault shows, in seconds."""

NO_PROCESS = 0
"""The start of a service that does not run, as the platform view gives it."""


def prove(what: str, look: Callable[[], T], accept: Callable[[T], bool] = bool, *, within_s: float = WITHIN_S) -> T:
    """Look until what a fault should do, or its healing undo, is seen; what was seen.

    Raises:
        FaultError: it is not.
    """
    try:
        return wait_until(look, accept, within_s=within_s, what=what)
    except NotInTimeError as error:
        raise FaultError(f"the fault had no effect, or outlived its end: {error}") from error


def state_of(bed: Bed, target: Target) -> str:
    """What the engine says of a service: running, paused, stopped or missing."""
    return bed.services.states().get(target.server, {}).get(target.service, "missing")


def prove_state(bed: Bed, target: Target, expected: str, *, within_s: float = WITHIN_S) -> None:
    """The engine itself must say so: a fault without effect proves nothing.

    Raises:
        FaultError: it does not.
    """
    prove(f"{target} to be {expected}", lambda: state_of(bed, target), lambda is_: is_ == expected, within_s=within_s)


def start_of(bed: Bed, target: Target) -> int | None:
    """Which start of a service its server's platform view shows, or `NO_PROCESS`; `None`: the view does not answer."""
    rows = bed.inspectors[target.server].services()
    return None if rows is None else rows[target.service]["boot"]


def prove_ended(bed: Bed, target: Target, start: int | None, *, within_s: float = WITHIN_S) -> None:
    """That start of a service must be over: the platform view shows another one, or none.

    Raises:
        FaultError: it is not.
    """
    prove(
        f"{target} to begin anew",
        lambda: start_of(bed, target),
        lambda seen: seen is not None and seen != start,
        within_s=within_s,
    )
