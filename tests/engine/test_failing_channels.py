"""The engine fails, or a server refuses, while the fault channels of a bed are opened: none of them stays open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.errors import BedError, FaultError
from testbed.waiting import wait_until
from tests.engine.breaking import EVERY_WAY

if TYPE_CHECKING:
    from testbed.bed import Bed
    from tests.engine.breaking import Failure
    from tests.engine.conftest import Standing
    from tests.engine.double import Double
    from tests.engine.trials import Trial


def ended(double: Double) -> None:
    """Wait until no far end runs."""
    wait_until(lambda: +double.far_ends, lambda left: not left, within_s=5, what="every far end to end")


def opened(bed: Bed, double: Double) -> None:
    """Open the channels, and see that each server has one; then let go of them."""
    assert bed.links.servers() == ("primary", "secondary")
    assert sorted(double.far_ends.values()) == [1, 1]
    bed.close()
    ended(double)


@pytest.mark.parametrize("way", EVERY_WAY)
def test_channels_are_opened_all_or_none(
    tried: Trial, double: Double, standing: Standing, way: tuple[Failure, bool]
) -> None:
    """Each call. What went wrong is held on to meanwhile, as a report does: so no garbage collection closes them.

    Once the engine works again, they open.
    """
    tried.meet(standing.put_into(double))
    count = tried.calls(lambda: opened(tried.bed, double))
    assert count == 4
    for number in range(count):
        tried.way.begin(number, *way)
        with pytest.raises(BedError, match=r"no fault channel to prt-failing-(primary|secondary)-server") as failure:
            _ = tried.bed.links
        tried.way.after = None
        ended(double)
        assert failure.value.__traceback__ is not None
        opened(tried.bed, double)


def test_channels_that_a_server_refuses_are_closed(tried: Trial, double: Double, standing: Standing) -> None:
    """The packet filter cannot be set up: an error for each server, and no far end is left."""
    tried.meet(standing.put_into(double))
    sound, double.says = double.says, {"ok": False, "kind": "nft", "error": "no such thing", "code": "ENOENT"}
    with pytest.RaisesGroup(FaultError, FaultError) as refusal:
        _ = tried.bed.links
    ended(double)
    assert refusal.value.__traceback__ is not None
    double.says = sound
    opened(tried.bed, double)
