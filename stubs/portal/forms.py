"""The form of every body that the portal's API takes. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

# Every pattern ends with \Z: $ would let a newline through, and these texts end up in headers and pages.
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Number = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[+*#0-9][+*#0-9 ()/-]*\Z")]
HostName = Annotated[str, msgspec.Meta(max_length=253, pattern=r"^[A-Za-z0-9.-]*\Z")]


class Form(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A body: strict, and an unknown field is an error."""


class LogIn(Form):
    """POST /session."""

    user: Annotated[str, msgspec.Meta(max_length=200)]
    password: Annotated[str, msgspec.Meta(max_length=200)]


class AdminLogIn(LogIn):
    """POST /admin/session; `end_other` ends the session of another administrator."""

    end_other: bool = False


class Contact(Form):
    """A personal contact, or an entry of the system directory."""

    name: Text
    number: Number


class Setting(Form):
    """One of a user's own settings."""

    key: Text
    value: Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^[^\x00]*\Z")]


class Meeting(Form):
    """A scheduled meeting; the time is ISO 8601 with its offset."""

    title: Text
    starts_at: Annotated[datetime, msgspec.Meta(tz=True, examples=["2999-12-31T09:00:00+01:00"])]


class CentralCtiLink(Form):
    """Page Central CTI Link."""

    enabled: bool


class HostDomainName(Form):
    """Page Host Domain Name."""

    host_domain_name: HostName
