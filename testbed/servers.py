"""What a client is told of one server. Pure: a value and the addresses derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stubs import ports

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server of a topology, as its clients know it.

    Attributes:
        name: the role in the topology: "primary" or "secondary".
        hostname: the name in its certificate and in redirects; nothing on this machine resolves it.
        address: its IPv4 address, reachable from the host.
        certificate: PEM file with the certificate (or its issuer) that a client must trust.
    """

    name: str
    hostname: str
    address: str
    certificate: Path

    @property
    def portal_url(self) -> str:
        """The user page of the portal."""
        return f"https://{self.hostname}:{ports.PORTAL_HTTPS}/onexportal.html"

    @property
    def admin_url(self) -> str:
        """The administrator page of the portal."""
        return f"https://{self.hostname}:{ports.PORTAL_HTTPS}/onexportal-admin.html"

    @property
    def api_url(self) -> str:
        """The root of the portal's JSON API."""
        return f"https://{self.hostname}:{ports.PORTAL_HTTPS}/api/v1"

    @property
    def platform_view_url(self) -> str:
        """The platform view of the server."""
        return f"https://{self.hostname}:{ports.PLATFORM_VIEW}/"

    @property
    def core_url(self) -> str:
        """The services of the core: configuration and the redirect service."""
        return f"https://{self.hostname}:{ports.CORE_SERVICES}"
