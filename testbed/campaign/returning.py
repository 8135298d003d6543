"""Waits for services that were started; one that never answers again is the pair's failure, none of the testbed's."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from testbed.errors import NotInTimeError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testbed import faults
    from testbed.bed import Bed

RUNS_S = 20.0
"""How long a service may take to begin, in seconds; a slow machine needs it, none waits for it."""


class NeverBackError(NotInTimeError):
    """A service that was started does not run again. That is the pair's failure, and none of the testbed's."""


@contextlib.contextmanager
def expected_back(what: object) -> Iterator[None]:
    """While the block waits for a service that has to come back; what is it, in words.

    Raises:
        NeverBackError: it did not come.
    """
    try:
        yield
    except NotInTimeError as error:
        raise NeverBackError(f"{what} never came back: {error}") from error


def until_answering(bed: Bed) -> Callable[[faults.Target], None]:
    """What waits until a service answers that was started: how long that takes is the machine's, and no rule's.

    What it returns raises NeverBackError.
    """

    def wait(target: faults.Target) -> None:
        look = bed.inspectors[target.server].answers
        with expected_back(target):
            wait_until(lambda: look(target.service), bool, within_s=RUNS_S, what=f"{target} to answer")

    return wait
