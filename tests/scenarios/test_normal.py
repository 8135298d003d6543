"""Normal running: who serves, what the platform views show, what is synchronised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.observing import portal, shown

if TYPE_CHECKING:
    from testbed.bed import Bed


@pytest.mark.rule("ROLE-1", "VIEW-1", "VIEW-2")
def test_the_primary_is_available_and_the_secondary_starting(bed: Bed) -> None:
    """Both platform views say who serves, with the right icon."""
    assert shown(bed.primary, bed) == ("Available", "green")
    assert shown(bed.secondary, bed) == ("Starting", "yellow")
    assert portal(bed.primary, bed)["resilience"] == "normal"
