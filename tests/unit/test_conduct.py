"""Clients are judged by what the servers saw: right conduct passes, each wrong one is named, no more is said."""

from __future__ import annotations

from typing import Any

import pytest

from testbed.conduct import Conduct, Finding, Kind, findings, judge
from testbed.recording.sightings import Asked, Shaken, Sighting, of_client, visits

SERVERS = {"primary.demo.test": "primary", "secondary.demo.test": "secondary"}
TO_PRIMARY = "https://primary.demo.test:9443/onexportal.html"


def shaken(at: int, server: str, outcome: str = "completed", alert: str | None = None, **fields: Any) -> Shaken:
    """A handshake at that second, on a connection that the second names unless told otherwise."""
    known: dict[str, Any] = {"port": 9443, "client": "10.0.0.1", "client_port": at, "server_name": None}
    return Shaken(server=server, at=stamp(at), outcome=outcome, alert=alert, **{**known, **fields})


def asked(at: int, server: str, status: int = 200, location: str | None = None, **fields: Any) -> Asked:
    """A request at that second, likewise."""
    known: dict[str, Any] = {"port": 9443, "client": "10.0.0.1", "client_port": at, "method": "GET"}
    known |= {"path": "/onexportal.html", "user_agent": "somebody/1.0"}
    return Asked(server=server, at=stamp(at), status=status, location=location, **{**known, **fields})


def stamp(second: int) -> str:
    """A time of day."""
    return f"2026-01-01T00:00:{second:02}.000+00:00"


def visit(at: int, server: str, status: int = 200, location: str | None = None, **fields: Any) -> list[Sighting]:
    """A connection that carried one request."""
    return [shaken(at, server), asked(at, server, status, location, **fields)]


def refused(at: int, server: str, alert: str = "unknown_ca") -> Shaken:
    """A connection that ended with an alert."""
    return shaken(at, server, "alert", alert)


REDIRECTED = visit(1, "secondary", 302, TO_PRIMARY)


def found(*sightings: Sighting) -> tuple[Finding, ...]:
    """What is found of the one client that there is."""
    return findings(visits(sightings), servers=SERVERS)


def kept(seen: tuple[Finding, ...], kind: Kind = Kind.FOLLOWS, *, attended: bool = False) -> list[tuple[str, bool]]:
    """Each rule that is judged, and whether it was kept."""
    return [(verdict.rule, verdict.kept) for verdict in judge(seen, kind, attended=attended)]


def test_a_client_that_asks_the_server_named_has_followed() -> None:
    """REDIR-5: 302 at the secondary, then a request at the primary."""
    seen = found(*REDIRECTED, *visit(2, "primary"))
    assert seen == (Finding(conduct=Conduct.FOLLOWED, rule="REDIR-5", source="secondary", target="primary", times=1),)
    assert kept(seen) == [("REDIR-5", True)]


def test_a_client_that_follows_on_a_connection_it_had_open_has_followed() -> None:
    """Its handshake there was before the redirect."""
    seen = found(shaken(0, "primary"), *REDIRECTED, asked(2, "primary", client_port=0))
    assert seen[0].conduct is Conduct.FOLLOWED


@pytest.mark.parametrize(
    "elsewhere",
    [
        [],
        visit(0, "primary"),
        visit(2, "secondary", 302, TO_PRIMARY),
        [shaken(2, "primary", port=50804), asked(2, "primary", port=50804, path="/api/v1/status")],
    ],
    ids=["nowhere", "there before it was sent", "here again", "at another port"],
)
def test_a_client_that_never_comes_there_has_stayed(elsewhere: list[Sighting]) -> None:
    """Wrong for one that follows, right for Call Assistant (CLIENT-3)."""
    (finding,) = found(*REDIRECTED, *elsewhere)
    assert finding.conduct is Conduct.STAYED
    assert kept((finding,)) == [("REDIR-5", False)]
    assert kept((finding,), Kind.STAYS) == [("CLIENT-3", True)]


def test_repeated_redirects_are_one_finding() -> None:
    """With their number."""
    (finding,) = found(*REDIRECTED, *visit(2, "secondary", 302, TO_PRIMARY), *visit(3, "secondary", 307, TO_PRIMARY))
    assert finding.times == 3


def test_a_call_assistant_that_follows_breaks_its_rule() -> None:
    """CLIENT-3: it is never redirected."""
    assert kept(found(*REDIRECTED, *visit(2, "primary")), Kind.STAYS) == [("CLIENT-3", False)]


def test_a_session_that_is_sent_home_is_another_rule() -> None:
    """REDIR-4: the client asked for the session that it has."""
    home = visit(1, "secondary", 307, TO_PRIMARY, path="/api/v1/session")
    assert [one.rule for one in found(*home, *visit(2, "primary"))] == ["REDIR-4"]
    new = visit(1, "secondary", 307, TO_PRIMARY, path="/api/v1/session", method="POST")
    assert [one.rule for one in found(*new, *visit(2, "primary"))] == ["REDIR-5"]


@pytest.mark.parametrize(
    "there",
    [refused(2, "primary"), shaken(2, "primary", "unused"), shaken(2, "primary", "dropped")],
    ids=["alert", "judged afterwards", "hung up"],
)
def test_a_client_that_sends_nothing_there_has_stopped(there: Shaken) -> None:
    """CERT-1 and CERT-4 are kept: it came where it was sent, and no further."""
    (finding,) = found(*REDIRECTED, there)
    assert (finding.conduct, finding.alert) == (Conduct.STOPPED, there.alert)
    assert kept((finding,)) == [("REDIR-5", True), ("CERT-1", True), ("CERT-4", True)]


def test_a_client_that_sends_something_after_refusing_went_on() -> None:
    """CERT-4 is broken, unless somebody sat there who could accept the certificate."""
    (finding,) = found(*REDIRECTED, refused(2, "primary"), *visit(3, "primary"))
    assert (finding.conduct, finding.alert) == (Conduct.WENT_ON, "unknown_ca")
    assert kept((finding,)) == [("REDIR-5", True), ("CERT-1", False), ("CERT-4", False)]
    assert kept((finding,), attended=True) == [("REDIR-5", True), ("CERT-1", True), ("CERT-4", True)]


def test_even_bytes_that_are_no_request_are_sent() -> None:
    """The server counts a handshake as completed when anything at all came after it."""
    (finding,) = found(*REDIRECTED, refused(2, "primary"), shaken(3, "primary"))
    assert finding.conduct is Conduct.WENT_ON


def test_a_client_that_refuses_a_new_certificate_followed_before_that() -> None:
    """What it sent before the refusal was sent rightly."""
    (finding,) = found(*REDIRECTED, *visit(2, "primary"), refused(3, "primary", "certificate_expired"))
    assert finding.conduct is Conduct.FOLLOWED


@pytest.mark.parametrize("alert", ["protocol_version", "handshake_failure", "internal_error"])
def test_an_alert_for_another_cause_is_no_refusal_of_the_certificate(alert: str) -> None:
    """A client that speaks another TLS, and then the right one, has done nothing wrong."""
    (finding,) = found(*REDIRECTED, refused(2, "primary", alert), *visit(3, "primary"))
    assert (finding.conduct, finding.alert) == (Conduct.FOLLOWED, None)


def test_a_refusal_without_a_redirect_is_found_too() -> None:
    """A client that was pointed at a server whose certificate it does not know."""
    seen = found(refused(1, "secondary"))
    assert seen == (
        Finding(conduct=Conduct.STOPPED, rule="CERT-1", source=None, target="secondary", alert="unknown_ca"),
    )
    assert kept(seen) == [("CERT-1", True), ("CERT-4", True)]
    (worse,) = found(refused(1, "secondary"), *visit(2, "secondary"))
    assert kept((worse,)) == [("CERT-1", False), ("CERT-4", False)]


def test_a_client_sent_by_the_core_is_found_at_the_other_portal() -> None:
    """REDIR-1: its portal is gone; it asks the core there, and comes to the secondary."""
    core: list[Sighting] = [shaken(1, "primary", port=50804), asked(1, "primary", port=50804, path="/api/v1/redirect")]
    (followed,) = found(*core, *visit(2, "secondary"))
    assert (followed.conduct, followed.rule, followed.source) == (Conduct.FOLLOWED, "REDIR-1", "primary")
    (stopped,) = found(*core, refused(2, "secondary"))
    assert stopped.conduct is Conduct.STOPPED
    assert kept((stopped,)) == [("REDIR-1", True), ("CERT-1", True), ("CERT-4", True)]
    assert found(*core) == ()
    assert found(*core, *visit(2, "primary")) == ()


@pytest.mark.parametrize(
    "answer",
    [
        visit(1, "primary"),
        visit(1, "secondary", 503),
        visit(1, "secondary", 302, None),
        visit(1, "secondary", 302, "/onexportal.html"),
        visit(1, "secondary", 302, "https://secondary.demo.test:9443/elsewhere"),
        visit(1, "secondary", 302, "https://stranger.test/"),
        [shaken(1, "secondary", "unused")],
        [],
    ],
)
def test_where_nothing_was_found_nothing_is_judged(answer: list[Sighting]) -> None:
    """An empty record is no pass."""
    assert found(*answer) == ()
    assert kept(found(*answer)) == []


def test_visits_put_requests_to_their_handshakes() -> None:
    """By the two ends of the connection; a port that is used again is a new connection."""
    seen = visits(
        [
            asked(4, "primary", client_port=50000, path="/second"),
            shaken(3, "primary", client_port=50000),
            asked(2, "primary", client_port=50000, path="/first"),
            shaken(1, "primary", client_port=50000),
            shaken(1, "secondary", client_port=50000),
        ]
    )
    assert [(one.server, [request.path for request in one.asked]) for one in seen] == [
        ("primary", ["/first"]),
        ("secondary", []),
        ("primary", ["/second"]),
    ]
    assert (seen[0].at, seen[0].until) == (stamp(1), stamp(2))


def test_a_request_whose_handshake_nobody_saw_is_a_visit() -> None:
    """The connection was open before anybody watched."""
    (one,) = visits([asked(2, "primary", client_port=1), asked(3, "primary", client_port=1)])
    assert (one.outcome, one.sent, len(one.asked), one.at) == ("completed", True, 2, stamp(2))


def test_a_client_is_chosen_by_address_and_by_name() -> None:
    """A connection without a request tells no name, and counts."""
    mine, other = visit(1, "primary"), visit(2, "primary", user_agent="another/2.0")
    silent, far = refused(3, "primary"), shaken(4, "primary", client="10.0.0.9")
    everything = [*mine, *other, silent, far]
    assert [one.at for one in of_client(everything, agent="somebody")] == [stamp(1), stamp(3), stamp(4)]
    assert [one.at for one in of_client(everything, address="10.0.0.9")] == [stamp(4)]
    assert [one.at for one in of_client(everything, address="10.0.0.1", agent="another")] == [stamp(2), stamp(3)]
