"""What a client is told of one server. Pure: a value and the addresses derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from stubs import ports

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server of a topology, as its clients know it.

    Attributes:
        name: the role in the topology: "primary", "secondary", "application" or "expansion".
        hostname: the name in its certificate and in redirects; nothing on this machine resolves it.
        address: its IPv4 address, reachable from the host.
        certificate: PEM file with the certificate (or its issuer) that a client must trust.
        portal_elsewhere: the Application Server whose portal stands in for this server's own (CFG-10).
        core_elsewhere: the server whose core an Application Server's portal belongs to (CFG-10).
    """

    name: str
    hostname: str
    address: str
    certificate: Path
    portal_elsewhere: Self | None = None
    core_elsewhere: Self | None = None

    @property
    def portal_server(self) -> Self:
        """Where the portal of this server's half runs."""
        return self.portal_elsewhere or self

    @property
    def core_server(self) -> Self:
        """Where the core runs that this server's portal belongs to."""
        return self.core_elsewhere or self

    @property
    def portal_url(self) -> str:
        """The user page of the portal."""
        return f"https://{self.portal_server.hostname}:{ports.PORTAL_HTTPS}/onexportal.html"

    @property
    def admin_url(self) -> str:
        """The administrator page of the portal."""
        return f"https://{self.portal_server.hostname}:{ports.PORTAL_HTTPS}/onexportal-admin.html"

    @property
    def api_url(self) -> str:
        """The root of the portal's JSON API."""
        return f"https://{self.portal_server.hostname}:{ports.PORTAL_HTTPS}/api/v1"

    @property
    def platform_view_url(self) -> str:
        """The platform view of the server."""
        return f"https://{self.hostname}:{ports.PLATFORM_VIEW}/"

    @property
    def core_url(self) -> str:
        """The services of the core: configuration and the redirect service."""
        return f"https://{self.core_server.hostname}:{ports.CORE_SERVICES}"
