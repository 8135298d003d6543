"""The form of every body that the core's services answer with, for their document. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from stubs.contract import Reply
from stubs.core.configuration import Configuration
from stubs.wire import ServerName

Version = Annotated[str, msgspec.Meta(pattern=r'^"[0-9]{1,17}"\Z')]
Url = Annotated[str, msgspec.Meta(pattern=r"^https://[A-Za-z0-9.-]+:9443/onexportal\.html\Z")]


class Redirect(msgspec.Struct):
    """Where the portal is that serves now; none: nowhere."""

    portal: Url | None


class KnownPortal(msgspec.Struct):
    """What a core knows of a portal."""

    serving: bool


class KnownPortals(msgspec.Struct):
    """The portals that a core hears now; the others are not there."""

    primary: KnownPortal | msgspec.UnsetType = msgspec.UNSET
    secondary: KnownPortal | msgspec.UnsetType = msgspec.UNSET


class Status(msgspec.Struct):
    """The status of a core."""

    server: ServerName
    core: Literal["running"]
    portals: KnownPortals


REDIRECT = Reply(body=Redirect, headers={"Access-Control-Allow-Origin": Literal["*"]})
SAVED = Reply(body=Configuration, headers={"ETag": Version})
LOADED = Reply(
    body=Configuration,
    headers={"ETag": Version},
    links={
        "save": {
            "operationId": "save",
            "parameters": {"If-Match": "$response.header.ETag"},
            "requestBody": "$response.body",
        }
    },
)
