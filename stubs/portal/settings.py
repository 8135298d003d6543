"""The portal's own settings: configured now, in effect after the next restart (CFG-4). Pure but for the store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec

from stubs.decoding import convert, decode
from stubs.portal.forms import HostName
from stubs.wire import Failback, PortalFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stubs.installation import Baseline

DetectionMinutes = Annotated[float, msgspec.Meta(ge=1, le=60)]

_KEY = "settings"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an administrator sets on a portal.

    Attributes:
        central_cti: page Central CTI Link (CFG-5).
        failover: page Resiliency Configuration, failover on or off (CFG-6).
        failback: the same page (ROLE-8).
        detection_minutes: Failover Detection Time, the same page.
        host_domain_name: page Host Domain Name (CFG-12).
    """

    central_cti: bool
    failover: bool
    failback: Failback
    detection_minutes: DetectionMinutes
    host_domain_name: HostName


class Notes(Protocol):
    """Where settings are kept across restarts."""

    def remembered(self, key: str) -> str | None:
        """What was kept under a key."""

    def remember(self, key: str, value: str) -> None:
        """Keep it."""


def at_installation(baseline: Baseline) -> Settings:
    """What a portal starts with."""
    return Settings(
        central_cti=baseline.central_cti,
        failover=baseline.failover,
        failback=Failback(baseline.failback),
        detection_minutes=baseline.detection_minutes,
        host_domain_name=baseline.host_domain_name,
    )


class PortalSettings:
    """Configured and effective settings of one portal. Any thread may change them.

    Args:
        notes: keeps the configured ones.
        installed: what counts until somebody configures.
    """

    def __init__(self, notes: Notes, installed: Settings) -> None:
        self._notes = notes
        self._installed = installed
        self._changing = threading.Lock()
        text = notes.remembered(_KEY)
        self._configured = installed if text is None else decode(text, Settings)
        self.effective = self._configured

    @property
    def configured(self) -> Settings:
        """What will be in effect after the next restart."""
        return self._configured

    @property
    def restart_pending(self) -> bool:
        """Whether something was configured that is not in effect yet (CFG-4)."""
        return self._configured != self.effective

    def change(self, fields: Mapping[str, Any]) -> None:
        """Configure some of the settings, on disk when this returns; of others that change meanwhile none is lost.

        Raises:
            msgspec.ValidationError: a value is none for its setting; nothing has changed.
        """
        with self._changing:
            self._keep(convert({**msgspec.to_builtins(self._configured), **fields}, Settings))

    def reset(self) -> None:
        """Back to the settings after installation, in effect at once."""
        with self._changing:
            self._keep(self._installed)
            self.effective = self._installed

    def _keep(self, settings: Settings) -> None:
        self._notes.remember(_KEY, msgspec.json.encode(settings).decode())
        self._configured = settings

    def facts(self, version: str, *, select: bool | None) -> PortalFacts:
        """What the other portal is told of these settings: the effective ones.

        Args:
            version: of the portal's software.
            select: whether the system has been in Select mode since this portal started.
        """
        effective = self.effective
        return PortalFacts(
            version=version,
            central_cti=effective.central_cti,
            failover=effective.failover,
            failback=effective.failback,
            detection_minutes=effective.detection_minutes,
            host_domain_name=effective.host_domain_name,
            select=select,
        )
