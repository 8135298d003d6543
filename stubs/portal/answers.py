"""The form of every body that the portal's API answers with, for its document. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from stubs.contract import Reply
from stubs.portal import forms
from stubs.portal.settings import DetectionMinutes
from stubs.portal.store import Discarded
from stubs.resilience import Role
from stubs.wire import Failback, ServerName, Site

Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0)]
Rule = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]+-[0-9]+\Z")]


class Who(msgspec.Struct):
    """Who is logged in, and where."""

    user: str
    server: Site


LOGGED_IN = Reply(body=Who, headers={"Set-Cookie": str})
LOGGED_OUT = Reply(headers={"Set-Cookie": str})


class ContactItem(forms.Contact):
    """A contact that is stored."""

    id: Id


class Contacts(msgspec.Struct):
    """All contacts of a user, or the system directory."""

    items: list[ContactItem]


class SettingItem(forms.Setting):
    """A setting that is stored."""

    id: Id


class Settings(msgspec.Struct):
    """All settings of a user."""

    items: list[SettingItem]


class MeetingItem(forms.Meeting):
    """A meeting that is stored."""

    id: Id


class Meetings(msgspec.Struct):
    """All meetings of a user."""

    items: list[MeetingItem]


COLLECTIONS: dict[str, tuple[type[forms.Form], type[msgspec.Struct]]] = {
    "contacts": (ContactItem, Contacts),
    "settings": (SettingItem, Settings),
    "meetings": (MeetingItem, Meetings),
}
"""The answers of a user's collections: one item, and all of them."""


class KnownUser(msgspec.Struct):
    """A user as the portal learnt it from a core."""

    name: str
    home: ServerName


class KnownUsers(msgspec.Struct):
    """All users that the portal knows."""

    items: list[KnownUser]


class CentralCti(msgspec.Struct):
    """Central CTI Link on or off."""

    central_cti: bool


class CentralCtiLinkPage(msgspec.Struct):
    """Page Central CTI Link (CFG-4)."""

    configured: CentralCti
    effective: CentralCti
    restart_pending: bool


class HostDomainNamePage(msgspec.Struct):
    """Page Host Domain Name (CFG-4)."""

    configured: forms.HostDomainName
    effective: forms.HostDomainName
    restart_pending: bool


class ResiliencySettings(msgspec.Struct):
    """The Resiliency Configuration."""

    failover: bool
    failback: Failback
    detection_minutes: DetectionMinutes


class ResiliencyPage(msgspec.Struct):
    """Page Resiliency Configuration after a change (CFG-4, CFG-6)."""

    configured: ResiliencySettings
    effective: ResiliencySettings
    restart_pending: bool


class Discards(msgspec.Struct):
    """What the last failback took back (SYNC-4)."""

    count: Count
    changes: list[Discarded]


class ResiliencyStatus(ResiliencyPage):
    """Page Resiliency Configuration with what is unmet and what was discarded (CFG-13, SYNC-4)."""

    unmet: list[Rule]
    discarded: Discards


class Accepted(msgspec.Struct):
    """What was asked for will be done."""

    accepted: Literal["failover-now", "restart"]


class Peer(msgspec.Struct):
    """What this portal knows of the other one.

    Attributes:
        heard: its words are fresh.
        serving: it is known to serve.
        head: the last change of the primary's log that it has.
    """

    server: Site
    heard: bool
    serving: bool
    version: str
    head: Count


class Sync(msgspec.Struct):
    """How synchronisation stands (SYNC-4, SYNC-7).

    Attributes:
        head: the last change of the primary's log that is here.
        digest: over all data; equal digests, equal data.
        discarded: how many changes the last failback took back.
    """

    state: Literal["running", "interrupted", "suspended"]
    head: Count
    digest: Digest
    discarded: Count


class Resilience(msgspec.Struct):
    """The resilience status of one portal (CFG-13).

    Attributes:
        boot: start of the process or last factory reset.
        why: reason of the last change of role.
        unmet: every rule that keeps resilience from working.
    """

    server: Site
    topology: str
    version: str
    boot: int
    role: Role
    why: str
    core: Literal["up", "down"]
    resilience: Literal["not ready", "in force", "normal"]
    unmet: list[Rule]
    peer: Peer | None
    restart_pending: bool
    sync: Sync
