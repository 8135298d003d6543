"""Defects of what an administrator sees (VIEW)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stubs import watchdog
from stubs.defects.planting import defect
from stubs.watchdog import Colour, Shown, Sign

if TYPE_CHECKING:
    from collections.abc import Callable


@defect(watchdog, "shown", breaks=("VIEW-3",), part="server")
def dead_service_stays_green(right: Callable[..., Shown], sign: Sign | None, *, age_ms: int, limit_ms: int) -> Shown:
    """A service that has ended is shown as it was last, for as long as the server runs."""
    return right(sign, age_ms=min(age_ms, limit_ms), limit_ms=limit_ms)


@defect(watchdog, "shown", breaks=("VIEW-2",), part="server")
def passive_portal_is_green(right: Callable[..., Shown], sign: Sign | None, *, age_ms: int, limit_ms: int) -> Shown:
    """A portal that stands by has the icon of one that serves."""
    found = right(sign, age_ms=age_ms, limit_ms=limit_ms)
    return replace(found, colour=Colour.GREEN) if found.colour is Colour.YELLOW else found
