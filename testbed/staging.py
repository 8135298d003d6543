"""Certificate faults on a running server: staged, proved on every TLS port, taken back, proved again (CERT-5).

What was installed, and the key of the authority that vouches for it, lie in the vault of the server's own volume: so
any process can make a fault, tell which is in force, and heal it, whoever staged it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stubs import ports
from stubs.installation import CERTIFICATE, STAGED
from testbed.certificates import Authority, CertificateFault, fault_of, faulty, leaf_of
from testbed.engine.volumes import VAULT
from testbed.errors import FaultError, MisuseError, NotInTimeError
from testbed.faults import Certificate, describe
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from stubs.wire import Site
    from testbed.bed import Bed
    from testbed.certificates import ServerCertificate

PORTS = {"server": ports.PLATFORM_VIEW, "core": ports.CORE_SERVICES, "portal": ports.PORTAL_HTTPS}
"""The TLS port of each service of a server."""

_INSTALLED, _ANCHOR_KEY = f"{VAULT}/tls.pem", f"{VAULT}/authority-key.pem"


def installed_files(certificate: ServerCertificate) -> dict[str, bytes]:
    """What a server's volume holds of its certificate, by path, when it is installed."""
    return {
        f"conf/{CERTIFICATE}": certificate.installed,
        _INSTALLED: certificate.installed,
        _ANCHOR_KEY: certificate.anchor_key,
    }


class Certificates:
    """The certificates of one bed's servers. At most one fault of this kind a server.

    Args:
        bed: which.
        within_s: how long a service may take until it shows another one, in seconds; one that just starts needs it.
    """

    def __init__(self, bed: Bed, *, within_s: float = 10.0) -> None:
        self._bed = bed
        self._within_s = within_s

    def current(self) -> dict[Site, CertificateFault]:
        """The faults in force, as the servers themselves show them; one that nobody reaches shows none."""
        found = {site: self._shown(site) for site in self._bed.inspectors}
        return {site: fault for site, fault in found.items() if fault is not None}

    def described(self) -> list[str]:
        """The same in words, one line each."""
        return [describe(Certificate(site, case)) for site, case in self.current().items()]

    def refuse_a_second(self, site: Site) -> None:
        """Nothing, unless the server has a certificate fault already.

        Raises:
            MisuseError: it has.
        """
        fault = self._shown(site)
        if fault is not None:
            raise MisuseError(f"the certificate of the {site.value} is {fault.value} already: heal that first")

    def stage(self, site: Site, case: CertificateFault) -> None:
        """Let a server show a certificate that is wrong in this way; when this returns, every running service does.

        Raises:
            FaultError: one does not.
            EngineError: the engine failed.
        """
        server, anchor = self._bed.server(site), self._bed.record.anchors[site].encode()
        authority = Authority.of(anchor, self._bed.services.installed(site, _ANCHOR_KEY))
        made = faulty(case, server.hostname, server.address, authority=authority, now=datetime.now(UTC))
        self._install(site, made.installed)

    def restore(self, site: Site) -> None:
        """Let a server show the certificate that was installed; when this returns, every running service does.

        Raises:
            FaultError: the fault outlived its end.
            EngineError: the engine failed.
        """
        self._install(site, self._bed.services.installed(site, _INSTALLED))

    def restore_all(self) -> None:
        """Heal every certificate fault, whoever staged it.

        Raises:
            ExceptionGroup: of those that could not be healed.
        """
        failures: list[Exception] = []
        for site in self.current():
            try:
                self.restore(site)
            except Exception as error:  # noqa: BLE001 - kept and raised below, after the others were healed
                failures.append(error)
        if failures:
            raise ExceptionGroup("not every certificate could be restored", failures)

    def _shown(self, site: Site) -> CertificateFault | None:
        """The first fault on any port: a healing that went half way must show."""
        anchor, hostname = self._bed.record.anchors[site].encode(), self._bed.server(site).hostname
        for port in PORTS.values():
            shown = self._bed.inspectors[site].certificate(port)
            if shown is None:
                continue
            fault = fault_of(shown, anchor=anchor, hostname=hostname, now=datetime.now(UTC))
            if fault is not None:
                return fault
        return None

    def _install(self, site: Site, pem: bytes) -> None:
        services, leaf = self._bed.services, leaf_of(pem)
        services.install(site, {f"conf/{STAGED}": pem})
        running = self._running(site)
        services.show_certificate(site, running)

        def look() -> list[str]:
            return [service for service in self._running(site) if not self._shows(site, service, leaf)]

        what = "no service to show another one"
        try:
            wait_until(look, lambda lagging: not lagging, within_s=self._within_s, what=what)
        except NotInTimeError as error:
            raise FaultError(f"the certificate of the {site.value} was not replaced: {error}") from error

    def _running(self, site: Site) -> list[str]:
        return [service for service, state in self._bed.services.states()[site].items() if state == "running"]

    def _shows(self, site: Site, service: str, leaf: bytes) -> bool:
        return self._bed.inspectors[site].certificate(PORTS[service]) == leaf
