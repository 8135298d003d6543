"""What clients make of certificates that change under them, on running servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stubs import ports
from testbed.certificates import CertificateFault
from testbed.faults import Stop, certificate
from tests.matrix.clients import CLIENTS, TRUSTED, Place
from tests.matrix.expected import DYNAMIC, REPLACED_DURING_FAILOVER, REPLACED_SINCE_ACCEPTED, ROTATED_AT_FAILBACK
from tests.scenarios.observing import eventually_serves

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer
    from tests.matrix.table import Table


def asked(server: BedServer) -> dict[str, str]:
    """What each program says of a server, of which it was told when it was installed."""
    place = Place(
        hostname=server.hostname,
        address=server.address,
        port=ports.PORTAL_HTTPS,
        anchors=server.certificate,
        path="/onexportal.html",
    )
    return {name: asks(place) for name, asks in CLIENTS.items()}


def trusted_by_all() -> dict[str, str]:
    """What they say when nothing is wrong."""
    return dict.fromkeys(CLIENTS, TRUSTED)


def kept(table: Table, case: str, verdicts: dict[str, str]) -> dict[str, str]:
    """Put the verdicts into the table; what was to be expected."""
    for name, verdict in verdicts.items():
        table.add(case, name, verdict)
    return {name: DYNAMIC[case][name] for name in verdicts}


@pytest.mark.rule("CERT-5")
@pytest.mark.usefixtures("programs")
def test_a_certificate_that_was_replaced_since_it_was_accepted(bed: Bed, nemesis: Nemesis, table: Table) -> None:
    """It was good enough, it is refused, and the former one is good enough again."""
    assert asked(bed.secondary) == trusted_by_all()
    with nemesis.under(certificate(bed.secondary, CertificateFault.REPLACED)):
        verdicts = asked(bed.secondary)
    assert verdicts == kept(table, REPLACED_SINCE_ACCEPTED, verdicts)
    assert asked(bed.secondary) == trusted_by_all()


@pytest.mark.rule("CERT-5")
@pytest.mark.usefixtures("programs")
def test_a_certificate_that_is_replaced_during_failover(bed: Bed, nemesis: Nemesis, table: Table) -> None:
    """The secondary serves, and shows another one all of a sudden; it still serves, but nobody trusts it."""
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        assert asked(bed.secondary) == trusted_by_all()
        with nemesis.under(certificate(bed.secondary, CertificateFault.REPLACED)):
            verdicts = asked(bed.secondary)
            eventually_serves(bed.secondary, bed)
    assert verdicts == kept(table, REPLACED_DURING_FAILOVER, verdicts)


@pytest.mark.rule("CERT-5", "CERT-2")
@pytest.mark.topology(certificates="common-ca")
@pytest.mark.usefixtures("programs")
def test_an_authority_that_is_rotated_at_failback(bed: Bed, nemesis: Nemesis, table: Table) -> None:
    """The primary comes back with a certificate from an authority of the same name and another key."""
    fault = certificate(bed.primary, CertificateFault.REPLACED)
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        nemesis.inject(fault)
    eventually_serves(bed.primary, bed)
    verdicts = asked(bed.primary)
    assert asked(bed.secondary) == trusted_by_all()
    nemesis.heal(fault)
    assert verdicts == kept(table, ROTATED_AT_FAILBACK, verdicts)
    assert asked(bed.primary) == trusted_by_all()
