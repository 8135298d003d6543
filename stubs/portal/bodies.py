"""The form of every body that the portal's API answers with, for its document. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from stubs.condition import Component, ServerCondition
from stubs.contract import Reply
from stubs.portal import forms
from stubs.portal.changes import Discarded, Logged
from stubs.portal.events_record import KeyEvent
from stubs.portal.meetings import Meeting
from stubs.portal.sessions import Session
from stubs.portal.settings import DetectionMinutes
from stubs.readiness import Need
from stubs.resilience import Role
from stubs.wire import Failback, ServerName, Site

Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Rule = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]+-[0-9]+\Z")]
Count = Annotated[int, msgspec.Meta(ge=0)]


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


class MeetingItem(Meeting, frozen=True, kw_only=True):
    """A meeting that is stored, with what became of it."""

    id: Id


class Meetings(msgspec.Struct):
    """All meetings of a user."""

    items: list[MeetingItem]


COLLECTIONS: dict[str, tuple[type[msgspec.Struct], type[msgspec.Struct]]] = {
    "contacts": (ContactItem, Contacts),
    "settings": (SettingItem, Settings),
    "meetings": (MeetingItem, Meetings),
}
"""What a user's collections answer with: one item, and all of them."""


class KnownUser(msgspec.Struct):
    """A user as the portal learnt it from a core."""

    name: str
    home: ServerName
    logged_in: bool


class KnownUsers(msgspec.Struct):
    """All users that the portal knows."""

    items: list[KnownUser]


class Ended(msgspec.Struct):
    """How many sessions were ended."""

    ended: Count


class ChangeLog(msgspec.Struct):
    """A part of the change log."""

    items: list[Logged]


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
    unmet_why: list[Need]
    discarded: Discards


class Components(msgspec.Struct):
    """Page Component Status."""

    items: list[Component]


class Servers(msgspec.Struct):
    """The part of each server."""

    primary: ServerCondition
    secondary: ServerCondition


class ResiliencePage(msgspec.Struct):
    """Page Resilience (VIEW-4)."""

    seen_from: Site
    servers: Servers
    unmet: list[Need]
    discarded: Discards


class KeyEvents(msgspec.Struct):
    """Page Key Recent Events, the newest first."""

    items: list[KeyEvent]


class ActiveSessions(msgspec.Struct):
    """Page Active Sessions."""

    items: list[Session]


class Provider(msgspec.Struct):
    """Where the portal gets calls or directories from (CFG-14)."""

    name: str
    type: Literal["DSML", "CSTA"]
    server: Site
    address: str
    state: Literal["connected", "disconnected"]
    made_by: Literal["Central CTI Link", "hand"]


class Providers(msgspec.Struct):
    """All providers."""

    items: list[Provider]


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
        why: what is in its way, if that is known; may be empty.
        head: the last change of the primary's log that is here.
        digest: over all data; equal digests, equal data.
        discarded: how many changes the last failback took back.
    """

    state: Literal["running", "interrupted", "suspended"]
    why: str
    head: Count
    digest: Digest
    discarded: Count


class RoleChange(msgspec.Struct):
    """One of the last changes of role.

    Attributes:
        at_ms: since when, in milliseconds of this machine's monotonic clock.
        why: for people; may be empty.
    """

    role: Role
    at_ms: int
    why: str


class Resilience(msgspec.Struct):
    """The resilience status of one portal (CFG-13).

    Attributes:
        boot: start of the process or last factory reset.
        role_since_ms: since when it has this role, in milliseconds of this machine's monotonic clock.
        role_changes: the last ones, the latest last.
        why: reason of the last change of role.
        primary_configuration: version of the primary's core's configuration that is known here.
        unmet: every rule that keeps resilience from working.
        unmet_why: the same in words.
    """

    server: Site
    topology: str
    version: str
    boot: int
    role: Role
    role_since_ms: int
    role_changes: list[RoleChange]
    why: str
    core: Literal["up", "down"]
    resilience: Literal["not ready", "in force", "normal"]
    primary_configuration: int | None
    unmet: list[Rule]
    unmet_why: list[Need]
    peer: Peer | None
    restart_pending: bool
    sync: Sync
