"""Judges a client by what the servers saw of it: its connections in, findings and verdicts out. Pure.

Nothing of the client itself is needed: a redirect is an answer of a server's, following it is a request at the other
server, and a certificate that was not accepted is a TLS alert, or a connection that was left without a request
(CLIENT-4, CERT-6). What cannot be told from the servers' side is not judged: without a finding there is no verdict.
Judge a stretch of time in which no server changed its certificate: who refuses the one and takes the next does right.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never
from urllib.parse import urlsplit

from stubs import ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from testbed.recording.sightings import Asked, Visit

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Conduct(StrEnum):
    """What a client did when it was redirected, or shown a certificate that it did not take at once."""

    FOLLOWED = "followed"
    """It asked the server that the redirect named."""

    STAYED = "stayed"
    """It never came there."""

    STOPPED = "stopped"
    """It came there, and sent nothing beyond the handshake."""

    WENT_ON = "went on"
    """It refused the certificate there, and later sent something all the same."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a client did.

    Attributes:
        conduct: what.
        rule: the rule that sent it on its way; "CERT-1" where no redirect did.
        source: the server that redirected it; `None` where none did.
        target: the server it is about.
        alert: by which it refused the certificate there, if it did.
        times: how often it was redirected.
    """

    conduct: Conduct
    rule: str
    source: str | None
    target: str
    alert: str | None = None
    times: int = 0


class Kind(StrEnum):
    """What a client is taken for."""

    FOLLOWS = "follows"
    """It goes where it is sent: a browser, the Outlook plug-in (CLIENT-1, CLIENT-2)."""

    STAYS = "stays"
    """It stays where its user put it: Call Assistant (CLIENT-3)."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a client kept a rule, and by which finding."""

    rule: str
    kept: bool
    finding: Finding


def findings(seen: Sequence[Visit], *, servers: Mapping[str, str]) -> tuple[Finding, ...]:
    """What one client did, as far as the servers' side can tell: each redirect, then each other refusal.

    Args:
        seen: its connections, in order.
        servers: host name to the name of the server.
    """
    redirected: dict[tuple[str, str, str, int], list[Asked]] = defaultdict(list)
    for visit in seen:
        for one in visit.asked:
            target = _target(one, servers)
            if target is not None:
                redirected[_rule(one), one.server, *target].append(one)
    by_redirect = [
        _finding(rule, source, target, _since(seen, sent[0].at, target, port), times=len(sent))
        for (rule, source, target, port), sent in redirected.items()
    ]
    by_core = list(_sent_by_core(seen))
    named = {finding.target for finding in (*by_redirect, *by_core)}
    others = dict.fromkeys(visit.server for visit in seen if visit.refused and visit.server not in named)
    alone = [_finding("CERT-1", None, server, [v for v in seen if v.server == server]) for server in others]
    return (*by_redirect, *by_core, *alone)


def judge(found: Iterable[Finding], kind: Kind, *, attended: bool = False) -> tuple[Verdict, ...]:
    """The verdicts that follow; none where nothing was found.

    Args:
        found: what the client did.
        kind: what it is taken for.
        attended: somebody sat there who could accept a certificate; without, whoever goes on took one it had refused.
    """
    return tuple(verdict for finding in found for verdict in _verdicts(finding, kind, attended=attended))


def _verdicts(finding: Finding, kind: Kind, *, attended: bool) -> Iterable[Verdict]:
    on_the_way = finding.source is not None
    if on_the_way and kind is Kind.STAYS:
        yield Verdict(rule="CLIENT-3", kept=finding.conduct is Conduct.STAYED, finding=finding)
        return
    if on_the_way:
        yield Verdict(rule=finding.rule, kept=finding.conduct is not Conduct.STAYED, finding=finding)
    match finding.conduct:
        case Conduct.STOPPED | Conduct.WENT_ON:
            kept = attended or finding.conduct is Conduct.STOPPED
            yield Verdict(rule="CERT-1", kept=kept, finding=finding)
            yield Verdict(rule="CERT-4", kept=kept, finding=finding)
        case Conduct.FOLLOWED | Conduct.STAYED:
            pass
        case _:
            assert_never(finding.conduct)


def _finding(rule: str, source: str | None, target: str, later: Sequence[Visit], *, times: int = 0) -> Finding:
    refusals = [place for place, visit in enumerate(later) if visit.refused]
    sent = [place for place, visit in enumerate(later) if visit.sent]
    if not later:
        conduct = Conduct.STAYED
    elif not sent:
        conduct = Conduct.STOPPED
    else:
        conduct = Conduct.WENT_ON if refusals and sent[-1] > refusals[0] else Conduct.FOLLOWED
    alert = later[refusals[0]].alert if refusals else None
    return Finding(conduct=conduct, rule=rule, source=source, target=target, alert=alert, times=times)


def _sent_by_core(seen: Sequence[Visit]) -> Iterable[Finding]:
    """REDIR-1: a client whose portal is gone asks the core there, and then comes to another portal.

    What the core answered is not on record, so whoever comes nowhere is not judged: nobody may have been named.
    """
    for visit in seen:
        if visit.port == ports.CORE_SERVICES and any(one.path == "/api/v1/redirect" for one in visit.asked):
            later = [one for one in _since(seen, visit.at, None, ports.PORTAL_HTTPS) if one.server != visit.server]
            for target in dict.fromkeys(one.server for one in later):
                there = [one for one in later if one.server == target]
                yield _finding("REDIR-1", visit.server, target, there, times=1)
            if later:
                return


def _since(seen: Sequence[Visit], at: str, server: str | None, port: int) -> list[Visit]:
    return [visit for visit in seen if visit.until >= at and server in (None, visit.server) and visit.port == port]


def _target(one: Asked, servers: Mapping[str, str]) -> tuple[str, int] | None:
    """The other server that an answer sends the client to, and the port there."""
    if one.status not in _REDIRECTS or one.location is None:
        return None
    there = urlsplit(one.location)
    target = servers.get(there.hostname or "")
    return None if target in (None, one.server) else (target, there.port or ports.PORTAL_HTTPS)


def _rule(one: Asked) -> str:
    """Whoever asks for the session that it has is sent home (REDIR-4); anybody else is new (REDIR-5)."""
    return "REDIR-4" if (one.method, one.path) == ("GET", "/api/v1/session") else "REDIR-5"
