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
    from collections.abc import Iterable

    from stubs.wire import ServerName
    from testbed.bed import Bed
    from testbed.certificates import ServerCertificate

PORTS = {"server": ports.PLATFORM_VIEW, "core": ports.CORE_SERVICES, "portal": ports.PORTAL_HTTPS}
"""The TLS port of each service of a server."""

_INSTALLED, _ANCHOR_KEY = f"{VAULT}/tls.pem", f"{VAULT}/authority-key.pem"


def tls_ports(installed: Iterable[str]) -> list[int]:
    """The TLS ports of a server on which these services are installed; its platform view always is."""
    return [PORTS[service] for service in ("server", *installed)]


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

    def current(self) -> dict[ServerName, CertificateFault]:
        """The faults in force, as the servers themselves show them; one that nobody reaches shows none."""
        found = {one.server: self._shown(one.server) for one in self._bed.servers}
        return {server: fault for server, fault in found.items() if fault is not None}

    def described(self) -> list[str]:
        """The same in words, one line each; and what nobody shows yet, but would when next told to look."""
        shown = [describe(Certificate(server, case)) for server, case in self.current().items()]
        staged = [one.server for one in self._bed.servers if self._staged(one.server)]
        return shown + [f"certificate of {server.value} staged, and not shown yet" for server in staged]

    def refuse_a_second(self, server: ServerName) -> None:
        """Nothing, unless the server has a certificate fault already.

        Raises:
            MisuseError: it has.
        """
        fault = self._shown(server)
        if fault is not None:
            raise MisuseError(f"the certificate of the {server.value} is {fault.value} already: heal that first")

    def stage(self, server: ServerName, case: CertificateFault) -> None:
        """Let a server show a certificate that is wrong in this way; when this returns, every running service does.

        Raises:
            FaultError: one does not.
            EngineError: the engine failed.
        """
        known, anchor = self._bed.server(server), self._bed.record.anchors[server].encode()
        authority = Authority.of(anchor, self._bed.services.read_file(server, _ANCHOR_KEY))
        made = faulty(case, known.hostname, known.address, authority=authority, now=datetime.now(UTC))
        self._install(server, made.installed)

    def restore(self, server: ServerName) -> None:
        """Let a server show the certificate that was installed; when this returns, every running service does.

        Raises:
            FaultError: the fault outlived its end.
            EngineError: the engine failed.
        """
        self._install(server, self._bed.services.read_file(server, _INSTALLED))

    def restore_all(self) -> None:
        """Heal every certificate fault, whoever staged it: one, too, that its stager was killed before it told of.

        Raises:
            ExceptionGroup: of those that could not be healed; a note on each names it.
        """
        failures: list[Exception] = []
        current = self.current()
        for server in (one.server for one in self._bed.servers):
            case = current.get(server)
            try:
                if case is not None or self._staged(server):
                    self.restore(server)
            except Exception as error:  # noqa: BLE001 - kept and raised below, after the others were healed
                what = f"a certificate of {server.value}" if case is None else describe(Certificate(server, case))
                error.add_note(f"{what} may still hold")
                failures.append(error)
        if failures:
            raise ExceptionGroup("not every certificate could be restored", failures)

    def _shown(self, server: ServerName) -> CertificateFault | None:
        """The first fault on any port: a healing that went half way must show."""
        anchor, hostname = self._bed.record.anchors[server].encode(), self._bed.server(server).hostname
        for port in tls_ports(self._bed.installed(server)):
            shown = self._bed.inspectors[server].certificate(port)
            if not shown:
                continue
            fault = fault_of(shown, anchor=anchor, hostname=hostname, now=datetime.now(UTC))
            if fault is not None:
                return fault
        return None

    def _staged(self, server: ServerName) -> bool:
        """Whether a certificate waits there for a service that is told to look, as somebody was killed half-way."""
        return self._bed.services.has_file(server, f"conf/{STAGED}")

    def _install(self, server: ServerName, pem: bytes) -> None:
        services, leaf = self._bed.services, leaf_of(pem)
        services.write_files(server, {f"conf/{STAGED}": pem})
        services.show_certificate(server, self._running(server))

        def look() -> list[str]:
            return [service for service in self._running(server) if not self._shows(server, service, leaf)]

        what = "no service to show another one"
        try:
            wait_until(look, lambda lagging: not lagging, within_s=self._within_s, what=what)
        except NotInTimeError as error:
            raise FaultError(f"the certificate of the {server.value} was not replaced: {error}") from error

    def _running(self, server: ServerName) -> list[str]:
        return [service for service, state in self._bed.services.states()[server].items() if state == "running"]

    def _shows(self, server: ServerName, service: str, leaf: bytes) -> bool:
        """Whether a service shows this one, or shows none: it is dormant (CFG-11), or just starts and reads it then."""
        shown = self._bed.inspectors[server].certificate(PORTS[service])
        return shown == leaf or (shown == b"" and service != "server")
