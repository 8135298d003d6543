"""Programs that nobody instrumented are pointed at the servers, and judged by what the servers saw of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.conduct import Conduct, Finding, Kind, findings, judge
from testbed.faults import Stop
from testbed.recording.sightings import Asked, Shaken, of_client
from testbed.waiting import wait_until
from tests.scenarios.observing import certificates
from tests.scenarios.programs import AGENT, WITHIN_S, curl, own_program

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from testbed.recording.watch import Watch


@pytest.fixture
def both(bed: Bed, tmp_path: Path) -> Path:
    """The authorities of both servers in one file."""
    path = tmp_path / "both.pem"
    path.write_bytes(b"".join(one.read_bytes() for one in certificates(bed)))
    return path


def found(bed: Bed, watch: Watch, count: int = 1) -> tuple[Finding, ...]:
    """What the servers saw the client do, once they have seen that many of its connections."""
    seen = wait_until(
        lambda: of_client(watch.look(), agent=AGENT),
        lambda visits: len(visits) >= count,
        within_s=5,
        what=f"{count} connections of the client",
    )
    assert watch.missed == []
    return findings(seen, servers={server.hostname: server.name for server in bed.servers})


def kept(found_: tuple[Finding, ...], kind: Kind = Kind.FOLLOWS) -> dict[str, bool]:
    """The verdict on each rule that the findings speak for."""
    return {verdict.rule: verdict.kept for verdict in judge(found_, kind)}


@pytest.mark.rule("CLIENT-4", "REDIR-5", "CERT-6")
def test_curl_that_follows_is_seen_to_come_to_the_primary(bed: Bed, watch: Watch, both: Path) -> None:
    """The secondary answered 302; then the same client completed a handshake and asked for the page at the primary."""
    ended = curl(bed, bed.secondary.portal_url, "--location", "--fail", authorities=both)
    assert (ended.returncode, "one-X Portal" in ended.stdout) == (0, True), ended
    (finding,) = found(bed, watch, 2)
    assert (finding.conduct, finding.source, finding.target) == (Conduct.FOLLOWED, "secondary", "primary")
    assert kept((finding,)) == {"REDIR-5": True}
    shaken = [one for one in watch.look() if isinstance(one, Shaken)]
    asked = [one for one in watch.look() if isinstance(one, Asked)]
    assert [(one.server, one.outcome) for one in shaken] == [("primary", "completed"), ("secondary", "completed")]
    by_server = {one.server: one for one in asked}
    assert (by_server["secondary"].status, by_server["secondary"].location) == (302, bed.primary.portal_url)
    assert (by_server["primary"].status, by_server["primary"].path) == (200, "/onexportal.html")
    assert len({(one.client, one.user_agent) for one in asked}) == 1


@pytest.mark.rule("CLIENT-4", "CERT-4", "CERT-6")
def test_curl_without_the_authority_is_seen_to_stop(bed: Bed, watch: Watch) -> None:
    """The secondary has its alert, and no request."""
    assert curl(bed, bed.secondary.portal_url, "--location", authorities=None).returncode == 60
    (finding,) = found(bed, watch)
    assert (finding.conduct, finding.source, finding.target) == (Conduct.STOPPED, None, "secondary")
    assert finding.alert == "unknown_ca"
    assert kept((finding,)) == {"CERT-1": True, "CERT-4": True}
    assert [one for one in watch.look() if isinstance(one, Asked)] == []


@pytest.mark.rule("CLIENT-4", "CERT-1", "CERT-4")
def test_curl_that_knows_one_server_only_stops_at_the_redirect(bed: Bed, watch: Watch) -> None:
    """It was sent on, met a certificate that it does not know, and sent nothing there."""
    trusted = bed.secondary.certificate
    assert curl(bed, bed.secondary.portal_url, "--location", authorities=trusted).returncode == 60
    (finding,) = found(bed, watch, 2)
    assert (finding.conduct, finding.source, finding.target) == (Conduct.STOPPED, "secondary", "primary")
    assert kept((finding,)) == {"REDIR-5": True, "CERT-1": True, "CERT-4": True}


@pytest.mark.rule("CLIENT-4", "CLIENT-3")
def test_a_client_that_ignores_redirects_is_seen_to_stay(bed: Bed, watch: Watch, both: Path) -> None:
    """Right for a Call Assistant, wrong for a browser."""
    for _ in range(2):
        assert curl(bed, bed.secondary.portal_url, authorities=both).returncode == 0
    (finding,) = found(bed, watch, 2)
    assert (finding.conduct, finding.target, finding.times) == (Conduct.STAYED, "primary", 2)
    assert kept((finding,)) == {"REDIR-5": False}
    assert kept((finding,), Kind.STAYS) == {"CLIENT-3": True}


@pytest.mark.rule("CLIENT-4", "CERT-4")
def test_a_client_that_goes_on_after_refusing_is_found_out(bed: Bed, watch: Watch) -> None:
    """First it refuses the certificate, then it comes again and sends its request regardless."""
    url = bed.secondary.portal_url
    assert curl(bed, url, authorities=None).returncode == 60
    found(bed, watch)
    assert curl(bed, url, "--insecure", authorities=None).returncode == 0
    (refused,) = (one for one in found(bed, watch, 2) if one.source is None)
    assert (refused.conduct, refused.target, refused.alert) == (Conduct.WENT_ON, "secondary", "unknown_ca")
    assert kept((refused,)) == {"CERT-1": False, "CERT-4": False}


@pytest.mark.rule("CLIENT-4", "REDIR-1")
def test_somebodys_own_program_is_seen_to_follow_in_failover(
    bed: Bed, nemesis: Nemesis, watch: Watch, both: Path
) -> None:
    """Its portal is gone; it asks the core there, and comes to the secondary."""
    with own_program(bed, both) as program, nemesis.under(Stop(bed.primary.portal)):
        said, _ = program.communicate(timeout=WITHIN_S)
    assert (program.returncode, said) == (0, "200\n")
    seen = of_client(watch.look(), agent=AGENT)
    (finding,) = findings(seen, servers={server.hostname: server.name for server in bed.servers})
    assert (finding.conduct, finding.source, finding.target) == (Conduct.FOLLOWED, "primary", "secondary")
    assert kept((finding,)) == {"REDIR-1": True}
