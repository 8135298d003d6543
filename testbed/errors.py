"""What can go wrong, told apart by whose fault it is. May hold exception classes only.

A verdict about the system under test is never an exception: it is data (see `testbed.rules`).
"""


class BedError(Exception):
    """Anything the testbed reports in one line: what happened, to what, and what to do next.

    Attributes:
        exit_code: what the command line ends with (1: an expectation failed, 2: wrong use or a missing prerequisite).
    """

    exit_code = 2


class MisuseError(BedError):
    """The caller asked for something that cannot be meant: an unknown server, a name that exists, a bad file."""


class RefusedError(MisuseError):
    """A server refused what an administrator asked of it.

    Attributes:
        status: of HTTP.
        code: the server's word for machines; empty if it sent none.
        says: its words for people; they name the field, if one is at fault.

    Args:
        what: what was asked of whom.
    """

    def __init__(self, what: str, *, status: int, code: str, says: str) -> None:
        super().__init__(f"{what}: {says}")
        self.status, self.code, self.says = status, code, says


class MissingError(BedError):
    """The world lacks something: no engine, no tool, no free subnet. The message says how to get it."""


class EngineError(BedError):
    """The container engine failed at a call that should have worked. The cause is chained."""


class FaultError(BedError):
    """A fault could not be injected, had no effect, or outlived its end: the bed is dirty."""

    exit_code = 1


class NotInTimeError(BedError):
    """Something awaited did not come in time. The message says what was awaited, how long, and what was last seen."""

    exit_code = 1
