"""The two programs that every administrator has, at servers in every condition: told by their exit codes.

Curl: 7 not connected, 22 an error of HTTP (with --fail), 28 not in time, 60 a certificate that is not trusted.
Wget: 4 the network, 5 a certificate, 8 an error of HTTP.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from testbed.certificates import CertificateFault
from testbed.faults import Kill, Pause, Stop, certificate, lose
from testbed.recording.sightings import Asked
from testbed.waiting import wait_until
from tests.programs import need
from tests.scenarios.observing import certificates, eventually_serves
from tests.scenarios.programs import curl, wget

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer
    from testbed.recording.watch import Watch

SAYS = ("--write-out", "%{http_code} %{redirect_url}", "--output", "/dev/null")
TO_NOWHERE = ("--output-document", "/dev/null")
NO_LONGER = ("--max-time", "2")


@pytest.fixture(autouse=True)
def programs() -> None:
    """Both are there."""
    need("curl", "wget")


@pytest.fixture
def both(bed: Bed, tmp_path: Path) -> Path:
    """The authorities of both servers in one file."""
    path = tmp_path / "both.pem"
    path.write_bytes(b"".join(one.read_bytes() for one in certificates(bed)))
    return path


def by_address(server: BedServer) -> str:
    """The user page, by the server's address, which its certificate names as well."""
    return server.portal_url.replace(server.hostname, server.address)


@pytest.mark.rule("REDIR-5", "CLIENT-4")
def test_whoever_asks_the_secondary_is_sent_to_the_primary(bed: Bed, both: Path, tmp_path: Path) -> None:
    """Shown where to by a 302, and taken there if it follows: one hop, and no more."""
    ended = curl(bed, bed.secondary.portal_url, *SAYS, authorities=both)
    assert (ended.returncode, ended.stdout) == (0, f"302 {bed.primary.portal_url}")
    hops = ("--location", "--write-out", "%{num_redirects} %{url_effective}", "--output", "/dev/null")
    ended = curl(bed, bed.secondary.portal_url, *hops, authorities=both)
    assert (ended.returncode, ended.stdout) == (0, f"1 {bed.primary.portal_url}")
    page = tmp_path / "page.html"
    ended = wget(bed, bed.secondary.portal_url, "--output-document", str(page), authorities=both)
    assert ended.returncode == 0, ended
    assert "one-X Portal" in page.read_text()
    assert wget(bed, bed.secondary.portal_url, "--max-redirect", "0", *TO_NOWHERE, authorities=both).returncode == 8


@pytest.mark.rule("REDIR-5", "CLIENT-4")
def test_a_log_in_at_the_secondary_is_carried_to_the_primary(bed: Bed, both: Path, watch: Watch) -> None:
    """A 307 keeps the method and the body: who follows is logged in."""
    user = json.dumps({"user": "alice", "password": bed.topology.users[0].password})
    sent = ("--location", "--header", "Content-Type: application/json", "--data", user)
    ended = curl(bed, f"{bed.secondary.api_url}/session", *sent, *SAYS, authorities=both)
    assert (ended.returncode, ended.stdout) == (0, "201 ")
    seen = wait_until(
        lambda: [one for one in watch.look() if isinstance(one, Asked)],
        lambda asked: len(asked) >= 2,
        within_s=5,
        what="both requests",
    )
    assert {(one.server, one.method, one.status) for one in seen} == {
        ("secondary", "POST", 307),
        ("primary", "POST", 201),
    }


@pytest.mark.rule("REDIR-3", "CLIENT-4")
def test_a_new_user_of_a_dead_portal_is_refused_and_not_redirected(bed: Bed, nemesis: Nemesis, both: Path) -> None:
    """Nobody listens at the primary's address; the secondary's works."""
    with nemesis.under(Kill(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        assert curl(bed, bed.primary.portal_url, *SAYS, authorities=both).returncode == 7
        assert wget(bed, by_address(bed.primary), "--spider", authorities=both).returncode == 4
        assert curl(bed, bed.secondary.portal_url, *SAYS, authorities=both).stdout == "200 "
        assert wget(bed, bed.secondary.portal_url, "--spider", authorities=both).returncode == 0


@pytest.mark.rule("REDIR-3", "CLIENT-4")
def test_a_new_user_of_a_portal_that_handed_over_is_told_so(bed: Bed, nemesis: Nemesis, both: Path) -> None:
    """An error of HTTP, not a redirect: 503, with a page for people."""
    with nemesis.under(Stop(bed.primary.core)):
        eventually_serves(bed.secondary, bed)
        assert curl(bed, bed.primary.portal_url, *SAYS, authorities=both).stdout == "503 "
        assert curl(bed, bed.primary.portal_url, "--fail", authorities=both).returncode == 22
        ended = wget(bed, bed.primary.portal_url, *TO_NOWHERE, authorities=both)
        assert (ended.returncode, "503" in ended.stderr) == (8, True), ended


@pytest.mark.rule("REDIR-3", "CLIENT-4")
@pytest.mark.parametrize("silent", ["lost", "frozen"])
def test_a_server_that_is_silent_is_not_answered_for(bed: Bed, nemesis: Nemesis, both: Path, silent: str) -> None:
    """Neither is refused, as by a dead service; both run out of time."""
    fault = lose(bed.primary) if silent == "lost" else Pause(bed.primary.portal)
    with nemesis.under(fault):
        assert curl(bed, bed.primary.portal_url, *NO_LONGER, *SAYS, authorities=both).returncode == 28
        assert wget(bed, by_address(bed.primary), "--timeout", "1", authorities=both).returncode == 4


@pytest.mark.rule("CERT-1", "CERT-5", "CLIENT-4")
def test_who_does_not_trust_the_next_server_stops_at_the_redirect(bed: Bed, watch: Watch) -> None:
    """Each knows the secondary alone: it gets that server's answer, and sends the primary nothing."""
    trusted = bed.secondary.certificate
    assert curl(bed, bed.secondary.portal_url, "--location", authorities=trusted).returncode == 60
    assert wget(bed, bed.secondary.portal_url, "--spider", authorities=trusted).returncode == 5
    seen = wait_until(
        lambda: [one.server for one in watch.look() if isinstance(one, Asked)],
        lambda servers: len(servers) >= 2,
        within_s=5,
        what="both requests",
    )
    assert seen == ["secondary", "secondary"]


@pytest.mark.rule("CERT-5", "CLIENT-4")
def test_a_certificate_that_expired_ends_both_until_it_is_healed(bed: Bed, nemesis: Nemesis, both: Path) -> None:
    """By exit codes that mean a certificate, and no other trouble."""
    with nemesis.under(certificate(bed.primary, CertificateFault.EXPIRED)):
        assert curl(bed, bed.primary.portal_url, authorities=both).returncode == 60
        ended = wget(bed, bed.primary.portal_url, "--spider", authorities=both)
        assert (ended.returncode, "has expired" in ended.stderr) == (5, True), ended
    assert curl(bed, bed.primary.portal_url, *SAYS, authorities=both).stdout == "200 "
    assert wget(bed, bed.primary.portal_url, "--spider", authorities=both).returncode == 0
