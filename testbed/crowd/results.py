"""What became of a crowd: figures and verdicts of each phase. Pure: values in, values out.

Unknown is never a pass: a portal that was asked for its sessions and did not answer leaves the check unknown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, assert_never

from testbed.clients.exchange import Answer, Exchange, Failure
from testbed.conformance.judgement import allowed
from testbed.report.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PORTAL, CORE = "portal", "core"

_SERVER_ERROR = 500
_PAGE_OF_REFUSAL = "503"
_DOCUMENTED = frozenset({_PAGE_OF_REFUSAL, "503 not_serving"})
"""The refusals of a portal that does not serve: as a page, and as the API says it (REDIR-3)."""


class Place(NamedTuple):
    """A service of a server."""

    server: str
    service: str

    def __str__(self) -> str:
        """As faults name it."""
        return f"{self.server}/{self.service}"


class Name(StrEnum):
    """The phases, in order."""

    LOG_IN = "log-in"
    FAILOVER = "failover"
    FAILBACK = "failback"


class Check(StrEnum):
    """What is judged."""

    BACK = "back"
    ALIVE = "alive"
    ERRORS = "errors"
    HAMMERING = "hammering"
    ROLES = "roles"


RULES: Mapping[tuple[Name, Check], tuple[str, ...]] = {
    (Name.FAILOVER, Check.BACK): ("REDIR-1", "CLIENT-1"),
    (Name.FAILOVER, Check.ALIVE): ("REDIR-8",),
    (Name.FAILBACK, Check.BACK): ("REDIR-4", "CLIENT-1"),
    (Name.FAILBACK, Check.ALIVE): ("REDIR-6", "REDIR-8"),
    (Name.FAILBACK, Check.ROLES): ("ROLE-11",),
}
"""The rules that a check rests on, where it does."""


@dataclass(frozen=True, kw_only=True)
class One:
    """One member in one phase.

    Attributes:
        back_ms: when it was logged in where the phase leads to, in milliseconds since the phase began; None: it is not.
        shows: what is on its screen at the end.
        requests: how many it sent, or tried to send.
        unanswered: how many came to nothing.
        connections: how many it opened, or tried to.
    """

    back_ms: float | None
    shows: str
    requests: int
    unanswered: int
    connections: int


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One phase, as it went.

    Attributes:
        name: which.
        target: the server where all should be at its end.
        members: each of the crowd.
        answers: what their requests came to, and how often.
        sessions: how many sessions each portal itself counts at the end; None: it runs, and did not say.
        seconds: how long it took.
    """

    name: Name
    target: str
    members: Sequence[One]
    answers: Mapping[tuple[Place, str], int]
    sessions: Mapping[str, int | None]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One verdict with its evidence."""

    phase: Name
    check: Check
    verdict: Verdict
    evidence: str

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that it rests on."""
        return RULES.get((self.phase, self.check), ())


@dataclass(frozen=True, kw_only=True)
class Result:
    """A whole run.

    Attributes:
        topology: its name.
        clients: how many there were.
        poll_s: how often each polled, in seconds.
        seed: of chance.
        phases: in order.
        roles: which roles each portal of the pair took, in order; None: it did not say.
        seconds: how long all took.
        started_at: wall time, ISO 8601.
    """

    topology: str
    clients: int
    poll_s: float
    seed: int
    phases: Sequence[Phase]
    roles: Mapping[str, Sequence[str] | None]
    seconds: float
    started_at: str


def came_to(exchange: Exchange) -> str:
    """What a request came to, in a word or two."""
    match exchange:
        case Answer(status=status):
            return f"{status} {exchange.error}" if exchange.error else str(status)
        case Failure(kind=kind):
            return str(kind)
        case _:
            assert_never(exchange)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest of the values that so large a share of them does not exceed; None of no values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def back_ms(phase: Phase) -> list[float]:
    """The times of those who are back, in milliseconds."""
    return [one.back_ms for one in phase.members if one.back_ms is not None]


def rows(result: Result) -> list[Row]:
    """Every verdict."""
    found = [row for phase in result.phases for row in _of_phase(phase)]
    if result.phases and result.phases[-1].name is Name.FAILBACK:
        found.append(_roles(result.roles))
    return found


def exit_status(result: Result) -> int:
    """0 if everything passed; 1 else, what is unknown included."""
    return 0 if all(row.verdict is Verdict.PASS for row in rows(result)) else 1


def _of_phase(phase: Phase) -> list[Row]:
    said = {
        Check.BACK: _back(phase),
        Check.ALIVE: _alive(phase),
        Check.ERRORS: _errors(phase),
        Check.HAMMERING: _hammering(phase),
    }
    return [
        Row(phase=phase.name, check=check, verdict=verdict, evidence=evidence)
        for check, (verdict, evidence) in said.items()
    ]


def _back(phase: Phase) -> tuple[Verdict, str]:
    missing = [one for one in phase.members if one.back_ms is None]
    if not phase.members:
        return Verdict.UNKNOWN, "there was nobody"
    if missing:
        shown = "; ".join(sorted({one.shows for one in missing})[:3])
        return Verdict.FAIL, f"{len(missing)} of {len(phase.members)} are not at the {phase.target}: {shown}"
    return Verdict.PASS, f"all {len(phase.members)} are logged in at the {phase.target}"


def _alive(phase: Phase) -> tuple[Verdict, str]:
    """By the portals' own count: a client alone cannot tell a session that is alive from one that seems so."""
    there = phase.sessions.get(phase.target)
    others = {server: count for server, count in phase.sessions.items() if server != phase.target}
    silent = [server for server, count in phase.sessions.items() if count is None]
    if silent:
        return Verdict.UNKNOWN, f"the portal of the {' and of the '.join(silent)} did not tell its sessions"
    told = ", ".join(f"the {server}'s portal has {count} sessions" for server, count in phase.sessions.items())
    stray = any(others.values())
    enough = there is not None and there >= len(phase.members)
    return (Verdict.PASS if enough and not stray else Verdict.FAIL), told


def _errors(phase: Phase) -> tuple[Verdict, str]:
    """While they log in at first the primary serves, so that it has no reason to refuse anybody."""
    documented = frozenset[str]() if phase.name is Name.LOG_IN else _DOCUMENTED
    undocumented = {key: count for key, count in phase.answers.items() if _is_undocumented(*key, documented)}
    refusals = sum(count for (_place, what), count in phase.answers.items() if what in _DOCUMENTED)
    if undocumented:
        return Verdict.FAIL, ", ".join(
            f"{place} answered {what} {n} times" for (place, what), n in undocumented.items()
        )
    return Verdict.PASS, f"no server error; {refusals} refusals of a portal that did not serve"


def _is_undocumented(place: Place, what: str, documented: frozenset[str]) -> bool:
    status = what.partition(" ")[0]
    wrong = status.isdecimal() and int(status) >= _SERVER_ERROR
    return wrong and not (place.service == PORTAL and what in documented)


def _hammering(phase: Phase) -> tuple[Verdict, str]:
    """By the measure for any client (reading "hammering")."""
    most = max((one.unanswered for one in phase.members), default=0)
    limit = allowed(phase.seconds)
    return (
        Verdict.PASS if most <= limit else Verdict.FAIL,
        f"at most {most} requests in vain of one client in {phase.seconds:.1f} s ({limit} allowed)",
    )


def _roles(seen: Mapping[str, Sequence[str] | None]) -> Row:
    """The secondary took over once, and gave back once; the primary began again once, and kept serving."""
    told = "; ".join(f"the {server} became {', '.join(roles or ['nothing'])}" for server, roles in seen.items())
    if any(roles is None for roles in seen.values()):
        verdict = Verdict.UNKNOWN
    else:
        once = list(seen.get("secondary") or ()) == ["Available", "Starting"]
        serves = list(seen.get("primary") or ())[-1:] == ["Available"] and len(seen.get("primary") or ()) <= 2  # noqa: PLR2004
        verdict = Verdict.PASS if once and serves else Verdict.FAIL
    return Row(phase=Name.FAILBACK, check=Check.ROLES, verdict=verdict, evidence=told)
