"""Certificate prompts: none where none is due, none missing where one is. Pure; reads stories only.

Only clients of the testbed's own are judged here: they tell what they examined, what they were asked, and over which
certificate each answer came. A certificate is known by its server and its fingerprint: whoever had reason to take one
has none to take the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from testbed.checkers.answers import host_of
from testbed.checkers.verdict import Found
from testbed.clients.exchange import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.checkers.story import Story
    from testbed.history import Record

FINE = frozenset({Standing.TRUSTED, Standing.EXCEPTION})
"""What a client takes without a question (CERT-2)."""

KINDS = frozenset({"examined", "prompt", "exception", "answer"})
"""The records that this is judged by."""

Certificate = tuple[str, str]
"""Server and fingerprint."""


@dataclass
class _Client:
    """What is known of one client.

    Attributes:
        standing: of each certificate when it was last looked at.
        open_to: the servers of which it once had reason to take a certificate.
        asked: the certificates that its user was asked about.
        declined: what its user declined.
    """

    standing: dict[Certificate, str] = field(default_factory=dict)
    open_to: set[str] = field(default_factory=set)
    asked: set[Certificate] = field(default_factory=set)
    declined: set[Certificate] = field(default_factory=set)

    def met(self, certificate: Certificate, standing: str) -> None:
        """It looked at a certificate."""
        self.standing[certificate] = standing
        if standing in FINE:
            self.open_to.add(certificate[0])


def prompts(story: Story) -> Found:
    """CERT-1 to CERT-4: a prompt for what is not trusted, once; and nothing is sent before it is accepted."""
    clients: dict[str, _Client] = {}
    wrong: list[str] = []
    count = 0
    told = story.records if story.of("examined") or story.of("prompt") else ()
    for record in told:
        if record.kind not in KINDS:
            continue
        client = clients.get(record.fields["client"])
        if client is None:
            client = clients[record.fields["client"]] = _Client()
        count += record.kind in ("examined", "prompt") and "fingerprint" in record.fields
        found = _answered(story, client, record.fields) if record.kind == "answer" else _look(client, record)
        wrong += [f"{record.fields['client']} at {record.monotonic_ms:.0f} ms: {one}" for one in found]
    judged = [f"{count} certificates examined and prompts met, by {len(clients)} clients"] if count else []
    return Found(wrong=wrong, judged=judged)


def _look(client: _Client, record: Record) -> Iterator[str]:
    fields = record.fields
    match record.kind:
        case "examined" if "standing" in fields:
            client.met(_certificate(fields), fields["standing"])
        case "exception":
            if _certificate(fields) not in client.asked:
                yield f"made an exception for the certificate of the {fields['server']} that nobody was asked about"
            client.met(_certificate(fields), Standing.EXCEPTION)
        case "prompt" if "fingerprint" in fields:
            yield from _prompted(client, fields)
        case _:
            pass


def _answered(story: Story, client: _Client, fields: Any) -> list[str]:
    """Whoever was answered had sent something, so it had to have reason to take the certificate on that way."""
    if fields.get("status") is None:
        return []
    host = host_of(fields["url"])
    server = story.facts.hosts.get(host, host)
    fingerprint = fields.get("fingerprint")
    if fingerprint is None:  # older histories do not tell which certificate an answer came over
        met = any(there == server for there, _ in client.standing)
        return [_unfounded(server)] if met and server not in client.open_to else []
    if fields.get("standing") == Standing.TRUSTED:
        client.met((server, fingerprint), Standing.TRUSTED)
    return [] if client.standing.get((server, fingerprint)) in FINE else [_unfounded(server)]


def _unfounded(server: str) -> str:
    return f"sent something to the {server}, whose certificate it had no reason to take"


def _prompted(client: _Client, fields: Any) -> Iterator[str]:
    certificate = _certificate(fields)
    client.asked.add(certificate)
    if client.standing.get(certificate) in FINE:
        yield f"asked about the certificate of the {fields['server']}, which it trusts"
    if certificate in client.declined:
        yield f"asked again about the certificate of the {fields['server']}, which its user had declined"
    if fields["habit"] == "decline":
        client.declined.add(certificate)


def _certificate(fields: Any) -> Certificate:
    return fields["server"], fields["fingerprint"]
