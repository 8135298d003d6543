"""What a run of `testbed conform` is to do, and to whom. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbed.conformance.scenarios import Kind, Scenario

CONNECT_S = 30.0
"""How long a client may take to start and to log in, in seconds, unless somebody says otherwise."""


class Names(StrEnum):
    """Whether the servers' names are to resolve for a program that is run."""

    AUTO = "auto"
    """Where that can be done."""

    HOSTS = "hosts"
    """By an /etc/hosts of its own, or it is not run."""

    NONE = "none"
    """Only what the machine itself resolves: the program reads TESTBED_HOSTS."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done to whom.

    Attributes:
        scenarios: what to do.
        kind: what the client is taken for.
        within_s: how long it may take to do what it must, in seconds.
        connect_s: how long it may take to start and to log in, in seconds.
        command: the program with its arguments and placeholders; empty: the client runs already.
        address: the client's address; any, if left out.
        names: whether the servers' names are to resolve for the program.
        again: the program is started again whenever it has ended.
        trusts_by_environment: variables that many programs heed name the servers' authorities to it.
    """

    scenarios: tuple[Scenario, ...]
    kind: Kind
    within_s: float
    connect_s: float = CONNECT_S
    command: tuple[str, ...] = ()
    address: str | None = None
    names: Names = Names.AUTO
    again: bool = False
    trusts_by_environment: bool = False
