"""What can be set on a server, by the names that people type. Pure: names and values, no server.

A setting stands either in the configuration of a core (Manager's, CFG-8) or on a page of a portal (CFG-4).
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from testbed.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = bool | float | str


@dataclass(frozen=True)
class Choice:
    """One of these words."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Switch:
    """On or off."""


@dataclass(frozen=True)
class Minutes:
    """A number; the portal says how large it may be."""


@dataclass(frozen=True)
class Text:
    """Any text, none included; the portal says what it may hold."""


Kind = Choice | Switch | Minutes | Text


@dataclass(frozen=True, kw_only=True)
class OnPage:
    """A setting on a page of the portal.

    Attributes:
        page: its path below the administrators' API.
        field: its name in what the page shows.
        sent_as: its name in what the page takes.
        kind: what it may be.
    """

    page: str
    field: str
    sent_as: str
    kind: Kind


RESILIENCY = "resiliency"

ON_PAGES: Mapping[str, OnPage] = {
    "failover": OnPage(page=RESILIENCY, field="failover", sent_as="failover", kind=Switch()),
    "failback": OnPage(page=RESILIENCY, field="failback", sent_as="failback", kind=Choice(("automatic", "manual"))),
    "detection-minutes": OnPage(
        page=RESILIENCY, field="detection_minutes", sent_as="detection_minutes", kind=Minutes()
    ),
    "central-cti": OnPage(page="central-cti-link", field="central_cti", sent_as="enabled", kind=Switch()),
    "host-domain-name": OnPage(
        page="host-domain-name", field="host_domain_name", sent_as="host_domain_name", kind=Text()
    ),
}
"""Settings of a portal."""

SELECT = "select"

ON_LINE: Mapping[str, str] = {
    "line.supports-resiliency": "supports_resiliency",
    "line.backs-up-portal": "backs_up_my_one_x_portal",
}
"""The ticks on the line from a core to the other server, with their names in its configuration."""

KINDS: Mapping[str, Kind] = {
    SELECT: Switch(),
    **dict.fromkeys(ON_LINE, Switch()),
    **{key: setting.kind for key, setting in ON_PAGES.items()},
}
"""Everything that can be set, in the order in which it is shown."""


def parse(assignments: Sequence[str]) -> dict[str, Value]:
    """Settings from KEY=VALUE texts.

    Raises:
        MisuseError: no such setting, no such value, no value, or a setting twice; names what is allowed.
    """
    changes: dict[str, Value] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        kind = kind_of(key)
        if not equals:
            raise MisuseError(f"{key} to what? Write {key}={_allowed(kind)}")
        if key in changes:
            raise MisuseError(f"{key} is given twice")
        changes[key] = _value(key, kind, text)
    return changes


def kind_of(key: str) -> Kind:
    """What a setting may be.

    Raises:
        MisuseError: there is no such setting; names those that there are.
    """
    kind = KINDS.get(key)
    if kind is None:
        raise MisuseError(f"nothing to set is called {key!r}; there are {', '.join(KINDS)}")
    return kind


def written(value: Value) -> str:
    """A value as it is typed."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float | int) else value


def on_page(page: str, values: Mapping[str, Any]) -> dict[str, Value]:
    """The settings of a page, by key, from what it shows as configured or in effect."""
    return {key: values[one.field] for key, one in ON_PAGES.items() if one.page == page}


def form(page: str, values: Mapping[str, Value]) -> dict[str, Value]:
    """What a page takes, from all of its settings by key."""
    return {one.sent_as: values[key] for key, one in ON_PAGES.items() if one.page == page}


def _value(key: str, kind: Kind, text: str) -> Value:
    match kind:
        case Switch():
            if text in ("on", "off"):
                return text == "on"
        case Choice(words):
            if text in words:
                return text
        case Minutes():
            with contextlib.suppress(ValueError):
                if math.isfinite(number := float(text)):
                    return number
        case Text():
            return text
        case _:
            assert_never(kind)
    raise MisuseError(f"{key} is {_allowed(kind)}, not {text!r}")


def _allowed(kind: Kind) -> str:
    match kind:
        case Switch():
            return "on|off"
        case Choice(words):
            return "|".join(words)
        case Minutes():
            return "NUMBER"
        case Text():
            return "TEXT"
        case _:
            assert_never(kind)
