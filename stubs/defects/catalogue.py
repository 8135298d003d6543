"""All defects of the stubs, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs.defects import certificates, configuration, contacts, meetings, redirect, roles, sessions, sync, view
from stubs.defects.planting import Defect

if TYPE_CHECKING:
    from types import ModuleType

AREAS: tuple[ModuleType, ...] = (
    roles,
    view,
    sync,
    redirect,
    sessions,
    certificates,
    meetings,
    contacts,
    configuration,
)


def of(*areas: ModuleType) -> dict[str, Defect]:
    """The defects of some areas, by name, in the order in which they stand there."""
    return {each.name: each for area in areas for each in vars(area).values() if isinstance(each, Defect)}


DEFECTS = of(*AREAS)
