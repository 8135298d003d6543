"""Certificates: what is wrong with one can be told from itself, and no verdict changes with the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from testbed.certificates import Authority, CertificateFault, ServerCertificate, fault_of, faulty, leaf_of, own

HOST, ADDRESS = "server.demo.test", "192.0.2.5"
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
BEDS_LIVE = timedelta(days=5 * 365)


def what(certificate: ServerCertificate, now: datetime = NOW) -> CertificateFault | None:
    """What is wrong with what the server shows, for who was told of its anchor."""
    return fault_of(leaf_of(certificate.chain), anchor=certificate.anchor, hostname=HOST, now=now)


def made(fault: CertificateFault) -> ServerCertificate:
    """A faulty one, from the authority of a sound one."""
    sound = own(HOST, ADDRESS)
    return faulty(fault, HOST, ADDRESS, authority=Authority.of(sound.anchor, sound.anchor_key), now=NOW)


@pytest.mark.parametrize("sound", [own(HOST, ADDRESS), Authority("common").issue(HOST, ADDRESS)], ids=["own", "common"])
@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=100 * 365)])
def test_a_sound_certificate_has_no_fault(sound: ServerCertificate, later: timedelta) -> None:
    """Nor will it ever."""
    assert what(sound, NOW + later) is None


@pytest.mark.parametrize("fault", CertificateFault)
@pytest.mark.parametrize("later", [timedelta(0), BEDS_LIVE])
def test_each_fault_is_told_from_the_certificate_alone(fault: CertificateFault, later: timedelta) -> None:
    """Whoever did not stage it can name it, as long as any bed lives (CERT-5)."""
    assert what(made(fault), NOW + later) is fault


@pytest.mark.parametrize("fault", CertificateFault)
def test_a_fault_is_wrong_in_one_way_only(fault: CertificateFault) -> None:
    """A certificate from nobody's authority is in date and names the server, and so on."""
    leaf = x509.load_der_x509_certificate(leaf_of(made(fault).chain))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    in_date = leaf.not_valid_before_utc < NOW < leaf.not_valid_after_utc
    named = HOST in names.get_values_for_type(x509.DNSName)
    assert in_date == (fault not in {CertificateFault.EXPIRED, CertificateFault.NOT_YET_VALID})
    assert named == (fault is not CertificateFault.WRONG_HOST)


def test_an_authority_is_the_same_when_it_is_read_again() -> None:
    """What it issues then is sound to who was told of it before."""
    first = Authority("common")
    again = Authority.of(first.anchor, first.key)
    assert (again.name, again.anchor) == ("common", first.anchor)
    issued = again.issue(HOST, ADDRESS)
    assert fault_of(leaf_of(issued.chain), anchor=first.anchor, hostname=HOST, now=NOW) is None


def test_a_servers_file_holds_key_and_certificate() -> None:
    """One file, so that both change in one step."""
    certificate = own(HOST, ADDRESS)
    assert certificate.installed == certificate.key + certificate.chain
    assert certificate.anchor_key not in certificate.installed
