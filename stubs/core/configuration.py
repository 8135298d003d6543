"""A core's configuration as Manager sees it: form, validation, and what follows for resilience. Pure.

Manager's way of working (CFG-8): load the whole, edit, save the whole. A save that is not valid names the field and
changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, cast

import msgspec

from stubs.wire import CoreFacts, User

if TYPE_CHECKING:
    from stubs.installation import Installation
    from stubs.wire import ServerName, Site

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*\Z")]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]

LineEnd: TypeAlias = Literal["primary", "secondary", "expansion"]

MOST_BYTES = 9 * 1024 * 1024
"""Of a configuration as JSON: as many users as there can be, however their passwords are escaped, fit."""

FIRST_LINE = 17
"""The number of a core's first IP Office line after installation (ours)."""


class System(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The system's own settings.

    Attributes:
        mode: "select" is Server Edition Select (CFG-2).
    """

    mode: Literal["standard", "select"]


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An IP Office line; the last two stand on its tab *Line*, under *SCN Resiliency Options* (CFG-7).

    Attributes:
        number: unique on this core.
        to: the server at its other end.
        supports_resiliency: *Supports Resiliency*.
        backs_up_my_one_x_portal: *Backs up my one-X Portal*.
    """

    number: Annotated[int, msgspec.Meta(ge=1, le=9999)]
    to: LineEnd
    supports_resiliency: bool
    backs_up_my_one_x_portal: bool


class CoreUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user at home on this core."""

    name: Name
    password: Password


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole, as loaded and saved."""

    system: System
    lines: Annotated[tuple[Line, ...], msgspec.Meta(max_length=32)]
    users: Annotated[tuple[CoreUser, ...], msgspec.Meta(max_length=5000)]


class InvalidError(Exception):
    """A configuration that cannot be saved; the message names the field."""


def check(configuration: Configuration, server: ServerName) -> None:
    """Refuse what the form alone cannot.

    Raises:
        InvalidError: a number or name twice, or a line to this very server.
    """
    _refuse_twice("lines", "number", [str(line.number) for line in configuration.lines])
    _refuse_twice("users", "name", [user.name for user in configuration.users])
    for place, line in enumerate(configuration.lines):
        if line.to == server.value:
            raise InvalidError(f"the line leads to the {server.value} itself - at `$.lines[{place}].to`")


def _refuse_twice(collection: str, field: str, values: list[str]) -> None:
    seen: set[str] = set()
    for place, value in enumerate(values):
        if value in seen:
            raise InvalidError(f"{value} stands there twice - at `$.{collection}[{place}].{field}`")
        seen.add(value)


def at_installation(installation: Installation) -> Configuration:
    """What the core starts with: a line to every other core, the ticks on the one to the other half of the pair."""
    baseline = installation.baseline
    other = installation.half.other.value if installation.half is not None else None
    others = [server for server in installation.cores if server is not installation.server]
    lines = (
        Line(
            number=FIRST_LINE + place,
            to=cast("LineEnd", server.value),
            supports_resiliency=server == other and baseline.supports_resiliency,
            backs_up_my_one_x_portal=server == other and baseline.backs_up_portal,
        )
        for place, server in enumerate(others)
    )
    return Configuration(
        system=System(mode="select" if baseline.select else "standard"),
        lines=tuple(lines),
        users=tuple(CoreUser(name=user.name, password=user.password) for user in baseline.users),
    )


def facts(
    configuration: Configuration, server: ServerName, half: Site | None, *, version: int = 1, installed: int = 1
) -> CoreFacts:
    """What follows for resilience: only ticks on a line to the other half of the pair count (CFG-7).

    Args:
        configuration: the one in force.
        server: of the core.
        half: that the core belongs to; `None`: neither.
        version: its version.
        installed: the version that the last factory reset made.
    """
    to_other = [line for line in configuration.lines if half is not None and line.to == half.other.value]
    return CoreFacts(
        server=server,
        select=configuration.system.mode == "select",
        supports_resiliency=any(line.supports_resiliency for line in to_other),
        backs_up_portal=any(line.supports_resiliency and line.backs_up_my_one_x_portal for line in to_other),
        version=version,
        installed=installed,
    )


def users(configuration: Configuration, server: ServerName) -> tuple[User, ...]:
    """The users at home on this core, as the portals learn them."""
    return tuple(User(name=user.name, password=user.password, home=server) for user in configuration.users)
