"""Certificate prompts at the redirect: who is interrupted, and who is not."""

from __future__ import annotations

import hashlib
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from stubs import ports
from testbed.certificates import CertificateFault
from testbed.clients.exchange import Standing
from testbed.clients.screen import Shows
from testbed.clients.trust import TrustStore, examine
from testbed.errors import MisuseError
from testbed.faults import Pause, Stop, certificate
from testbed.recording.sightings import Asked, Shaken
from testbed.staging import PORTS
from testbed.waiting import wait_until
from tests.scenarios.observing import certificates, eventually_serves, visits_to

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.kinds import OutlookPlugin, WebClient
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer
    from testbed.recording.watch import Watch

VERDICTS = {
    CertificateFault.SELF_SIGNED: (Standing.SELF_SIGNED, "unknown_ca"),
    CertificateFault.UNKNOWN_CA: (Standing.UNKNOWN_CA, "unknown_ca"),
    CertificateFault.EXPIRED: (Standing.EXPIRED, "certificate_expired"),
    CertificateFault.NOT_YET_VALID: (Standing.NOT_YET_VALID, "bad_certificate"),
    CertificateFault.WRONG_HOST: (Standing.WRONG_HOST, "bad_certificate"),
    CertificateFault.REPLACED: (Standing.REPLACED, "unknown_ca"),
}
"""What a client says of each fault, and by which alert the server learns that it was refused."""


@pytest.mark.rule("CERT-1")
def test_a_first_visit_to_the_secondary_interrupts_the_redirect(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """The user is asked about an unknown issuer, and gets no further until the certificate is accepted."""
    knows_primary = TrustStore.with_anchor(bed.primary.certificate)
    user = web_client.log_in("alice", at=bed.primary, trust=knows_primary, prompts="wait")
    with nemesis.under(Stop(bed.primary.portal)):
        assert user.eventually_at(bed.secondary).asks_for("certificate")
        assert user.stays_at(bed.secondary, polls=3).asks_for("certificate")
        assert user.accept_certificate().asks_for("login")
    assert [(met.server, met.verdict.standing) for met in user.prompts] == [("secondary", Standing.UNKNOWN_CA)]
    assert user.eventually_at(bed.primary).asks_for("login")


@pytest.mark.rule("CERT-2")
def test_a_client_that_accepted_before_is_not_asked_again(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """The first failover prompts once, the second not at all."""
    user = web_client.log_in("alice", at=bed.primary, prompts="accept")
    with nemesis.under(Stop(bed.primary.portal)):
        assert user.eventually_at(bed.secondary).asks_for("login")
    assert user.eventually_at(bed.primary).asks_for("login")
    met = len(user.prompts)
    assert [prompt.server for prompt in user.prompts] == ["primary", "secondary"]
    assert user.log_in_again().server == bed.primary.name
    with nemesis.under(Stop(bed.primary.portal)):
        assert user.eventually_at(bed.secondary).asks_for("login")
    assert len(user.prompts) == met


@pytest.mark.rule("CERT-2")
@pytest.mark.topology(certificates="common-ca")
def test_a_common_authority_spares_every_prompt(
    bed: Bed, web_client: WebClient, outlook_plugin: OutlookPlugin, nemesis: Nemesis
) -> None:
    """Web user and plug-in go over to the secondary without being asked."""
    trust = TrustStore.with_anchor(bed.primary.certificate)
    web = web_client.log_in("alice", at=bed.primary, trust=trust, prompts="wait")
    plugin = outlook_plugin.log_in("bob", at=bed.primary, trust=trust, prompts="wait")
    with nemesis.under(Stop(bed.primary.portal)):
        assert web.eventually_at(bed.secondary).asks_for("login")
        assert not plugin.eventually_at(bed.secondary).asks_for("certificate")
    assert web.prompts == plugin.prompts == ()


@pytest.mark.rule("CERT-1", "CERT-3")
def test_the_plugin_is_interrupted_by_a_certificate_it_never_saw(
    bed: Bed, outlook_plugin: OutlookPlugin, nemesis: Nemesis
) -> None:
    """It reconnects by itself only after its user accepted the certificate."""
    trust = TrustStore.with_anchor(bed.primary.certificate)
    plugin = outlook_plugin.log_in("alice", at=bed.primary, trust=trust, prompts="wait")
    with nemesis.under(Stop(bed.primary.portal)):
        assert plugin.eventually_at(bed.secondary).asks_for("certificate")
        plugin.accept_certificate()
        screen = plugin.eventually_at(bed.secondary)
        assert not screen.asks_for("certificate")
        assert not screen.asks_for("login")


@pytest.mark.rule("CERT-4", "CERT-6")
def test_a_declined_certificate_leaves_the_client_disconnected(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, watch: Watch
) -> None:
    """It is asked once, not again at every poll; the secondary itself saw handshakes and nothing else."""
    trust = TrustStore.with_anchor(bed.primary.certificate)
    user = web_client.log_in("alice", at=bed.primary, trust=trust, prompts="decline")
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        for _ in range(5):
            assert not user.poll().has_arrived
        assert [prompt.server for prompt in user.prompts] == ["secondary"]
        wait_until(lambda: visits_to(bed.secondary, watch), bool, within_s=5, what="the secondary to have seen it")
    assert user.eventually_at(bed.primary).asks_for("login")
    seen = visits_to(bed.secondary, watch)
    assert {(visit.outcome, visit.alert) for visit in seen} == {("alert", "unknown_ca")}
    assert not any(visit.sent for visit in seen)


@pytest.mark.rule("CERT-5", "CERT-2", "CERT-3", "CERT-6")
@pytest.mark.parametrize("case", CertificateFault)
def test_each_certificate_fault_has_its_own_verdict_at_the_redirect(  # noqa: PLR0913, PLR0917 - fixtures
    bed: Bed,
    web_client: WebClient,
    outlook_plugin: OutlookPlugin,
    nemesis: Nemesis,
    watch: Watch,
    case: CertificateFault,
) -> None:
    """Web user and plug-in knew the good one; they are stopped, told why, and go on unasked when it is back."""
    standing, alert = VERDICTS[case]
    trust = _accepting(bed.secondary, bed) if case is CertificateFault.REPLACED else _trusting(bed)
    web = web_client.log_in("alice", at=bed.primary, trust=trust, prompts="decline")
    plugin = outlook_plugin.log_in("bob", at=bed.primary, trust=trust, prompts="decline")
    with nemesis.under(Stop(bed.primary.portal)):
        with nemesis.under(certificate(bed.secondary, case)):
            for client in (web, plugin):
                client.eventually_shows(Shows.DISCONNECTED)
                assert [(met.server, met.verdict.standing) for met in client.prompts] == [("secondary", standing)]
            refused = wait_until(lambda: _refusals(bed, watch), lambda seen: len(seen) >= 2, within_s=5, what="alerts")
            assert set(refused) == {alert}
            assert not any(visit.sent for visit in visits_to(bed.secondary, watch))
        assert web.eventually_at(bed.secondary).asks_for("login")
        plugin.eventually_shows(Shows.HOME, at=bed.secondary)
    assert web.eventually_at(bed.primary).asks_for("login")
    assert len(web.prompts) == len(plugin.prompts) == 1


def test_every_certificate_fault_is_told_apart() -> None:
    """No two have the same verdict, and each has one."""
    assert VERDICTS.keys() == set(CertificateFault)
    assert len({standing for standing, _ in VERDICTS.values()}) == len(CertificateFault)


@pytest.mark.rule("CERT-5")
def test_a_certificate_fault_shows_on_every_port_and_restarts_nothing(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, watch: Watch
) -> None:
    """Portal, core and platform view show one and the same; the user's session outlives it."""
    user = web_client.log_in("alice", at=bed.primary, trust=_trusting(bed), prompts="wait")
    installed = _shown(bed.primary, bed)
    with nemesis.under(certificate(bed.primary, CertificateFault.WRONG_HOST)):
        (faulty,) = set(_shown(bed.primary, bed).values())
        assert faulty not in installed.values()
        assert bed.status()["faults"] == ["certificate of primary wrong-host"]
        assert user.poll().shows is Shows.LOST_CONTACT
    assert _shown(bed.primary, bed) == installed
    assert bed.status()["faults"] == []
    assert user.poll().shows is Shows.HOME
    watch.look()
    assert watch.missed == []


@pytest.mark.rule("CERT-5")
@pytest.mark.parametrize("absent", [Stop, Pause])
def test_a_service_that_was_away_shows_the_fault_when_it_is_back(
    bed: Bed, nemesis: Nemesis, absent: type[Stop | Pause]
) -> None:
    """Whether it starts again or was frozen; and likewise it shows the installed one after the healing."""
    fault = certificate(bed.secondary, CertificateFault.EXPIRED)
    installed = _shown(bed.secondary, bed)
    with nemesis.under(absent(bed.secondary.portal)):
        nemesis.inject(fault)
    faulty = _eventually_shown_by_all(bed.secondary, bed)
    assert faulty != installed[ports.PORTAL_HTTPS]
    with nemesis.under(absent(bed.secondary.portal)):
        nemesis.heal(fault)
    assert _eventually_shown_by_all(bed.secondary, bed) == installed[ports.PORTAL_HTTPS]


@pytest.mark.rule("CERT-5", "CFG-10")
@pytest.mark.topology(preset="application-secondary")
def test_an_application_server_has_a_certificate_of_its_own(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, watch: Watch
) -> None:
    """A fault of it is met by whoever is sent to its portal, and the server that it stands in for shows none."""
    application = bed.server("application")
    user = web_client.log_in("alice", at=bed.primary, trust=_trusting(bed), prompts="decline")
    with nemesis.under(certificate(application, CertificateFault.EXPIRED), Stop(bed.primary.portal)):
        assert bed.certificates.current() == {application.server: CertificateFault.EXPIRED}
        user.eventually_shows(Shows.DISCONNECTED)
        assert [(met.server, met.verdict.standing) for met in user.prompts] == [("application", Standing.EXPIRED)]
        assert not any(visit.sent for visit in visits_to(application, watch))
    assert user.eventually_at(bed.primary).asks_for("login")
    assert bed.certificates.current() == {}


@pytest.mark.rule("CERT-5", "CFG-11")
@pytest.mark.topology(primary={"failover": False})
def test_a_dormant_portal_hinders_no_certificate_fault(bed: Bed, nemesis: Nemesis) -> None:
    """It listens to nobody, so it has none to show; the platform view and the core of its server have."""
    assert bed.inspectors["secondary"].certificate(ports.PORTAL_HTTPS) == b""
    with nemesis.under(certificate(bed.secondary, CertificateFault.SELF_SIGNED)):
        assert bed.certificates.current() == {bed.secondary.server: CertificateFault.SELF_SIGNED}
    assert bed.certificates.current() == {}


@pytest.mark.rule("CERT-5")
def test_a_reset_takes_back_a_fault_that_nobody_healed(bed: Bed) -> None:
    """Whoever staged it is gone; what the vault of the server holds is enough."""
    installed = _shown(bed.primary, bed)
    bed.certificates.stage(bed.primary.server, CertificateFault.REPLACED)
    assert _shown(bed.primary, bed) != installed
    bed.reset()
    assert _shown(bed.primary, bed) == installed


@pytest.mark.rule("CERT-5")
def test_a_server_has_one_certificate_fault_at_a_time(bed: Bed, nemesis: Nemesis) -> None:
    """A second is refused, and the first is healed all the same."""
    installed = _shown(bed.primary, bed)
    with nemesis.under(certificate(bed.primary, CertificateFault.EXPIRED)):
        with pytest.raises(MisuseError, match="the certificate of the primary is expired already"):
            nemesis.inject(certificate(bed.primary, CertificateFault.SELF_SIGNED))
        assert bed.certificates.current() == {bed.primary.server: CertificateFault.EXPIRED}
    assert _shown(bed.primary, bed) == installed


@pytest.mark.rule("CERT-6")
@pytest.mark.parametrize("port", PORTS.values(), ids=PORTS)
def test_every_port_records_how_a_handshake_went(bed: Bed, watch: Watch, port: int) -> None:
    """Refused, left unused, and used; each with the name that was asked for, in the order in which they came."""
    server = bed.secondary
    for trust in (TrustStore(), _trusting(bed)):
        examine(server.address, port, server.hostname, trust=trust, timeout_s=5)
    context = ssl.create_default_context(cafile=server.certificate)
    with (
        socket.create_connection((server.address, port), 5) as plain,
        context.wrap_socket(plain, server_hostname=server.hostname) as tls,
    ):
        tls.sendall(b"GET /nowhere HTTP/1.0\r\nUser-Agent: by hand\r\n\r\n")
        assert tls.recv(12) == b"HTTP/1.1 404"
    seen = wait_until(watch.look, lambda found: len(found) >= 4, within_s=5, what="three handshakes and a request")
    shaken = [one for one in seen if isinstance(one, Shaken)]
    asked = [one for one in seen if isinstance(one, Asked)]
    assert [(one.outcome, one.alert) for one in shaken] == [
        ("alert", "unknown_ca"),
        ("unused", None),
        ("completed", None),
    ]
    assert {(one.server, one.port, one.server_name) for one in shaken} == {("secondary", port, server.hostname)}
    assert [(one.path, one.status, one.user_agent) for one in asked] == [("/nowhere", 404, "by hand")]
    assert (asked[0].client, asked[0].client_port) == (shaken[2].client, shaken[2].client_port)


def _trusting(bed: Bed) -> TrustStore:
    return TrustStore.with_anchor(*certificates(bed))


def _accepting(server: BedServer, bed: Bed) -> TrustStore:
    """A store that holds the other server's anchor, and the exception that a user once made for this server."""
    shown = bed.inspectors[server.site].certificate(ports.PORTAL_HTTPS)
    assert shown is not None
    other = bed.server(server.site.other)
    return TrustStore.with_anchor(other.certificate).accepting(server.hostname, hashlib.sha256(shown).hexdigest())


def _shown(server: BedServer, bed: Bed) -> dict[int, bytes | None]:
    """The certificate that each TLS port of a server shows."""
    return {port: bed.inspectors[server.site].certificate(port) for port in PORTS.values()}


def _eventually_shown_by_all(server: BedServer, bed: Bed) -> bytes | None:
    shown = wait_until(
        lambda: set(_shown(server, bed).values()),
        lambda seen: len(seen) == 1,
        within_s=10,
        what=f"all ports of the {server.name} to show one certificate",
    )
    return shown.pop()


def _refusals(bed: Bed, watch: Watch) -> list[str | None]:
    """The alerts that clients sent the secondary."""
    return [visit.alert for visit in visits_to(bed.secondary, watch) if visit.outcome == "alert"]
